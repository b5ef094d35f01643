// FrameWorkers: threads that compress chunks, handing the frames back in the order given.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"

namespace v2p {

/// One chunk on its way: filled by the caller, compressed by a worker, written by the caller.
struct FrameJob {
  std::vector<std::byte> plain;
  std::size_t plain_bytes = 0;
  std::vector<std::byte> frame;
  std::size_t frame_bytes = 0;
  std::uint32_t checksum = 0;  ///< low half of XXH64 of the plain bytes
  Status status;
  bool done = false;
};

/// Used from one thread; keeps no more than Capacity() jobs.
class FrameWorkers {
 public:
  FrameWorkers(unsigned threads, int level, std::size_t chunk_bytes);
  FrameWorkers(const FrameWorkers&) = delete;
  FrameWorkers& operator=(const FrameWorkers&) = delete;
  /// Drops what has not been begun.
  ~FrameWorkers();

  /// False when no thread could be started.
  bool Running() const { return !threads_.empty(); }
  std::size_t Capacity() const { return 2 * threads_.size() + 1; }
  std::size_t InFlight() const { return in_order_.size(); }

  /// An empty job to fill, once InFlight() is below Capacity().
  std::unique_ptr<FrameJob> TakeEmpty();
  void Submit(std::unique_ptr<FrameJob> job);

  /// The oldest submitted job, when it is done; give it back with Recycle.
  std::unique_ptr<FrameJob> WaitForOldest();
  void Recycle(std::unique_ptr<FrameJob> job) { idle_.push_back(std::move(job)); }

 private:
  void Work();

  const int level_;
  const std::size_t chunk_bytes_;
  std::vector<std::unique_ptr<FrameJob>> idle_;
  std::deque<std::unique_ptr<FrameJob>> in_order_;

  std::mutex mutex_;  // guards what follows, and FrameJob::done
  std::condition_variable work_to_do_;
  std::condition_variable job_done_;
  std::deque<FrameJob*> queue_;
  bool stop_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace v2p

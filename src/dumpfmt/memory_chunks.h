// MemoryChunks: all that an image holds, in order of address, fetched by several threads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/physical_memory.h"
#include "base/task_queue.h"

namespace v2p {

/// Consecutive bytes that are present.
struct MemoryChunk {
  PhysAddr at;
  std::span<const std::byte> bytes;  ///< valid until the next batch is taken
  /// Sum of XXH3 over the pages, seeded with their addresses: does not depend on where stretches
  /// are cut, so long as they are cut where pages end.
  std::uint64_t checksum = 0;
};

/// Used from one thread. Memory use depends on the number of threads only.
class MemoryChunks {
 public:
  struct Options {
    unsigned threads = 0;      ///< 0: as many as the machine has
    bool whole_pages = false;  ///< leave out pages that are present in part
    /// Told of every chunk by the thread that has fetched it, while it is in that core's cache:
    /// from several threads, in no order. May be empty.
    std::function<void(const MemoryChunk&)> fetched;
  };

  MemoryChunks(const PhysicalMemory& memory, Options options);
  ~MemoryChunks() = default;  // waits for what is on its way
  MemoryChunks(const MemoryChunks&) = delete;
  MemoryChunks& operator=(const MemoryChunks&) = delete;

  /// The next few chunks, ascending and disjoint; empty at the end. Pages that turn out not to be
  /// readable are left out: PhysicalMemory::Fault and UnreadableBytes tell.
  std::span<const MemoryChunk> Next();

  std::uint64_t UnreadableBytes() const { return unreadable_; }
  /// Bytes of pages present in part that whole_pages left out, so far.
  std::uint64_t PartialBytes() const { return partial_; }

 private:
  struct Piece {
    PhysAddr at;
    std::size_t bytes = 0;
  };
  using Buffer =
      std::unique_ptr<std::byte[]>;  // of kBatchBytes; used again, as new pages cost time
  struct Batch {
    std::vector<Piece> pieces;
    Buffer buffer;
    std::vector<MemoryChunk> chunks;
    std::uint64_t unreadable = 0;
  };

  std::optional<Piece> NextPiece();
  Batch Collect();
  Buffer TakeBuffer();
  void Keep(PhysAddr at, std::span<const std::byte> bytes, Batch& batch) const;
  void FetchPages(PhysAddr at, std::span<std::byte> out, Batch& batch) const;
  Batch Fetch(Batch batch) const;
  void Start();

  const PhysicalMemory& memory_;
  Options options_;
  PhysAddr from_;
  PhysAddr end_;
  std::optional<Piece> left_;  // did not fit into the batch before
  std::size_t in_flight_;
  std::deque<std::future<Batch>> on_the_way_;
  Batch current_;
  std::vector<Buffer> spare_;
  std::uint64_t unreadable_ = 0;
  std::uint64_t partial_ = 0;
  TaskQueue workers_;  // last: ends before what its tasks use
};

}  // namespace v2p

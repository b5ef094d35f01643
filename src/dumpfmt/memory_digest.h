// MemoryDigest: what memory was seen, as stretches and a checksum that do not depend on how it
// came. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "dumpfmt/memory_chunks.h"

namespace v2p {

class MemoryDigest {
 public:
  struct Range {
    PhysAddr begin;
    std::uint64_t bytes = 0;
    bool operator==(const Range&) const = default;
  };
  using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

  /// `progress` may be empty; it is told `before` plus what was added.
  MemoryDigest(Progress progress, std::uint64_t total, std::uint64_t before)
      : progress_(std::move(progress)), total_(total), before_(before) {}

  /// Ascending.
  void Add(const MemoryChunk& chunk) {
    if (ranges_.empty() || ranges_.back().begin + ranges_.back().bytes != chunk.at) {
      ranges_.push_back({chunk.at, 0});
    }
    ranges_.back().bytes += chunk.bytes.size();
    bytes_ += chunk.bytes.size();
    checksum_ += chunk.checksum;
    if (progress_) progress_(before_ + bytes_, total_);
  }

  std::uint64_t Bytes() const { return bytes_; }
  std::uint64_t Stretches() const { return ranges_.size(); }
  const std::vector<Range>& Ranges() const { return ranges_; }

  bool operator==(const MemoryDigest& other) const {
    return checksum_ == other.checksum_ && ranges_ == other.ranges_;
  }

 private:
  Progress progress_;
  std::uint64_t total_;
  std::uint64_t before_;
  std::uint64_t bytes_ = 0;
  std::vector<Range> ranges_;
  std::uint64_t checksum_ = 0;
};

}  // namespace v2p

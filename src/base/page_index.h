// PageIndex: scattered frames whose pages lie in any order in a source of whole pages.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.h"
#include "base/run_index.h"

namespace v2p {

/// `pages` frames from frame `first`, stored as pages `position`, `position` + 1, ... of a source.
struct StoredRun {
  std::uint64_t first = 0;
  std::uint32_t position = 0;
  std::uint32_t pages = 0;

  bool operator==(const StoredRun&) const = default;
};

/// Appends a run; one that continues the last run in memory and in the source becomes part of it.
void AppendRun(std::vector<StoredRun>& runs, const StoredRun& run);

/// Where each frame's page is, in 13 bytes a run: hibernation files hold millions of short runs in
/// an order of their own. Such sources are decompressed, never mapped.
class PageIndex {
 public:
  static constexpr std::uint64_t kFrames = kPhysicalLimit >> kPageShift;

  PageIndex() = default;

  /// Runs in any order, all below frame kFrames, positions below 2^32. Of a frame that comes more
  /// than once the copy at the lowest position counts; the others are counted as repeated.
  explicit PageIndex(std::vector<StoredRun> runs);

  std::optional<Location> Find(PhysAddr pa) const {
    const std::uint64_t frame = pa.value >> kPageShift;
    const std::size_t i = Upper(frame);
    if (i == 0) return std::nullopt;
    const std::uint64_t into = frame - First(i - 1);
    if (into >= Pages(i - 1)) return std::nullopt;
    const std::uint64_t at = (positions_[i - 1] + into) * kPageBytes + pa.value % kPageBytes;
    return Location{FileOffset(at), (Pages(i - 1) - into) * kPageBytes - pa.value % kPageBytes};
  }

  /// The lowest present byte in [from, end), or nothing.
  std::optional<PhysAddr> FirstPresent(PhysAddr from, PhysAddr end) const;

  /// Calls `visit(Extent)` for every maximal run, ascending.
  template <class Visit>
  void ForEach(Visit visit) const {
    Extent run;
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      const Extent next = ExtentOf(i);
      if (run.bytes != 0 && run.End() == next.begin && run.at + run.bytes == next.at) {
        run.bytes += next.bytes;
        continue;
      }
      if (run.bytes != 0) visit(run);
      run = next;
    }
    if (run.bytes != 0) visit(run);
  }

  std::uint64_t PresentBytes() const { return present_pages_ * kPageBytes; }
  /// Address past the last present byte; 0 when there is none.
  PhysAddr End() const { return keys_.empty() ? PhysAddr() : ExtentOf(keys_.size() - 1).End(); }
  /// Pages that were left out because their frame had come before.
  std::uint64_t RepeatedPages() const { return repeated_pages_; }
  std::size_t HeapBytes() const;

 private:
  // A key is the first frame and, below it, the number of pages less one: sorted by frame.
  static constexpr unsigned kCountBits = 20;
  static constexpr std::uint64_t kMostPages = std::uint64_t{1} << kCountBits;

  std::uint64_t First(std::size_t i) const { return keys_[i] >> kCountBits; }
  std::uint64_t Pages(std::size_t i) const { return (keys_[i] & (kMostPages - 1)) + 1; }
  Extent ExtentOf(std::size_t i) const {
    return {Pfn(First(i)).Base(), Pages(i) * kPageBytes,
            FileOffset(std::uint64_t{positions_[i]} * kPageBytes)};
  }

  // Number of runs that begin at or below `frame`.
  std::size_t Upper(std::uint64_t frame) const {
    if (keys_.empty() || frame < First(0)) return 0;
    const std::uint64_t cell = (frame - First(0)) >> directory_shift_;
    if (cell + 1 >= directory_.size()) return keys_.size();
    std::size_t low = directory_[cell];
    std::size_t n = directory_[cell + 1] - low;
    while (n > 0) {  // branch-free: both halves cost the same
      const std::size_t half = (n + 1) / 2;
      low += First(low + half - 1) <= frame ? half : 0;
      n -= half;
    }
    return low;
  }

  void Pack(const std::vector<StoredRun>& runs);
  void BuildDirectory();

  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> positions_;
  std::vector<std::uint32_t> directory_;  // [c]: runs that begin before cell c's first frame
  unsigned directory_shift_ = 0;
  std::uint64_t present_pages_ = 0;
  std::uint64_t repeated_pages_ = 0;
};

}  // namespace v2p

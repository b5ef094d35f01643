// RunIndex: sorted extents of physical memory, each backed by consecutive source bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace v2p {

/// `bytes` bytes of physical memory from `begin`, stored from source offset `at`.
struct Extent {
  PhysAddr begin;
  std::uint64_t bytes = 0;
  FileOffset at;

  PhysAddr End() const { return begin + bytes; }
  bool operator==(const Extent&) const = default;
};

/// Where a physical byte is stored, and how many bytes follow it without a break.
struct Location {
  FileOffset at;
  std::uint64_t bytes = 0;
};

/// Byte-exact extents (LiME ends at 0x9fbff, ELF pieces start anywhere). Immutable after building.
class RunIndex {
 public:
  RunIndex() = default;

  /// Sorts and indexes `extents`, which must be disjoint, non-empty and not wrap 2^64: the format
  /// has checked that and knows how to name what is wrong. Neighbours that continue each other
  /// both in memory and in the source are joined.
  explicit RunIndex(std::vector<Extent> extents);

  /// The first pair of overlapping extents in a list sorted by `begin`, as index of the second.
  static std::optional<std::size_t> FirstOverlap(const std::vector<Extent>& sorted);

  std::optional<Location> Find(PhysAddr pa) const {
    const std::size_t i = Upper(pa.value);
    if (i == 0) return std::nullopt;
    const Extent& run = runs_[i - 1];
    const std::uint64_t into = pa.value - run.begin.value;
    if (into >= run.bytes) return std::nullopt;
    return Location{run.at + into, run.bytes - into};
  }

  /// The lowest present byte in [from, end), or nothing.
  std::optional<PhysAddr> FirstPresent(PhysAddr from, PhysAddr end) const {
    const std::size_t i = Upper(from.value);
    if (i > 0 && from < runs_[i - 1].End()) return from;
    if (i < runs_.size() && runs_[i].begin < end) return runs_[i].begin;
    return std::nullopt;
  }

  /// Calls `visit(Extent)` for every extent, ascending.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const Extent& run : runs_) visit(run);
  }

  std::uint64_t PresentBytes() const { return present_bytes_; }
  /// Address past the last present byte; 0 when there is none.
  PhysAddr End() const { return runs_.empty() ? PhysAddr() : runs_.back().End(); }
  std::size_t HeapBytes() const;

 private:
  // Number of runs that begin at or below `pa`.
  std::size_t Upper(std::uint64_t pa) const {
    std::size_t low = 0;
    std::size_t n = starts_.size();
    if (!directory_.empty()) {
      const std::uint64_t cell = (pa - starts_[0]) >> directory_shift_;
      if (pa < starts_[0]) return 0;
      if (cell + 1 >= directory_.size()) return n;
      low = directory_[cell];
      n = directory_[cell + 1] - low;
    }
    while (n > 0) {  // branch-free: both halves cost the same
      const std::size_t half = (n + 1) / 2;
      low += starts_[low + half - 1] <= pa ? half : 0;
      n -= half;
    }
    return low;
  }

  void BuildDirectory();

  std::vector<Extent> runs_;
  std::vector<std::uint64_t> starts_;  // runs_[i].begin, packed for the search
  // directory_[c]: runs that begin before cell c's first byte; built above 42 runs, where
  // bisection alone gets slow. Sized by the number of runs, never by the span of addresses.
  std::vector<std::uint32_t> directory_;
  unsigned directory_shift_ = 0;
  std::uint64_t present_bytes_ = 0;
};

}  // namespace v2p

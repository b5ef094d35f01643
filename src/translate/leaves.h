// Leaves: everything a root maps, as ranges in the order of addresses, without asking for
// addresses. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>

#include "base/address.h"
#include "translate/address_space.h"
#include "translate/entry_masks.h"

namespace v2p {

/// What every page of a range allows, all levels together. Bits of a set.
enum LeafRight : std::uint8_t {
  kLeafWritable = 1,
  kLeafUser = 2,        ///< x86: user mode may; Arm: EL0 may
  kLeafExecutable = 4,  ///< x86: no entry says no-execute; Arm: EL0 or EL1 may execute
};

/// Pages of one size and with the same rights that follow each other in both spaces.
struct LeafRange {
  VirtAddr va;
  PhysAddr pa;
  std::uint32_t pages = 0;
  std::uint8_t page_shift = kPageShift;  ///< 12, 21, 22 or 30
  std::uint8_t rights = 0;

  std::uint64_t PageBytes() const { return std::uint64_t{1} << page_shift; }
  std::uint64_t Bytes() const { return std::uint64_t{pages} << page_shift; }
  bool Has(LeafRight right) const { return (rights & right) != 0; }
  bool operator==(const LeafRange&) const = default;
};

/// How much of a table the image holds. What it lacks may map more.
enum class TablePresence : std::uint8_t { kWhole, kPart, kAbsent };

/// A table on the way: `level` 0 is the root; `va` is the first address it serves.
struct TableVisit {
  PhysAddr table;
  VirtAddr va;
  std::uint8_t level = 0;
  TablePresence presence = TablePresence::kWhole;
};

/// Who is told. All are called from the enumerating thread, those that are empty never.
struct LeafSink {
  /// Ranges, ascending by address; returns false to stop.
  std::function<bool(std::span<const LeafRange>)> ranges;
  std::function<void(const TableVisit&)> table;
  /// Whether the tables below are to be left out. Asked before each table but the root.
  std::function<bool(const TableVisit&)> skip;
};

/// What to enumerate, and how much work it may be. Tables that lead to themselves make address
/// spaces of any size out of one page: the number of tables read is the bound.
struct LeafOptions {
  VirtAddr first;
  VirtAddr last = VirtAddr(std::numeric_limits<std::uint64_t>::max());  ///< inclusive
  std::optional<std::uint64_t> tables;  ///< nothing: four times the frames of the image
  std::size_t batch = 4096;             ///< ranges handed over at a time
  MaskKernel kernel = BestMaskKernel();
};

struct LeafSummary {
  enum class End : std::uint8_t { kComplete, kStopped, kOutOfBudget };

  std::uint64_t tables = 0;         ///< read, the same one as often as it was met
  std::uint64_t absent_tables = 0;  ///< whole or in part
  std::uint64_t ranges = 0;
  End end = End::kComplete;
};

/// Shows `sink` every leaf of `space` in the range of addresses, those of the lower half first.
/// Large pages at the ends of the range of addresses are shown whole.
LeafSummary EnumerateLeaves(const AddressSpace& space, const LeafOptions& options,
                            const LeafSink& sink);

}  // namespace v2p

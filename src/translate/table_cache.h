// Tables that a walker has come by, so that most walks start near the leaf.
// Internal to src/translate: include walker.h instead.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

#include "translate/walk_kernel.h"

namespace v2p::kernel {

/// Tables of one level, direct-mapped by the part of the virtual address that leads to them. 256
/// last-level tables are the best single addition to a walk; the levels above need few.
template <const PagingMode& kMode, unsigned kLevel>
class TablesOfLevel {
 public:
  struct Slot {
    std::uint64_t key = ~std::uint64_t{0};  // no shifted address has all bits set
    const std::byte* table = nullptr;
    std::array<WalkStep, kLevel> upper;  // the steps that led here
  };

  static std::uint64_t KeyOf(VirtAddr va) { return va.value >> kMode.levels[kLevel - 1].shift; }
  Slot& SlotOf(std::uint64_t key) { return slots_[key % kSlots]; }

 private:
  static constexpr std::size_t kSlots = kLevel + 1u == kMode.level_count   ? 256
                                        : kLevel + 2u == kMode.level_count ? 64
                                                                           : 16;
  std::array<Slot, kSlots> slots_;
};

template <const PagingMode& kMode, class Levels = std::make_index_sequence<kMode.level_count - 1u>>
class TableCache;

/// For memory whose pointers stay valid. Tables that the image holds in pieces are not kept.
template <const PagingMode& kMode, std::size_t... kBelowTop>
class TableCache<kMode, std::index_sequence<kBelowTop...>> {
 public:
  static constexpr bool kDefersLast = false;

  template <unsigned kLevel>
  auto& Level() {
    return std::get<kLevel - 1>(levels_);
  }

  template <const PagingMode&, unsigned kLevel, class Cursor>
  V2P_ALWAYS_INLINE const std::byte* Keep(Cursor& cursor, PhysAddr table, const Walk& walk) {
    constexpr std::size_t kTableBytes = std::size_t{kMode.entry_bytes}
                                        << kMode.levels[kLevel].index_bits;
    const std::byte* const p = cursor.Find(table, kTableBytes);
    if (p == nullptr) [[unlikely]] {
      return nullptr;
    }
    auto& level = Level<kLevel>();
    const std::uint64_t key = level.KeyOf(walk.va);
    auto& slot = level.SlotOf(key);
    slot.key = key;
    slot.table = p;
    for (unsigned i = 0; i < kLevel; ++i) slot.upper[i] = walk.steps[i];
    if constexpr (kLevel + 1u == kMode.level_count) ++new_last_;
    return p;
  }

  /// How many tables of the last level have been kept since the last call.
  V2P_ALWAYS_INLINE unsigned TakeNewLast() { return std::exchange(new_last_, 0); }

 private:
  unsigned new_last_ = ~0U;  // at first nothing is known
  std::tuple<TablesOfLevel<kMode, kBelowTop + 1>...> levels_;
};

/// A table of the last level that a walk has come to but not read.
struct LastTable {
  PhysAddr table;
  const std::byte* bytes = nullptr;  ///< null when the image does not hold it in one piece
};

/// A cache for walks that stop before the last entry, so that many such entries can be on their
/// way to the processor at the same time.
template <const PagingMode& kMode>
class DeferringTables {
 public:
  static constexpr bool kDefersLast = true;

  explicit DeferringTables(TableCache<kMode>& cache) : cache_(cache) {}

  template <unsigned kLevel>
  auto& Level() {
    return cache_.template Level<kLevel>();
  }
  template <const PagingMode&, unsigned kLevel, class Cursor>
  V2P_ALWAYS_INLINE const std::byte* Keep(Cursor& cursor, PhysAddr table, const Walk& walk) {
    return cache_.template Keep<kMode, kLevel>(cursor, table, walk);
  }
  V2P_ALWAYS_INLINE void Defer(PhysAddr table, const std::byte* bytes) {
    last_ = {table, bytes};
    deferred_ = true;
  }

  /// The table that the walk since the last call stopped at, or false when it has ended.
  V2P_ALWAYS_INLINE bool Take(LastTable& last) {
    last = last_;
    return std::exchange(deferred_, false);
  }

 private:
  TableCache<kMode>& cache_;
  LastTable last_;
  bool deferred_ = false;
};

/// Walks from the lowest table of level `kLevel` or above that the cache knows.
template <const PagingMode& kMode, unsigned kLevel, class Cursor, class Tables>
V2P_ALWAYS_INLINE void WalkFromCache(const Context& context, Cursor& cursor, Tables& tables,
                                     Walk& walk) {
  if constexpr (kLevel == 0) {
    Descend<kMode, 0>(context, cursor, tables, walk.root, walk);
  } else {
    auto& level = tables.template Level<kLevel>();
    const std::uint64_t key = level.KeyOf(walk.va);
    const auto& slot = level.SlotOf(key);
    if (slot.key != key) {
      return WalkFromCache<kMode, kLevel - 1>(context, cursor, tables, walk);
    }
    for (unsigned i = 0; i < kLevel; ++i) walk.steps[i] = slot.upper[i];
    const PhysAddr table(slot.upper[kLevel - 1].entry & kMode.levels[kLevel - 1].frame_mask);
    if constexpr (Tables::kDefersLast && kLevel + 1u == kMode.level_count) {
      return tables.Defer(table, slot.table);
    }
    ReadFrom<kMode, kLevel>(context, cursor, tables, table, slot.table, walk);
  }
}

}  // namespace v2p::kernel

// Many walks at once: in groups, so that their cache misses overlap, or one after the other where
// addresses come in order and there are none.
// Internal to src/translate: include walker.h instead.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "translate/table_cache.h"
#include "translate/walk_kernel.h"
#include "translate/walk_result.h"

namespace v2p::kernel {

/// For memory whose pointers stay valid. Everything inlines into the caller, which says for which
/// processor.
template <class Cursor, const PagingMode& kMode>
class WalkEngine {
 public:
  WalkEngine(const Context& context, const Cursor& cursor) : context_(context), cursor_(cursor) {}

  V2P_ALWAYS_INLINE void One(VirtAddr va, Walk& walk) {
    if (!Begin<kMode>(context_, va, walk)) return;
    WalkFromCache<kMode, kLast>(context_, cursor_, tables_, walk);
  }

  V2P_ALWAYS_INLINE void Many(std::span<const VirtAddr> addresses, std::span<Walk> walks) {
    while (!addresses.empty()) {
      const std::size_t count = std::min(addresses.size(), kGroup);
      if (MostlyKnown()) {
        for (std::size_t i = 0; i < count; ++i) One(addresses[i], walks[i]);
      } else {
        Group(addresses.first(count), walks.first(count));
      }
      addresses = addresses.subspan(count);
      walks = walks.subspan(count);
    }
  }

  V2P_ALWAYS_INLINE void Results(std::span<const VirtAddr> addresses,
                                 std::span<WalkResult> results) {
    std::array<Walk, kGroup> walks;
    while (!addresses.empty()) {
      const std::size_t count = std::min(addresses.size(), kGroup);
      const auto some = addresses.first(count);
      const bool known = MostlyKnown();
      if (MostlyInOrder(some)) {
        for (std::size_t i = 0; i < count; ++i) results[i] = Again(some[i]);
      } else if (known) {
        for (std::size_t i = 0; i < count; ++i) results[i] = FromKnownTable<kLast>(some[i]);
      } else {
        Group(some, std::span(walks).first(count));
        for (std::size_t i = 0; i < count; ++i) results[i] = WalkResult::Of(walks[i]);
      }
      addresses = addresses.subspan(count);
      results = results.subspan(count);
    }
  }

 private:
  static constexpr unsigned kLast = kMode.level_count - 1U;
  static constexpr const PagingLevel& kPages = kMode.levels[kLast];
  static constexpr unsigned kTableShift = kMode.levels[kLast - 1].shift;
  // Wider groups keep paying up to here when the tables miss the caches.
  static constexpr std::size_t kGroup = 32;

  // Where the address before led to.
  struct Previous {
    std::uint64_t key = ~std::uint64_t{0};  // of no address: shifted ones have leading zeros
    unsigned shift = kTableShift;
    const std::byte* table = nullptr;  // of the last level; null: `large` is a large page
    WalkResult large;
  };

  // Whether the group before came to few new tables of the last level: then most entries are in the
  // processor's caches, and there is nothing that a group would overlap.
  V2P_ALWAYS_INLINE bool MostlyKnown() { return tables_.TakeNewLast() < kGroup / 4; }

  V2P_ALWAYS_INLINE static bool MostlyInOrder(std::span<const VirtAddr> addresses) {
    std::size_t same = 0;
    for (std::size_t i = 1; i < addresses.size(); ++i) {
      same += (addresses[i].value ^ addresses[i - 1].value) >> kTableShift == 0 ? 1 : 0;
    }
    return same * 2 >= addresses.size();
  }

  V2P_ALWAYS_INLINE void Group(std::span<const VirtAddr> addresses, std::span<Walk> walks) {
    constexpr std::size_t kBytes = kMode.entry_bytes;
    std::array<LastTable, kGroup> last;
    std::array<std::uint8_t, kGroup> waiting;
    std::size_t count = 0;
    DeferringTables<kMode> tables(tables_);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      Walk& walk = walks[i];
      if (!Begin<kMode>(context_, addresses[i], walk)) continue;
      WalkFromCache<kMode, kLast>(context_, cursor_, tables, walk);
      if (!tables.Take(last[count])) continue;
      if (last[count].bytes != nullptr) {
        __builtin_prefetch(last[count].bytes + kPages.Index(walk.va.value) * kBytes);
      }
      waiting[count++] = static_cast<std::uint8_t>(i);
    }
    NoTables none;
    for (std::size_t i = 0; i < count; ++i) {
      Walk& walk = walks[waiting[i]];
      if (last[i].bytes != nullptr) {
        ReadFrom<kMode, kLast>(context_, cursor_, none, last[i].table, last[i].bytes, walk);
      } else {
        Descend<kMode, kLast>(context_, cursor_, none, last[i].table, walk);
      }
    }
  }

  // Most addresses of a list in order are in the table of the one before.
  V2P_ALWAYS_INLINE WalkResult Again(VirtAddr va) {
    if (va.value >> previous_.shift == previous_.key) [[likely]] {
      if (previous_.table == nullptr) return previous_.large.Plus(Below(va, previous_.shift));
      const std::uint64_t entry = EntryIn<kLast>(previous_.table, va);
      if (MapsPage(entry)) [[likely]] {
        return Page(entry, va);
      }
    }
    return First(va);
  }

  // The page that a table of level `kLevel` or above gives, when the table is known and the entry
  // maps.
  template <unsigned kLevel>
  V2P_ALWAYS_INLINE WalkResult FromKnownTable(VirtAddr va) {
    if constexpr (kLevel == 0) {
      return Whole(va);
    } else {
      constexpr const PagingLevel& kRules = kMode.levels[kLevel];
      auto& level = tables_.template Level<kLevel>();
      const std::uint64_t key = level.KeyOf(va);
      const auto& slot = level.SlotOf(key);
      if (slot.key != key) return FromKnownTable<kLevel - 1>(va);
      const std::uint64_t entry = EntryIn<kLevel>(slot.table, va);
      if constexpr (kLevel == kLast) {
        if (MapsPage(entry)) [[likely]] {
          return Page(entry, va);
        }
      } else if constexpr (kRules.may_be_leaf) {
        constexpr std::uint64_t kMust = kEntryPresent | kRules.required;
        if ((entry & (kMust | kRules.reserved | kRules.leaf_reserved)) == kMust &&
            kMode.IsLarge(entry)) {
          return WalkResult::Mapped(kRules.LargePage(entry) | Below(va, kRules.shift),
                                    kRules.shift);
        }
      }
      return Whole(va);
    }
  }

  [[gnu::noinline]] WalkResult Whole(VirtAddr va) {
    Walk walk;
    One(va, walk);
    return WalkResult::Of(walk);
  }

  [[gnu::noinline]] WalkResult First(VirtAddr va) {
    Walk walk;
    One(va, walk);
    if (walk.step_count == kMode.level_count) {
      auto& level = tables_.template Level<kLast>();
      const auto& slot = level.SlotOf(level.KeyOf(walk.va));
      if (slot.key == level.KeyOf(walk.va)) {
        previous_ = {va.value >> kTableShift, kTableShift, slot.table, {}};
      }
    } else if (walk.Mapped()) {
      const auto shift = static_cast<unsigned>(std::countr_zero(walk.page_bytes));
      const std::uint64_t page = walk.pa.value - Below(va, shift);
      previous_ = {va.value >> shift, shift, nullptr, WalkResult::Mapped(page, shift)};
    }
    return WalkResult::Of(walk);
  }

  // Of a table of level `kLevel`, the entry that `va` selects.
  template <unsigned kLevel>
  V2P_ALWAYS_INLINE static std::uint64_t EntryIn(const std::byte* table, VirtAddr va) {
    const std::size_t index = kMode.levels[kLevel].Index(va.value);
    return LoadEntry<EntryOf<kMode>>(table + index * std::size_t{kMode.entry_bytes});
  }
  // Entries of the last level.
  V2P_ALWAYS_INLINE static bool MapsPage(std::uint64_t entry) {
    constexpr std::uint64_t kMust = kEntryPresent | kPages.required;
    return (entry & (kMust | kPages.reserved)) == kMust;
  }
  V2P_ALWAYS_INLINE static WalkResult Page(std::uint64_t entry, VirtAddr va) {
    return WalkResult::Mapped((entry & kPages.frame_mask) | Below(va, kPageShift), kPageShift);
  }

  V2P_ALWAYS_INLINE static std::uint64_t Below(VirtAddr va, unsigned shift) {
    return va.value & ((std::uint64_t{1} << shift) - 1);
  }

  Context context_;
  Cursor cursor_;
  TableCache<kMode> tables_;
  Previous previous_;
};

/// For memory behind a cache of blocks: what costs there is not a processor's cache miss.
template <class Cursor, const PagingMode& kMode>
class PlainEngine {
 public:
  PlainEngine(const Context& context, const Cursor& cursor) : context_(context), cursor_(cursor) {}

  V2P_ALWAYS_INLINE void One(VirtAddr va, Walk& walk) {
    NoTables none;
    WalkFromRoot<kMode>(context_, cursor_, none, va, walk);
  }
  V2P_ALWAYS_INLINE void Many(std::span<const VirtAddr> addresses, std::span<Walk> walks) {
    for (std::size_t i = 0; i < addresses.size(); ++i) One(addresses[i], walks[i]);
  }
  V2P_ALWAYS_INLINE void Results(std::span<const VirtAddr> addresses,
                                 std::span<WalkResult> results) {
    Walk walk;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      One(addresses[i], walk);
      results[i] = WalkResult::Of(walk);
    }
  }

 private:
  Context context_;
  Cursor cursor_;
};

}  // namespace v2p::kernel

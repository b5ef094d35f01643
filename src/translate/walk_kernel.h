// The walk itself, compiled for one mode and one kind of memory at a time.
// Internal to src/translate: include address_space.h or walker.h instead.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/bytes.h"
#include "base/physical_memory.h"
#include "translate/address_space.h"
#include "translate/entry_form.h"
#include "translate/mode_tables.h"

// Kernels are also compiled for newer processors, by function attributes rather than by files with
// other flags: whatever is not inlined into them stays plain code that runs anywhere.
// With sanitizers that would be very much code, and speed is no matter there.
#ifdef V2P_SANITIZED
#define V2P_ALWAYS_INLINE inline
#define V2P_FLATTEN
#else
#define V2P_ALWAYS_INLINE [[gnu::always_inline]] inline
#define V2P_FLATTEN [[gnu::flatten]]
#endif

namespace v2p::kernel {

template <const PagingMode& kMode>
using EntryOf = std::conditional_t<kMode.entry_bytes == 4, std::uint32_t, std::uint64_t>;

template <class Entry>
V2P_ALWAYS_INLINE std::uint64_t LoadEntry(const std::byte* p) {
  return LoadLe<Entry>(p);
}

/// Slow path: an entry that no single run holds whole. False when a byte of it is absent.
bool ReadScattered(const PhysicalMemory& memory, PhysAddr at, std::size_t bytes,
                   std::uint64_t& entry);

/// What a walk needs to know of its address space.
struct Context {
  const PhysicalMemory* memory = nullptr;
  PhysAddr root;
  PhysAddr upper_root;  ///< where addresses with bit 55 set start; the same as `root` if joint
  bool split_roots = false;
  bool ignore_canonical = false;
  GuestOs os = GuestOs::kUnknown;
};

Context ContextOf(const AddressSpace& space);

/// Follows on from a Windows entry that is not present, where the address space says how.
void FollowOn(const AddressSpace& space, Walk& walk);

/// Ends `walk` at its last step, which holds a present entry with forbidden bits or one that is
/// not present.
void EndUnmapped(const PagingMode& mode, GuestOs os, Walk& walk);

template <const PagingMode& kMode>
V2P_ALWAYS_INLINE void EndMapped(std::uint64_t page, std::uint64_t page_bytes, Walk& walk) {
  walk.pa = PhysAddr(page | (walk.va.value & (page_bytes - 1)));
  walk.page_bytes = page_bytes;
  walk.status = WalkStatus::kMapped;
  walk.state = EntryState::kPresent;
}

/// Remembers nothing: the walker's cache has this shape. Keep is told of the table of level
/// `kLevel` that the walk goes to next, and gives its bytes if it has looked them up.
struct NoTables {
  static constexpr bool kDefersLast = false;  // see DeferringTables

  template <const PagingMode& kMode, unsigned kLevel, class Cursor>
  V2P_ALWAYS_INLINE const std::byte* Keep(Cursor&, PhysAddr, const Walk&) {
    return nullptr;
  }
};

/// Walks down from the table at `table`, which is one of level `kLevel`.
template <const PagingMode& kMode, unsigned kLevel, class Cursor, class Tables>
V2P_ALWAYS_INLINE void Descend(const Context& context, Cursor& cursor, Tables& tables,
                               PhysAddr table, Walk& walk);

/// The same when the whole table is known to be at `bytes`.
template <const PagingMode& kMode, unsigned kLevel, class Cursor, class Tables>
V2P_ALWAYS_INLINE void ReadFrom(const Context& context, Cursor& cursor, Tables& tables,
                                PhysAddr table, const std::byte* bytes, Walk& walk);

/// Acts on the entry of level `kLevel`, which is in the walk's step already.
template <const PagingMode& kMode, unsigned kLevel, class Cursor, class Tables>
V2P_ALWAYS_INLINE void Follow(const Context& context, Cursor& cursor, Tables& tables,
                              std::uint64_t entry, Walk& walk) {
  constexpr const PagingLevel& kThis = kMode.levels[kLevel];
  constexpr std::uint64_t kMustBeSet = kEntryPresent | kThis.required;
  walk.step_count = kLevel + 1;
  if ((entry & (kMustBeSet | kThis.reserved)) != kMustBeSet) [[unlikely]] {
    return EndUnmapped(kMode, context.os, walk);
  }
  if constexpr (kLevel + 1u == kMode.level_count) {
    EndMapped<kMode>(entry & kThis.frame_mask, kThis.PageBytes(), walk);
  } else {
    if constexpr (kThis.may_be_leaf) {
      if (kMode.IsLarge(entry)) {
        if ((entry & kThis.leaf_reserved) != 0) [[unlikely]] {
          return EndUnmapped(kMode, context.os, walk);
        }
        return EndMapped<kMode>(kThis.LargePage(entry), kThis.PageBytes(), walk);
      }
    }
    const PhysAddr next(entry & kThis.frame_mask);
    const std::byte* const bytes = tables.template Keep<kMode, kLevel + 1>(cursor, next, walk);
    if constexpr (Tables::kDefersLast && kLevel + 2u == kMode.level_count) {
      return tables.Defer(next, bytes);
    }
    if (bytes != nullptr)
      return ReadFrom<kMode, kLevel + 1>(context, cursor, tables, next, bytes, walk);
    Descend<kMode, kLevel + 1>(context, cursor, tables, next, walk);
  }
}

template <const PagingMode& kMode, unsigned kLevel, class Cursor, class Tables>
V2P_ALWAYS_INLINE void ReadFrom(const Context& context, Cursor& cursor, Tables& tables,
                                PhysAddr table, const std::byte* bytes, Walk& walk) {
  const std::size_t into =
      kMode.levels[kLevel].Index(walk.va.value) * std::size_t{kMode.entry_bytes};
  const std::uint64_t entry = LoadEntry<EntryOf<kMode>>(bytes + into);
  walk.steps[kLevel] = {table + into, entry};
  Follow<kMode, kLevel>(context, cursor, tables, entry, walk);
}

template <const PagingMode& kMode, unsigned kLevel, class Cursor, class Tables>
V2P_ALWAYS_INLINE void Descend(const Context& context, Cursor& cursor, Tables& tables,
                               PhysAddr table, Walk& walk) {
  constexpr std::size_t kBytes = kMode.entry_bytes;
  const PhysAddr at = table + kMode.levels[kLevel].Index(walk.va.value) * kBytes;
  WalkStep& step = walk.steps[kLevel];
  step.entry_at = at;
  std::uint64_t entry = 0;
  if (const std::byte* p = cursor.Find(at, kBytes); p != nullptr) [[likely]] {
    entry = LoadEntry<EntryOf<kMode>>(p);
  } else if (!ReadScattered(*context.memory, at, kBytes, entry)) {
    step.entry = 0;
    walk.step_count = kLevel + 1;
    walk.status = WalkStatus::kTableNotInImage;
    return;
  }
  step.entry = entry;
  Follow<kMode, kLevel>(context, cursor, tables, entry, walk);
}

/// Clears `walk` and chooses the root; false when the address is not canonical.
template <const PagingMode& kMode>
V2P_ALWAYS_INLINE bool Begin(const Context& context, VirtAddr va, Walk& walk) {
  walk.va = va;
  walk.root = context.root;
  walk.pa = PhysAddr();
  walk.page_bytes = 0;
  walk.step_count = 0;
  walk.status = WalkStatus::kNonCanonical;
  walk.state = EntryState::kNone;
  walk.mode = kMode.id;
  walk.prototype = false;
  walk.elsewhere = 0;
  if constexpr (kMode.id == ModeName::kArm64) {
    if ((va.value & Bit(55)) != 0) walk.root = context.upper_root;
  }
  const auto used = Canonical(kMode, va, kMode.id == ModeName::kArm64 && context.split_roots);
  if (!used && !context.ignore_canonical) [[unlikely]] {
    return false;
  }
  if constexpr (kMode.va_bits == 32) walk.va = VirtAddr(va.value & 0xffffffff);
  return true;
}

template <const PagingMode& kMode, class Cursor, class Tables>
V2P_ALWAYS_INLINE void WalkFromRoot(const Context& context, Cursor& cursor, Tables& tables,
                                    VirtAddr va, Walk& walk) {
  if (!Begin<kMode>(context, va, walk)) return;
  Descend<kMode, 0>(context, cursor, tables, walk.root, walk);
}

/// Calls `use` with the mode as a compile-time constant.
template <class Use>
decltype(auto) WithMode(ModeName mode, Use&& use) {
  switch (mode) {
    case ModeName::kX86:
      return use.template operator()<kX86Mode>();
    case ModeName::kPae:
      return use.template operator()<kPaeMode>();
    case ModeName::kX64La57:
      return use.template operator()<kX64La57Mode>();
    case ModeName::kArm64:
      return use.template operator()<kArm64Mode>();
    case ModeName::kX64:
      break;
  }
  return use.template operator()<kX64Mode>();
}

}  // namespace v2p::kernel

// Follower: goes on where a walk met a Windows entry that is not present, as the debugger does.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/physical_memory.h"
#include "translate/address_space.h"
#include "translate/paging_context.h"
#include "translate/walk.h"
#include "translate/windows_pte.h"

namespace v2p {

struct Following;

/// The prototype entry that a leaf led to.
struct PrototypeVisit {
  VirtAddr va;                          ///< of the prototype entry
  Walk walk;                            ///< how `va` was translated, in the kernel's tables
  std::shared_ptr<const Following> on;  ///< what that walk itself had to follow; may be null
  std::optional<std::uint64_t> entry;   ///< its value; nothing when it could not be read
  WindowsPte pte;                       ///< decoded; meaningful with `entry`
  bool mask_tried =
      false;  ///< the mask is unknown: this is the one reading of the pointer that maps
};

/// What was met after the hot walk had ended at an entry that is not present.
struct Following {
  std::optional<WindowsPte> pte;  ///< the last non-present entry of the walk itself
  std::uint8_t followed = 0;      ///< bit i: step i is not present and was followed
  std::string_view reason;        ///< why there is no translation, kebab-case; empty when mapped
  std::optional<PrototypeVisit> prototype;
  std::optional<StoredPage> stored;                         ///< the page itself, outside memory
  std::array<std::shared_ptr<const StoredPage>, 5> tables;  ///< of step i, if outside memory
};

/// Const methods may be used from several threads; memory and context must outlive it.
class Follower {
 public:
  Follower(const PhysicalMemory& memory, ModeName mode, const PagingContext& context)
      : memory_(&memory), mode_(&Mode(mode)), context_(&context) {}

  /// Follows `walk`, which is kNotPresent, and changes it to how it ends then. Bounded: a prototype
  /// entry leads to no other.
  Following Follow(Walk& walk) const { return Follow(walk, 0); }

 private:
  Following Follow(Walk& walk, unsigned depth) const;
  bool FollowTable(Walk& walk, Following& following) const;
  void FollowLeaf(Walk& walk, unsigned depth, Following& following) const;
  void FollowPrototype(Walk& walk, Following& following) const;
  bool VisitPrototype(VirtAddr at, PrototypeVisit* visit) const;
  bool FindPrototype(const WindowsPte& pte, std::uint64_t entry, Following& following) const;
  void EndAt(const WindowsPte& pte, Walk& walk, Following& following) const;
  void EndInFrame(PhysAddr frame, EntryState state, Walk& walk, Following& following) const;
  void Fetch(const WindowsPte& pte, Walk& walk, Following& following) const;
  bool Descend(unsigned level, PhysAddr table, std::shared_ptr<const StoredPage> page, Walk& walk,
               Following& following) const;
  std::optional<PhysAddr> Step(unsigned level, Walk& walk) const;
  bool FrameInRange(PhysAddr frame) const;

  const PhysicalMemory* memory_;
  const PagingMode* mode_;
  const PagingContext* context_;
};

}  // namespace v2p

// What Windows keeps in an entry whose present bit is clear, decoded by the rules of its era.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "translate/paging_mode.h"
#include "translate/walk.h"

namespace v2p {

/// How the fields of 8-byte entries lie. Names in output: classic, swizzled, indexed.
enum class PteLayout : std::uint8_t {
  kClassic,   ///< up to 17134 as released, and every 4-byte entry
  kSwizzled,  ///< from 17763, and older kernels serviced against L1TF
  kIndexed,   ///< from 28000: prototype entries hold an index, not an address
};

std::string_view Name(PteLayout layout);

/// The rules one kernel writes its entries by.
struct PteRules {
  PteLayout layout = PteLayout::kSwizzled;
  std::uint64_t invalid_mask = 0;  ///< bits set where the swizzle bit is clear; 0: none or unknown
  std::uint64_t frame_mask = 0;    ///< the address bits of a transition entry
  bool prototype_base_known = true;  ///< false: x86 before Vista adds a base that is in no entry
  bool control_areas = false;        ///< from 22621: software entries may point to control areas
};

/// Rules of `build` (nothing: unknown) in `mode`, with the layout and mask that hold there.
PteRules RulesOf(const PagingMode& mode, std::optional<std::uint32_t> build, PteLayout layout,
                 std::uint64_t invalid_mask);

/// Where an entry was read: the same bits mean different things.
enum class PtePlace : std::uint8_t { kLeaf, kUpper, kPrototype };

/// A decoded entry. Which members mean something depends on `state`.
struct WindowsPte {
  EntryState state = EntryState::kUnknown;
  std::string_view detail;             ///< kebab-case, where the state says too little; else empty
  PhysAddr frame;                      ///< kPresent (4 KiB), kTransition
  std::optional<VirtAddr> pointer;     ///< kPrototype, kSubsection: where the entry says it is
  unsigned page_file = 0;              ///< kPagefile: its number
  std::uint64_t page = 0;              ///< kPagefile: page within the file
  std::optional<unsigned> protection;  ///< the five software bits, of software and transition forms
  bool unswizzled = false;             ///< mask bits were set and have been removed
};

/// Decodes an entry of `mode`; kPresent only in a prototype entry, which is a 4 KiB leaf then.
WindowsPte DecodeWindowsPte(const PteRules& rules, const PagingMode& mode, PtePlace place,
                            std::uint64_t entry);

/// `entry` without the artificial bits of the mask.
std::uint64_t Unswizzled(const PteRules& rules, std::uint64_t entry);

/// "read-only", "read-write", ...: the low three bits of a protection.
std::string_view ProtectionName(unsigned protection);

}  // namespace v2p

// Non-present entries of Windows, by era.
// Sources: type information of released kernels as published by Volatility 2 (vtypes of XP to
// 19041) and ntdiff (_MMPTE_SOFTWARE, _MMPTE_TRANSITION, _MMPTE_PROTOTYPE, _MMPTE_SUBSECTION);
// the order of tests and the markers as in Rekall (plugins/windows/pagefile.py), MemProcFS
// (vmm/mm/mm_win.c) and libvmi (os/windows/memory.c). ARM64: assumed to be as x64.
// SPDX-License-Identifier: Apache-2.0
#include "translate/windows_pte.h"

#include <array>

#include "translate/mode_tables.h"

namespace v2p {
namespace {

constexpr std::uint64_t kSwizzleBit = Bit(4);
constexpr std::uint64_t kPrototypeBit = Bit(10);
constexpr std::uint64_t kTransitionBit = Bit(11);

constexpr std::uint32_t kVista = 6000;
constexpr std::uint32_t kVistaSp1 = 6001;
constexpr std::uint32_t kWindows11 = 22000;
constexpr std::uint32_t kControlAreas = 22621;

constexpr unsigned kDecommitted = 0x10;  // MM_DECOMMIT
constexpr std::uint64_t kAllOfHigh = 0xffffffff;

bool Narrow(const PagingMode& mode) { return mode.entry_bytes == 4; }
bool Wide(const PagingMode& mode) { return mode.va_bits != 32; }

unsigned Field(std::uint64_t entry, unsigned high, unsigned low) {
  return static_cast<unsigned>((entry & Bits(high, low)) >> low);
}

std::uint64_t SignedAddress(std::uint64_t entry) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(entry) >> 16);
}

// A prototype pointer that stands for "ask the VAD tree": all ones. It is tested before the mask is
// removed, whose bits are among the ones.
bool IsVadMarker(const PteRules& rules, const PagingMode& mode, std::uint64_t entry) {
  if (Narrow(mode)) {
    const std::uint64_t low = rules.prototype_base_known ? Bits(8, 1) : Bits(7, 1);
    const std::uint64_t address = Bits(31, 11) | low;
    return (entry & address) == address;
  }
  if (rules.layout == PteLayout::kIndexed) return (entry & Bits(53, 12)) == Bits(53, 12);
  return entry >> 32 == kAllOfHigh;
}

WindowsPte Prototype(const PteRules& rules, const PagingMode& mode, std::uint64_t entry) {
  WindowsPte pte;
  pte.state = EntryState::kPrototype;
  if (Narrow(mode)) {
    if (!rules.prototype_base_known) {
      pte.detail = "prototype-base-unknown";
    } else {  // _MMPTE_PROTOTYPE of Vista and 7: ProtoAddressLow [8:1], ProtoAddressHigh [31:11]
      pte.pointer = VirtAddr(0x80000000 | (Field(entry, 31, 11) << 10U) | Field(entry, 8, 1) << 2U);
    }
    return pte;
  }
  if (rules.layout == PteLayout::kIndexed) {
    pte.detail = "prototype-index";  // the base is in the kernel's data, out of reach
    return pte;
  }
  const std::uint64_t address = Wide(mode) ? SignedAddress(entry) : entry >> 32;
  const std::uint64_t kernel_half = Wide(mode) ? Bit(63) : Bit(31);
  if ((address & kernel_half) == 0 || address % 8 != 0) {
    pte.detail = "prototype-pointer-invalid";
  } else {
    pte.pointer = VirtAddr(address);
  }
  return pte;
}

WindowsPte Subsection(const PteRules& rules, const PagingMode& mode, std::uint64_t entry) {
  WindowsPte pte;
  pte.state = EntryState::kSubsection;
  if (!Narrow(mode) && rules.layout != PteLayout::kIndexed) {
    pte.pointer = VirtAddr(Wide(mode) ? SignedAddress(entry) : entry >> 32);
  }
  return pte;
}

WindowsPte Software(const PteRules& rules, const PagingMode& mode, PtePlace place,
                    std::uint64_t raw, std::uint64_t entry) {
  constexpr std::uint64_t kControlAreaMask = Bits(63, 47) | Bits(3, 0);
  WindowsPte pte;
  pte.protection = Field(entry, 9, 5);
  const bool moved = !Narrow(mode) && rules.layout != PteLayout::kClassic;
  pte.page_file = moved ? Field(entry, 15, 12) : Field(entry, 4, 1);
  pte.page = Narrow(mode) ? entry >> 12 : entry >> 32;
  if (rules.control_areas && (raw & kControlAreaMask) == Bits(63, 47)) {
    pte.state = EntryState::kSubsection;
    pte.detail = "control-area";
    pte.protection.reset();
  } else if (*pte.protection == kDecommitted) {
    pte.detail = "decommitted";
  } else if (*pte.protection == 0 && place == PtePlace::kLeaf) {
    pte.detail = "free-system-pte";
  } else if (pte.page == 0) {
    pte.state = EntryState::kDemandZero;
  } else if (!Narrow(mode) && pte.page == kAllOfHigh) {
    pte.state = EntryState::kVad;
  } else {
    pte.state = EntryState::kPagefile;
  }
  return pte;
}

}  // namespace

std::string_view Name(PteLayout layout) {
  switch (layout) {
    case PteLayout::kClassic:
      return "classic";
    case PteLayout::kSwizzled:
      return "swizzled";
    case PteLayout::kIndexed:
      return "indexed";
  }
  return "";
}

PteRules RulesOf(const PagingMode& mode, std::optional<std::uint32_t> build, PteLayout layout,
                 std::uint64_t invalid_mask) {
  PteRules rules;
  rules.layout = Narrow(mode) ? PteLayout::kClassic : layout;
  rules.invalid_mask = rules.layout == PteLayout::kClassic ? 0 : invalid_mask;
  if (Narrow(mode)) {
    rules.frame_mask = kFrame32;
    rules.prototype_base_known = !build || *build >= kVista;
  } else if (!Wide(mode)) {
    rules.frame_mask = Bits(37, 12);
  } else if (!build || *build >= kWindows11) {
    rules.frame_mask = kFrame52;  // the image's highest frame is the test, not a narrower field
  } else {
    rules.frame_mask = *build < kVistaSp1 ? Bits(39, 12) : kFrame48;
  }
  rules.control_areas = Wide(mode) && build && *build >= kControlAreas;
  return rules;
}

std::uint64_t Unswizzled(const PteRules& rules, std::uint64_t entry) {
  return (entry & kSwizzleBit) == 0 ? entry & ~rules.invalid_mask : entry;
}

WindowsPte DecodeWindowsPte(const PteRules& rules, const PagingMode& mode, PtePlace place,
                            std::uint64_t raw) {
  WindowsPte pte;
  if ((raw & kEntryPresent) != 0) {
    if (place != PtePlace::kPrototype) return pte;
    pte.state = EntryState::kPresent;
    pte.frame = PhysAddr(raw & mode.levels[mode.level_count - 1U].frame_mask);
    return pte;
  }
  if (raw == 0) {
    pte.state = EntryState::kZero;
    return pte;
  }
  const std::uint64_t entry = Unswizzled(rules, raw);
  // Prototype before transition: from 17763 on, bit 11 of a prototype entry means "combined".
  if ((raw & kPrototypeBit) != 0) {
    if (place == PtePlace::kUpper) return pte;
    if (place == PtePlace::kPrototype) {
      pte = Subsection(rules, mode, entry);
    } else if (IsVadMarker(rules, mode, raw)) {
      pte.state = EntryState::kVad;
    } else {
      pte = Prototype(rules, mode, entry);
    }
  } else if ((raw & kTransitionBit) != 0) {
    pte.state = EntryState::kTransition;
    pte.frame = PhysAddr(entry & rules.frame_mask);
    pte.protection = Field(entry, 9, 5);
  } else {
    pte = Software(rules, mode, place, raw, entry);
  }
  pte.unswizzled = entry != raw;
  return pte;
}

std::string_view ProtectionName(unsigned protection) {
  constexpr std::array<std::string_view, 8> kNames = {
      "no-access",  "read-only",          "execute",           "execute-read", "read-write",
      "write-copy", "execute-read-write", "execute-write-copy"};
  return kNames[protection % kNames.size()];
}

}  // namespace v2p

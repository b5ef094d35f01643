// Software forms of page table entries, by guest system.
// SPDX-License-Identifier: Apache-2.0
#include "translate/entry_form.h"

#include <bit>

#include "translate/mode_tables.h"

namespace v2p {
namespace {

// Windows: _MMPTE_PROTOTYPE, _MMPTE_TRANSITION and _MMPTE_SOFTWARE as in the public type
// information of released kernels. Bits 10 and 11 have kept their places from XP to 11 in all
// x86 modes.
constexpr std::uint64_t kPrototypeBit = Bit(10);
constexpr std::uint64_t kTransitionBit = Bit(11);
// From build 17763 on: clear when the bits of nt!MiInvalidPteMask were set in the entry.
constexpr std::uint64_t kSwizzleBit = Bit(4);

std::uint64_t PageFileHigh(const PagingMode& mode, std::uint64_t entry) {
  return mode.entry_bytes == 4 ? entry >> 12 : entry >> 32;
}

// The prototype address that stands for "ask the VAD tree": all ones above the low fields, and in
// x64 the 48-bit form 0xffffffff0000.
bool IsVadMarker(const PagingMode& mode, std::uint64_t entry) {
  if (mode.entry_bytes == 4) {
    constexpr std::uint64_t kAddressBits = Bits(31, 11) | Bits(7, 1);
    return (entry & kAddressBits) == kAddressBits;
  }
  if (mode.id == ModeName::kPae) return entry >> 32 == 0xffffffff;
  return entry >> 16 == 0xffffffff0000;
}

EntryState WindowsForm(const PagingMode& mode, bool last_level, std::uint64_t entry) {
  // Prototype first: from build 17763 on, bit 11 of a prototype entry means "combined".
  if ((entry & kPrototypeBit) != 0) {
    if (!last_level) return EntryState::kUnknown;
    return IsVadMarker(mode, entry) ? EntryState::kVad : EntryState::kPrototype;
  }
  if ((entry & kTransitionBit) != 0) return EntryState::kTransition;
  const std::uint64_t high = PageFileHigh(mode, entry);
  if (high == 0) return EntryState::kDemandZero;
  // One bit alone may be the mask, which is one high bit (45 on most affected processors): either
  // demand-zero, or that page of a page file. Only the kernel's own mask can tell.
  const bool may_be_masked = mode.entry_bytes == 8 && (entry & kSwizzleBit) == 0;
  if (may_be_masked && std::has_single_bit(high)) return EntryState::kUnknown;
  return EntryState::kPagefile;
}

// Linux on x86: _PAGE_PROTNONE is bit 8, which swap entries keep clear
// (arch/x86/include/asm/pgtable_types.h, pgtable_64.h, pgtable-2level.h, pgtable-3level.h).
EntryState LinuxX86Form(const PagingMode& mode, std::size_t level, std::uint64_t entry) {
  const bool last_level = level + 1 == mode.level_count;
  const bool huge = mode.levels[level].may_be_leaf && (entry & kPageSizeBit) != 0;
  if (!last_level && !huge) return EntryState::kUnknown;
  if ((entry & Bit(8)) != 0) return EntryState::kProtnone;
  return last_level ? EntryState::kSwap : EntryState::kUnknown;
}

// Linux on ARM64: PTE_PROT_NONE is bit 58 up to 6.9; commit f0f5863a0fb0 replaced it by
// PTE_PRESENT_INVALID, then moved to bit 11, where older kernels have a bit of the swap offset
// (arch/arm64/include/asm/pgtable-prot.h and pgtable.h).
EntryState LinuxArm64Form(const PagingMode& mode, std::size_t level, std::uint64_t entry) {
  const bool last_level = level + 1 == mode.level_count;
  if (!last_level && !mode.levels[level].may_be_leaf) return EntryState::kUnknown;
  if ((entry & Bit(58)) != 0) return EntryState::kProtnone;
  if (!last_level || (entry & Bit(11)) != 0) return EntryState::kUnknown;
  return EntryState::kSwap;
}

}  // namespace

EntryState NotPresentForm(const PagingMode& mode, GuestOs os, std::size_t level,
                          std::uint64_t entry) {
  if (entry == 0) return EntryState::kZero;
  switch (os) {
    case GuestOs::kWindows:
      return WindowsForm(mode, level + 1 == mode.level_count, entry);
    case GuestOs::kLinux:
      return mode.form == EntryForm::kArm64 ? LinuxArm64Form(mode, level, entry)
                                            : LinuxX86Form(mode, level, entry);
    case GuestOs::kUnknown:
      break;
  }
  return EntryState::kUnknown;
}

}  // namespace v2p

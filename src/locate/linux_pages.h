// Entries as Linux writes them into kernel page tables, told by their bits alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "locate/detector.h"

namespace v2p {

namespace linux_x86 {

inline constexpr std::uint64_t kLarge = 0x80;
inline constexpr std::uint64_t kFrame = 0x000F'FFFF'FFFF'F000;
inline constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63U;

// Linux arch/x86/Kconfig, PAGE_OFFSET: the choices of VMSPLIT_*, the usual one first. The odd
// VMSPLIT_2G_OPT (0x78000000) does not begin at a line of the directory and is left out.
inline constexpr std::array<std::uint32_t, 4> kSplits = {0xC0000000, 0x80000000, 0xB0000000,
                                                         0x40000000};

/// A pointer to a table in a kernel root: present, writable, no page, executable, nothing above
/// the frame (pgtable_types.h, _PAGE_TABLE and _KERNPG_TABLE).
inline bool IsTable(std::uint64_t entry, const RamBounds& ram) {
  return (entry & (kLarge | 3)) == 3 && (entry & ~(kFrame | 0xFFF)) == 0 &&
         ram.MayHoldTable(PhysAddr(entry & kFrame));
}

inline constexpr std::size_t kPaePointersBytes = 32;
inline constexpr std::uint64_t kPaeFrame = 0x0000'000F'FFFF'F000;  // 64 GiB is all PAE Linux uses

/// Four entries of a PAE root that has a kernel in its last GiB. Hardware wants bits 1, 2 and 5 to
/// 8 clear; bit 5 is let through, since software emulators write it.
inline bool IsPaePointers(const std::byte* quad, const RamBounds& ram) {
  constexpr std::uint64_t kMayBeSet = kPaeFrame | 0xE39;  // P, PWT, PCD, bit 5, software's 9 to 11
  const auto last = LoadLe<std::uint64_t>(quad + 24);
  if ((last & ~kMayBeSet) != 0 || (last & 1) == 0) return false;
  for (std::size_t i = 0; i < kPaePointersBytes; i += sizeof(std::uint64_t)) {
    const auto entry = LoadLe<std::uint64_t>(quad + i);
    if (entry == 0) continue;
    if ((entry & ~kMayBeSet) != 0 || (entry & 1) == 0) return false;
    if (!ram.MayHoldTable(PhysAddr(entry & kPaeFrame))) return false;
  }
  return true;
}

}  // namespace linux_x86

namespace linux_arm64 {

inline constexpr std::uint64_t kFrame = 0x0000'FFFF'FFFF'F000;
inline constexpr std::uint64_t kTableBits = 3;

/// A table descriptor: hierarchical permissions may stand in bits 63 to 59 (Arm ARM D8.3), bits 11
/// to 2 and 58 to 48 are clear in Linux (pgtable-hwdef.h, PGD_TYPE_TABLE).
inline bool IsTable(std::uint64_t entry, const RamBounds& ram) {
  constexpr std::uint64_t kClear = 0x07FF'0000'0000'0FFF;
  return (entry & kClear) == kTableBits && ram.MayHoldTable(PhysAddr(entry & kFrame));
}

}  // namespace linux_arm64

/// VMCOREINFO where Linux since 4.12 keeps it: at the start of a page, bare and as a note. Part of
/// the root detector, since it costs nothing there; the content detector sees it anywhere else.
void DetectVmcoreinfoPage(std::span<const std::byte> page, PhysAddr at, Sightings& out);

}  // namespace v2p

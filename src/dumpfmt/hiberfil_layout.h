// Constants of hiberfil.sys since Windows 8: PO_MEMORY_IMAGE of each build, compression sets.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace v2p::hiberfil {

// PO_MEMORY_IMAGE in public symbols (Vergilius Project, ntdiff): the same in every Windows.
inline constexpr std::size_t kSignatureAt = 0x00;
inline constexpr std::size_t kSignatureBytes = 4;
inline constexpr std::size_t kLengthSelfAt = 0x0C;

/// The fields that all headers of one word size share since Windows 8.
struct StableFields {
  std::size_t page_size, system_time, interrupt_time, loader_pages;
  std::size_t least_bytes;  ///< the smallest such header
};
inline constexpr StableFields kStable32 = {0x14, 0x18, 0x20, 0x48, 0x2C8};
inline constexpr StableFields kStable64 = {0x18, 0x20, 0x28, 0x58, 0x360};

/// One header, told by its LengthSelf. 0 means that it lacks the field.
struct ModernLayout {
  std::uint32_t length;
  bool is_64;
  std::string_view windows;
  std::size_t secure_page, boot_page, kernel_page, checksum_page;
  std::size_t kernel_pages, resume_context_pages, hiberboot, highest_page;
};

// LeechCore device_hibr.c (profiles by LengthSelf); PO_MEMORY_IMAGE and PO_HIBER_PERF in public
// symbols. Hiberboot is a byte, since 24H2 bit 0 of a word: bit 0 of the byte serves for both.
inline constexpr std::array<ModernLayout, 12> kModernLayouts = {{
    {0x360, true, "Windows 8 or 8.1", 0, 0x60, 0x68, 0, 0x1C8, 0x2F8, 0x2FC, 0x330},
    {0x3B0, true, "Windows 10 1507 or 1511", 0x60, 0x68, 0x70, 0x78, 0x218, 0x348, 0x34C, 0x380},
    {0x3C8, true, "Windows 10 1607", 0x60, 0x68, 0x70, 0x78, 0x220, 0x350, 0x354, 0x388},
    {0x3D8, true, "Windows 10 1703 to 1803", 0x60, 0x68, 0x70, 0x78, 0x230, 0x360, 0x364, 0x398},
    {0x3E0, true, "Windows 10 1809 to 22H2", 0x60, 0x68, 0x70, 0x78, 0x230, 0x360, 0x364, 0x398},
    {0x448, true, "Windows 11 21H2 to 23H2", 0x60, 0x68, 0x70, 0x78, 0x230, 0x3C8, 0x3CC, 0x400},
    {0x4D8, true, "Windows 11 24H2", 0x60, 0x68, 0x70, 0x78, 0x238, 0x460, 0x464, 0x498},
    {0x2C8, false, "Windows 8 or 8.1", 0, 0x50, 0x54, 0, 0x1B0, 0x278, 0x27C, 0x2B0},
    {0x310, false, "Windows 10 1507 or 1511", 0, 0x50, 0x54, 0x58, 0x1F8, 0x2C0, 0x2C4, 0x2F8},
    {0x328, false, "Windows 10 1607", 0, 0x50, 0x54, 0x58, 0x200, 0x2C8, 0x2CC, 0x300},
    {0x338, false, "Windows 10 1703 to 1803", 0, 0x50, 0x54, 0x58, 0x210, 0x2D8, 0x2DC, 0x310},
    {0x340, false, "Windows 10 1809 to 22H2", 0, 0x50, 0x54, 0x58, 0x210, 0x2D8, 0x2DC, 0x310},
}};

/// Headers of sizes not in the table: where the sections begin has not moved since Windows 10.
inline constexpr ModernLayout kNewer64 = {
    0, true, "an unknown Windows", 0x60, 0x68, 0x70, 0x78, 0, 0, 0, 0};
inline constexpr ModernLayout kNewer32 = {0, false, "an unknown Windows", 0, 0x50, 0x54, 0x58, 0, 0,
                                          0, 0};

/// From this header on the method of a set has more than two bits (LeechCore 2.22.2; MemProcFS
/// issue 356).
inline constexpr std::uint32_t kWideMethodLength = 0x4D8;

// A compression set: a word, its descriptors, its data (LeechCore device_hibr.c; Hibr2Bin;
// volatility3, branch feature/hibernation-layer).
inline constexpr unsigned kMostDescriptors = 16;
inline constexpr unsigned kMostSetPages = 16;
inline constexpr std::uint32_t kMostStored = 0x10000;
inline constexpr std::size_t kHeadBytes = 4;
inline constexpr std::size_t kMostHeadBytes = kHeadBytes + kMostDescriptors * 8;

}  // namespace v2p::hiberfil

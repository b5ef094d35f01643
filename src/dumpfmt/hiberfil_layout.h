// Constants of hiberfil.sys: PO_MEMORY_IMAGE of each Windows, tables, blocks, compression sets.
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
    {0x360, true, "Windows 8 or 8.1, Server 2012", 0, 0x60, 0x68, 0, 0x1C8, 0x2F8, 0x2FC, 0x330},
    {0x3B0, true, "Windows 10 1507 or 1511", 0x60, 0x68, 0x70, 0x78, 0x218, 0x348, 0x34C, 0x380},
    {0x3C8, true, "Windows 10 1607 or Server 2016", 0x60, 0x68, 0x70, 0x78, 0x220, 0x350, 0x354,
     0x388},
    {0x3D8, true, "Windows 10 1703 to 1803", 0x60, 0x68, 0x70, 0x78, 0x230, 0x360, 0x364, 0x398},
    {0x3E0, true, "Windows 10 1809 to 22H2 or Server 2019", 0x60, 0x68, 0x70, 0x78, 0x230, 0x360,
     0x364, 0x398},
    {0x448, true, "Windows 11 21H2 to 23H2 or Server 2022", 0x60, 0x68, 0x70, 0x78, 0x230, 0x3C8,
     0x3CC, 0x400},
    {0x4D8, true, "Windows 11 24H2 or Server 2025", 0x60, 0x68, 0x70, 0x78, 0x238, 0x460, 0x464,
     0x498},
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
inline constexpr std::size_t kMostHeadBytes = kHeadBytes + std::size_t{kMostDescriptors} * 8;

/// PO_MEMORY_RANGE_ARRAY: one page of ranges. The links before `next_table` are stale pointers.
struct TableLayout {
  bool is_64;
  std::size_t next_table, entry_count, entries;
  std::size_t entry_bytes, start, end;

  constexpr std::size_t MostEntries() const { return (0x1000 - entries) / entry_bytes; }
};

// Public symbols, as in Volatility 2's vtypes and rekall's hibernate.py. Hibr2Bin takes one form
// for all of Vista, which does not hold for its service packs.
inline constexpr TableLayout kTableXp32 = {false, 0x4, 0xC, 0x10, 16, 4, 8};
inline constexpr TableLayout kTableVista32 = {false, 0x4, 0x8, 0xC, 8, 0, 4};
inline constexpr TableLayout kTableSeven32 = {false, 0x0, 0x4, 0x8, 8, 0, 4};
inline constexpr TableLayout kTableXp64 = {true, 0x8, 0x14, 0x20, 32, 8, 16};
inline constexpr TableLayout kTableVista64 = {true, 0x8, 0x10, 0x18, 16, 0, 8};
inline constexpr TableLayout kTableSeven64 = {true, 0x0, 0x8, 0x10, 16, 0, 8};

/// One header up to Windows 7. LengthSelf alone does not always tell which.
struct LegacyLayout {
  std::uint32_t length;
  std::string_view windows;
  const TableLayout* table;
  std::size_t first_table, system_time;
  std::uint64_t processor_page;  ///< file page of KPROCESSOR_STATE (Volatility 2 hibernate.py)
};

// PO_MEMORY_IMAGE in Volatility 2's vtypes and ntdiff.
inline constexpr std::array<LegacyLayout, 10> kLegacyLayouts = {{
    {0xA8, "Windows XP or 2003", &kTableXp32, 0x58, 0x20, 2},
    {0xC0, "Windows XP or 2003", &kTableXp64, 0x68, 0x20, 2},
    {0xE0, "Windows 7", &kTableSeven32, 0x4C, 0x18, 1},
    {0xE0, "Windows Vista", &kTableXp32, 0x50, 0x18, 4},
    {0xF0, "Windows Vista SP1 or 2008", &kTableXp32, 0x50, 0x18, 1},
    {0xF0, "Windows Vista SP2 or 2008 SP2", &kTableVista32, 0x50, 0x18, 1},
    {0x128, "Windows 7 or 2008 R2", &kTableSeven64, 0x60, 0x20, 1},
    {0x128, "Windows Vista", &kTableXp64, 0x68, 0x20, 4},
    {0x140, "Windows Vista SP1 or 2008", &kTableXp64, 0x68, 0x20, 1},
    {0x138, "Windows Vista SP2 or 2008 SP2", &kTableVista64, 0x68, 0x20, 1},
}};
inline constexpr std::uint32_t kWindows2000Length = 0x60;
inline constexpr std::uint64_t kMostFirstTable = 0x100;  // commonly page 6

// A block: its magic, a word of pages less one (bits 0-9) and stored bytes less one (10-31), data
// at 0x20; the next one begins at a multiple of eight (libyal/libhibr's document).
inline constexpr std::string_view kBlockMagic = "\x81\x81xpress";
inline constexpr std::size_t kBlockInfoAt = 8;
inline constexpr std::size_t kBlockHeaderBytes = 0x20;

}  // namespace v2p::hiberfil

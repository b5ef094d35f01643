// The five paging modes as constants that the walker is compiled for.
// Sources: Intel 64 and IA-32 SDM volume 3A chapter 4 (figures 4-2 to 4-4 and 4-7 to 4-11, tables
// 4-3 to 4-20); Arm Architecture Reference Manual for A-profile, chapter D8 (VMSAv8-64, 4 KiB
// granule, 48-bit output addresses). Level names in the debugger's words: output of `!vtop`.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "translate/paging_mode.h"

namespace v2p {

/// Bits [high:low] set.
constexpr std::uint64_t Bits(unsigned high, unsigned low) {
  return (~std::uint64_t{0} >> (63 - high)) & (~std::uint64_t{0} << low);
}
constexpr std::uint64_t Bit(unsigned n) { return std::uint64_t{1} << n; }

// SDM: physical addresses have at most 52 bits. MAXPHYADDR is in no image and is not guessed, so
// the bits between it and 52 are address bits here.
inline constexpr std::uint64_t kFrame52 = Bits(51, 12);
inline constexpr std::uint64_t kFrame48 = Bits(47, 12);  // Arm without LPA2
inline constexpr std::uint64_t kFrame32 = Bits(31, 12);
inline constexpr std::uint64_t kPageSizeBit = Bit(7);

// SDM tables 4-3 to 4-6. A 4 MiB page takes PA[39:32] from bits [20:13] (PSE-36); bit 21 is
// reserved, bit 12 is PAT. CR4.PSE is assumed to be set.
inline constexpr PagingMode kX86Mode = {
    .id = ModeName::kX86,
    .name = "x86",
    .form = EntryForm::kX86,
    .entry_bytes = 4,
    .va_bits = 32,
    .root_mask = kFrame32,
    .level_count = 2,
    .levels = {{
        {.name = "PDE",
         .windbg_name = "PDE",
         .shift = 22,
         .index_bits = 10,
         .may_be_leaf = true,
         .frame_mask = kFrame32,
         .leaf_mask = Bits(31, 22),
         .leaf_high_mask = Bits(20, 13),
         .leaf_high_shift = 32 - 13,
         .leaf_reserved = Bit(21)},
        {.name = "PTE",
         .windbg_name = "PTE",
         .shift = 12,
         .index_bits = 10,
         .frame_mask = kFrame32},
    }},
};

// SDM tables 4-7 to 4-11. The root is aligned to 32 bytes. PDPTE bit 5 is reserved too but
// tolerated: software emulators set it as the accessed bit.
inline constexpr std::uint64_t kPaeHigh = Bits(62, 52);
inline constexpr PagingMode kPaeMode = {
    .id = ModeName::kPae,
    .name = "pae",
    .form = EntryForm::kX86,
    .entry_bytes = 8,
    .va_bits = 32,
    .root_mask = Bits(31, 5),
    .level_count = 3,
    .levels = {{
        {.name = "PDPTE",
         .windbg_name = "PDPE",
         .shift = 30,
         .index_bits = 2,
         .frame_mask = kFrame52,
         .reserved = Bit(63) | kPaeHigh | Bits(8, 6) | Bits(2, 1)},
        {.name = "PDE",
         .windbg_name = "PDE",
         .shift = 21,
         .index_bits = 9,
         .may_be_leaf = true,
         .frame_mask = kFrame52,
         .leaf_mask = Bits(51, 21),
         .reserved = kPaeHigh,
         .leaf_reserved = Bits(20, 13)},
        {.name = "PTE",
         .windbg_name = "PTE",
         .shift = 12,
         .index_bits = 9,
         .frame_mask = kFrame52,
         .reserved = kPaeHigh},
    }},
};

// SDM tables 4-14 to 4-20. Bits [62:52] are software or protection-key bits and never veto.
inline constexpr PagingLevel kPml5Level = {.name = "PML5E",
                                           .windbg_name = "PML5E",
                                           .shift = 48,
                                           .index_bits = 9,
                                           .frame_mask = kFrame52,
                                           .reserved = kPageSizeBit};
inline constexpr PagingLevel kPml4Level = {.name = "PML4E",
                                           .windbg_name = "PML4E",
                                           .shift = 39,
                                           .index_bits = 9,
                                           .frame_mask = kFrame52,
                                           .reserved = kPageSizeBit};
inline constexpr PagingLevel kPdptLevel = {.name = "PDPTE",
                                           .windbg_name = "PDPE",
                                           .shift = 30,
                                           .index_bits = 9,
                                           .may_be_leaf = true,
                                           .frame_mask = kFrame52,
                                           .leaf_mask = Bits(51, 30),
                                           .leaf_reserved = Bits(29, 13)};
inline constexpr PagingLevel kPdLevel = {.name = "PDE",
                                         .windbg_name = "PDE",
                                         .shift = 21,
                                         .index_bits = 9,
                                         .may_be_leaf = true,
                                         .frame_mask = kFrame52,
                                         .leaf_mask = Bits(51, 21),
                                         .leaf_reserved = Bits(20, 13)};
inline constexpr PagingLevel kPtLevel = {
    .name = "PTE", .windbg_name = "PTE", .shift = 12, .index_bits = 9, .frame_mask = kFrame52};

inline constexpr PagingMode kX64Mode = {
    .id = ModeName::kX64,
    .name = "x64",
    .form = EntryForm::kX86,
    .entry_bytes = 8,
    .va_bits = 48,
    .root_mask = kFrame52,
    .level_count = 4,
    .levels = {{kPml4Level, kPdptLevel, kPdLevel, kPtLevel}},
};

inline constexpr PagingMode kX64La57Mode = {
    .id = ModeName::kX64La57,
    .name = "x64-la57",
    .form = EntryForm::kX86,
    .entry_bytes = 8,
    .va_bits = 57,
    .root_mask = kFrame52,
    .level_count = 5,
    .levels = {{kPml5Level, kPml4Level, kPdptLevel, kPdLevel, kPtLevel}},
};

// Arm ARM D8.3: descriptor bits [1:0] are 01 block, 11 table or page; 01 is reserved at levels 0
// and 3, and a block's output address bits below its size are RES0. 52-bit addresses (LPA2) are
// not walked.
inline constexpr std::uint64_t kArmTableOrPage = 2;
inline constexpr PagingMode kArm64Mode = {
    .id = ModeName::kArm64,
    .name = "arm64",
    .form = EntryForm::kArm64,
    .entry_bytes = 8,
    .va_bits = 48,
    .root_mask = kFrame48,
    .level_count = 4,
    .levels = {{
        {.name = "L0E",
         .windbg_name = "PML4E",
         .shift = 39,
         .index_bits = 9,
         .frame_mask = kFrame48,
         .required = kArmTableOrPage},
        {.name = "L1E",
         .windbg_name = "PDPE",
         .shift = 30,
         .index_bits = 9,
         .may_be_leaf = true,
         .frame_mask = kFrame48,
         .leaf_mask = Bits(47, 30),
         .leaf_reserved = Bits(29, 12)},
        {.name = "L2E",
         .windbg_name = "PDE",
         .shift = 21,
         .index_bits = 9,
         .may_be_leaf = true,
         .frame_mask = kFrame48,
         .leaf_mask = Bits(47, 21),
         .leaf_reserved = Bits(20, 12)},
        {.name = "L3E",
         .windbg_name = "PTE",
         .shift = 12,
         .index_bits = 9,
         .frame_mask = kFrame48,
         .required = kArmTableOrPage},
    }},
};

}  // namespace v2p

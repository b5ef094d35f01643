// PagingMode: the MMU as a table. One walker serves all modes; a mode is data.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/address.h"
#include "base/image_facts.h"

namespace v2p {

/// One level of tables, top down.
struct PagingLevel {
  std::string_view name;         ///< "PML4E", "L0E": as in records
  std::string_view windbg_name;  ///< "PML4E", "PDPE": as `!vtop` prints
  std::uint8_t shift = 0;        ///< lowest bit of the virtual address that indexes here
  std::uint8_t index_bits = 0;   ///< entries in a table = 1 << index_bits
  bool may_be_leaf = false;      ///< holds pages as well as tables
  std::uint64_t frame_mask = 0;  ///< bits of an entry that are the next table's or page's address
  std::uint64_t leaf_mask = 0;   ///< bits of a large leaf that are its address (0: never a leaf)
  std::uint64_t leaf_high_mask = 0;  ///< bits of a large leaf that are high address bits (PSE-36)
  std::uint8_t leaf_high_shift = 0;  ///< how far left these are moved
  std::uint64_t required = 0;        ///< present entry: any of these clear ends the walk
  std::uint64_t reserved = 0;        ///< present entry: any of these set ends the walk
  std::uint64_t leaf_reserved = 0;   ///< large leaf: the same

  /// Table index that `va` selects.
  constexpr unsigned Index(std::uint64_t va) const {
    return static_cast<unsigned>((va >> shift) & ((std::uint64_t{1} << index_bits) - 1));
  }
  /// Bytes that one entry spans: the size of a page that is a leaf here.
  constexpr std::uint64_t PageBytes() const { return std::uint64_t{1} << shift; }
  /// Base of the page that a large leaf maps.
  constexpr std::uint64_t LargePage(std::uint64_t entry) const {
    return (entry & leaf_mask) | ((entry & leaf_high_mask) << leaf_high_shift);
  }
};

enum class EntryForm : std::uint8_t { kX86, kArm64 };

struct PagingMode {
  ModeName id = ModeName::kX64;
  std::string_view name;  ///< "x86", "pae", "x64", "x64-la57", "arm64"
  EntryForm form = EntryForm::kX86;
  std::uint8_t entry_bytes = 8;
  std::uint8_t va_bits = 48;    ///< implemented bits
  std::uint64_t root_mask = 0;  ///< address bits of a CR3 / TTBR value
  std::uint8_t level_count = 0;
  std::array<PagingLevel, 5> levels;

  constexpr std::span<const PagingLevel> Levels() const { return {levels.data(), level_count}; }

  /// Whether a present entry of a level that may hold pages maps a page.
  constexpr bool IsLarge(std::uint64_t entry) const {
    constexpr std::uint64_t kPageSize = 0x80;  // x86 PS; Arm: bit 1 tells a table from a block
    return form == EntryForm::kX86 ? (entry & kPageSize) != 0 : (entry & 2) == 0;
  }
};

inline constexpr std::uint64_t kEntryPresent = 1;  // bit 0 in every mode

/// The address whose bits a walk uses, or nothing when `va` is not canonical. 32-bit modes take
/// the low half of a zero- or sign-extended address. `split_roots`: ARM64 with its own TTBR1, where
/// bits [63:48] are all equal; otherwise bits from va_bits up repeat the bit below.
constexpr std::optional<VirtAddr> Canonical(const PagingMode& mode, VirtAddr va,
                                            bool split_roots = false) {
  const auto value = static_cast<std::int64_t>(va.value);
  if (mode.va_bits == 32) {
    const auto low = static_cast<std::uint32_t>(va.value);
    const bool zero_extended = va.value == low;
    const bool sign_extended = value == static_cast<std::int32_t>(low);
    if (!zero_extended && !sign_extended) return std::nullopt;
    return VirtAddr(low);
  }
  const std::int64_t high = value >> (split_roots ? mode.va_bits : mode.va_bits - 1);
  if (high != 0 && high != -1) return std::nullopt;
  return va;
}

const PagingMode& Mode(ModeName id);
std::optional<ModeName> ModeByName(std::string_view name);
std::string_view Name(ModeName id);

}  // namespace v2p

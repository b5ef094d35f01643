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
  bool may_be_leaf = false;
  std::uint64_t frame_mask = 0;  ///< bits of an entry that are the next table's or page's address
  std::uint64_t leaf_mask = 0;   ///< bits of a large leaf that are its address (0: never a leaf)
  std::uint64_t reserved = 0;    ///< present entry: any of these set ends the walk
  std::uint64_t leaf_reserved = 0;  ///< large leaf: the same
};

enum class EntryForm : std::uint8_t { kX86, kArm64 };

struct PagingMode {
  ModeName id = ModeName::kX64;
  std::string_view name;  ///< "x86", "pae", "x64", "x64-la57", "arm64"
  EntryForm form = EntryForm::kX86;
  std::uint8_t entry_bytes = 8;
  std::uint8_t va_bits = 48;    ///< implemented bits; 32: the high half is not looked at
  std::uint64_t root_mask = 0;  ///< address bits of a CR3 / TTBR value
  std::uint8_t level_count = 0;
  std::array<PagingLevel, 5> levels;

  std::span<const PagingLevel> Levels() const { return {levels.data(), level_count}; }
};

const PagingMode& Mode(ModeName id);
std::optional<ModeName> ModeByName(std::string_view name);
std::string_view Name(ModeName id);

}  // namespace v2p

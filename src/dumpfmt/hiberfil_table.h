// Tables of page ranges: the backbone of a hibernation file up to Windows 7.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dumpfmt/hiberfil_body.h"
#include "dumpfmt/hiberfil_layout.h"

namespace v2p::hiberfil {

struct FrameRange {
  std::uint64_t first = 0;
  std::uint64_t pages = 0;
};

struct RangeTable {
  std::vector<FrameRange> ranges;  ///< in the order in which the blocks hold them
  std::uint64_t pages = 0;
  std::uint64_t next = 0;  ///< file page of the next table, as it stands
  bool full = false;       ///< only a full table must have a successor
};

/// The table on one page, when the page makes sense as one.
std::optional<RangeTable> ParseTable(std::span<const std::byte> page, const TableLayout& layout);

/// The table on file page `page`.
std::optional<RangeTable> TableAt(Peeker& file, const TableLayout& layout, std::uint64_t page);

/// The same, when a block begins on the page behind it, as it must.
std::optional<RangeTable> TableWithBlocks(Peeker& file, const TableLayout& layout,
                                          std::uint64_t page);

/// The first such page in [from, limit).
std::optional<std::uint64_t> FindTable(Peeker& file, const TableLayout& layout, std::uint64_t from,
                                       std::uint64_t limit);

/// Whether the head of a file without a header shows the first table and its blocks.
bool HasLegacyBody(std::span<const std::byte> head);

}  // namespace v2p::hiberfil

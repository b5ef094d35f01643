// Reading of range tables.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_table.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace v2p::hiberfil {
namespace {

constexpr std::array<const TableLayout*, 6> kTables = {&kTableXp32, &kTableVista32, &kTableSeven32,
                                                       &kTableXp64, &kTableVista64, &kTableSeven64};

std::uint64_t Word(std::span<const std::byte> page, std::size_t at, bool is_64) {
  return is_64 ? LoadLe<std::uint64_t>(page.data() + at) : LoadLe<std::uint32_t>(page.data() + at);
}

bool Disjoint(std::vector<FrameRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const FrameRange& a, const FrameRange& b) { return a.first < b.first; });
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first - ranges[i - 1].first < ranges[i - 1].pages) return false;
  }
  return true;
}

}  // namespace

std::optional<RangeTable> ParseTable(std::span<const std::byte> page, const TableLayout& layout) {
  if (page.size() < kPageBytes) return std::nullopt;
  const auto count = LoadLe<std::uint32_t>(page.data() + layout.entry_count);
  if (count == 0 || count > layout.MostEntries()) return std::nullopt;
  RangeTable table;
  table.next = Word(page, layout.next_table, layout.is_64);
  table.full = count == layout.MostEntries();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = layout.entries + i * layout.entry_bytes;
    const std::uint64_t start = Word(page, at + layout.start, layout.is_64);
    const std::uint64_t end = Word(page, at + layout.end, layout.is_64);
    if (start >= end || end > PageIndex::kFrames) return std::nullopt;
    table.ranges.push_back({start, end - start});
    table.pages += end - start;
  }
  if (!Disjoint(table.ranges)) return std::nullopt;
  return table;
}

std::optional<RangeTable> TableAt(Peeker& file, const TableLayout& layout, std::uint64_t page) {
  if (page >= file.Size() / kPageBytes) return std::nullopt;
  return ParseTable(file.At(page * kPageBytes, kPageBytes), layout);
}

std::optional<RangeTable> TableWithBlocks(Peeker& file, const TableLayout& layout,
                                          std::uint64_t page) {
  if (page >= file.Size() / kPageBytes) return std::nullopt;
  const auto behind = file.At((page + 1) * kPageBytes, kBlockMagic.size());
  return HasText(behind, 0, kBlockMagic) ? TableAt(file, layout, page) : std::nullopt;
}

std::optional<std::uint64_t> FindTable(Peeker& file, const TableLayout& layout, std::uint64_t from,
                                       std::uint64_t limit) {
  limit = std::min(limit, file.Size() / kPageBytes);
  for (std::uint64_t page = from; page < limit && !file.Fault(); ++page) {
    if (TableWithBlocks(file, layout, page)) return page;
  }
  return std::nullopt;
}

bool HasLegacyBody(std::span<const std::byte> head) {
  for (std::uint64_t page = 1; (page + 2) * kPageBytes <= head.size(); ++page) {
    if (!HasText(head, (page + 1) * kPageBytes, kBlockMagic)) continue;
    const auto bytes = head.subspan(static_cast<std::size_t>(page * kPageBytes), kPageBytes);
    if (std::any_of(kTables.begin(), kTables.end(), [&](const TableLayout* layout) {
          return ParseTable(bytes, *layout).has_value();
        })) {
      return true;
    }
  }
  return false;
}

}  // namespace v2p::hiberfil

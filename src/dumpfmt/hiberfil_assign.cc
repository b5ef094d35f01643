// Counting from the table's first page, and behind a gap from its last.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_assign.h"

#include <algorithm>

namespace v2p::hiberfil {
namespace {

// Hands out a table's frames in order.
class Frames {
 public:
  explicit Frames(const RangeTable& table) : table_(table) {}

  // Frames of the table's pages [from, from + pages), `from` not below that of the call before.
  void Add(std::uint64_t from, unsigned pages, std::uint32_t position, Body& body) {
    while (pages > 0 && range_ < table_.ranges.size()) {
      const FrameRange& range = table_.ranges[range_];
      if (from - before_ >= range.pages) {
        before_ += range.pages;
        ++range_;
        continue;
      }
      const std::uint64_t into = from - before_;
      const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(pages, range.pages - into));
      AppendRun(body.runs, {range.first + into, position, n});
      from += n;
      position += n;
      pages -= n;
    }
  }

 private:
  const RangeTable& table_;
  std::size_t range_ = 0;
  std::uint64_t before_ = 0;  // pages in the ranges before range_
};

constexpr std::uint64_t kUnknown = ~std::uint64_t{0};

// For each block the table's page that it begins with, or kUnknown.
std::vector<std::uint64_t> Places(const RangeTable& table, const std::vector<Block>& blocks,
                                  std::uint64_t gaps, std::uint64_t lost, bool joined) {
  std::vector<std::uint64_t> places(blocks.size(), kUnknown);
  const bool all_full = lost == gaps * kMostSetPages;
  std::size_t i = 0;
  std::uint64_t at = 0;
  for (; i < blocks.size(); ++i) {
    if (blocks[i].after_gap) {
      if (!all_full || blocks[i].doubtful_gap) break;
      at += kMostSetPages;
    }
    places[i] = at;
    at += blocks[i].pages;
  }
  // What is left counts back from the end, as far as the last gap.
  at = table.pages;
  for (std::size_t k = blocks.size(); joined && k > i; --k) {
    if (at < blocks[k - 1].pages) break;
    at -= blocks[k - 1].pages;
    places[k - 1] = at;
    if (blocks[k - 1].after_gap) break;
  }
  return places;
}

}  // namespace

Assigned AssignBlocks(const RangeTable& table, const std::vector<Block>& blocks, bool joined,
                      Body& body) {
  Assigned result;
  std::uint64_t held = 0;
  for (const Block& block : blocks) {
    held += block.pages;
    if (block.after_gap) ++result.gaps;
  }
  const std::uint64_t lost = table.pages - std::min(held, table.pages);
  const auto places = Places(table, blocks, result.gaps, lost, joined);
  Frames frames(table);
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (places[i] >= table.pages) continue;
    const auto position = static_cast<std::uint32_t>(body.sets.Pages());
    if (!body.sets.Add(FileOffset(blocks[i].data_at), blocks[i].stored, blocks[i].pages, 0)) break;
    const auto pages =
        static_cast<unsigned>(std::min<std::uint64_t>(blocks[i].pages, table.pages - places[i]));
    frames.Add(places[i], pages, position, body);
    found += pages;
  }
  result.missing = table.pages - found;
  return result;
}

}  // namespace v2p::hiberfil

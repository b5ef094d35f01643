// Walking from block to block.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_blocks.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"

namespace v2p::hiberfil {
namespace {

// From a block's data past the longest block behind it, and eight to spare.
constexpr std::uint64_t kReach = 2 * (std::uint64_t{kMostStored} + kBlockHeaderBytes) + 8;

class BlockWalk {
 public:
  BlockWalk(Peeker& file, std::uint64_t limit) : file_(file), limit_(limit) {}

  std::vector<Block> Run(std::uint64_t at, std::uint64_t pages) {
    std::uint64_t counted = 0;
    while (counted < pages) {
      auto block = BlockAt(at);
      if (!block) {
        const auto found = FindBlock(blocks_.empty() ? at : blocks_.back().data_at);
        if (!found) break;
        block = BlockAt(*found);
        JudgeGap(*found, *block);
        if (block->after_gap && !block->doubtful_gap) counted += kMostSetPages;
        if (counted >= pages) break;  // what was lost is the last block
      }
      counted += block->pages;
      at = block->End();
      blocks_.push_back(*block);
    }
    return std::move(blocks_);
  }

 private:
  std::optional<Block> BlockAt(std::uint64_t at) {
    if (at >= limit_ || limit_ - at <= kBlockHeaderBytes) return std::nullopt;
    const auto header = file_.Ahead(at, kBlockHeaderBytes);
    const auto info = TryLoad<std::uint32_t>(header, kBlockInfoAt);
    if (!info || !HasText(header, 0, kBlockMagic)) return std::nullopt;
    Block block;
    block.data_at = at + kBlockHeaderBytes;
    block.pages = (*info & 0x3FFU) + 1;
    block.stored = (*info >> 10U) + 1;
    if (block.pages > kMostSetPages || block.stored > block.pages * kPageBytes) return std::nullopt;
    if (block.stored > limit_ - block.data_at) return std::nullopt;
    return block;
  }

  std::optional<std::uint64_t> FindBlock(std::uint64_t from) {
    const std::uint64_t end = std::min(limit_, from + kReach);
    for (std::uint64_t at = (from + 7) / 8 * 8; at < end && !file_.Fault(); at += 8) {
      if (BlockAt(at)) return at;
    }
    return std::nullopt;
  }

  bool Decodes(const Block& block) {
    const CompressionSet set{FileOffset(block.data_at), block.stored, block.pages, 0, 0};
    const auto stored = file_.At(block.data_at, block.stored);
    if (stored.size() != block.stored) return false;
    scratch_.resize(set.Bytes());
    return DecodeSet(set, MethodRule::kPlainOnly, stored, scratch_).has_value();
  }

  // Only one of two things is wrong, as a rule: the header of a block that is lost, or the size of
  // the block before. That one is sound when it decodes; or it does with all the bytes up to here.
  void JudgeGap(std::uint64_t found, Block& block) {
    block.after_gap = true;
    if (blocks_.empty()) return;
    Block& before = blocks_.back();
    if (before.End() <= found && Decodes(before)) return;
    Block whole = before;
    whole.stored = static_cast<std::uint32_t>(found - before.data_at);  // at most kReach
    if (whole.stored < whole.pages * kPageBytes && Decodes(whole)) {
      before = whole;
      block.after_gap = false;
      return;
    }
    block.doubtful_gap = true;
  }

  Peeker& file_;
  std::uint64_t limit_;
  std::vector<Block> blocks_;
  std::vector<std::byte> scratch_;
};

}  // namespace

std::vector<Block> ReadBlocks(Peeker& file, std::uint64_t begin, std::uint64_t limit,
                              std::uint64_t pages) {
  return BlockWalk(file, limit).Run(begin, pages);
}

}  // namespace v2p::hiberfil

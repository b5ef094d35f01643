// Samples blocks of memory from an image.
// SPDX-License-Identifier: Apache-2.0
#include "memory_blocks.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "dumpfmt/format.h"

namespace v2p::bench {
namespace {

using Block = std::vector<std::byte>;

constexpr std::size_t kBlockBytes = 16 * kPageBytes;

bool AllOneByte(const Block& block) {
  return std::all_of(block.begin(), block.end(), [&](std::byte b) { return b == block.front(); });
}

std::vector<Block> NonZeroBlocks(const PhysicalMemory& memory) {
  std::vector<Block> blocks;
  Block block;
  Block page(kPageBytes);
  memory.ForEachExtent([&](const Extent& extent) {
    for (std::uint64_t at = 0; at + kPageBytes <= extent.bytes; at += kPageBytes) {
      if (memory.Read(extent.begin + at, page) != page.size()) continue;
      if (page.front() == std::byte{0} && AllOneByte(page)) continue;
      block.insert(block.end(), page.begin(), page.end());
      if (block.size() == kBlockBytes) blocks.push_back(std::exchange(block, {}));
    }
  });
  return blocks;
}

}  // namespace

MemoryBlocks SampleBlocks(const std::string& image, std::size_t most) {
  const auto opened = OpenImage(image, {});
  if (!opened) throw std::runtime_error(opened.error().message);
  std::vector<Block> all = NonZeroBlocks(*opened->memory);
  MemoryBlocks blocks;
  const std::size_t step = std::max<std::size_t>(all.size() / most, 1);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto zeros =
        static_cast<std::size_t>(std::count(all[i].begin(), all[i].end(), std::byte{0}));
    const bool sparse = zeros * 10 > kBlockBytes * 9;
    if (AllOneByte(all[i]) || (!sparse && i % step != 0)) continue;
    auto& kind = sparse ? blocks.sparse : blocks.real;
    if (kind.size() < most) kind.push_back(std::move(all[i]));
  }
  return blocks;
}

std::string BlockImage() {
  const char* named = std::getenv("V2P_BENCH_IMAGE");
  return named != nullptr ? named : V2P_TESTDATA "/windows/rewind_cng.dmp.zst";
}

}  // namespace v2p::bench

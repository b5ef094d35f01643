// Decodes sampled blocks once with one kernel, for counting instructions. Usage: KERNEL METHOD
// Prints how many bytes came out. scripts/check-instructions runs it under callgrind.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string_view>

#include "codec/xpress_kernels.h"
#include "memory_blocks.h"
#include "support/xpress_oracles.h"

namespace v2p::bench {
namespace {

int Count(std::string_view name, bool huffman) {
  const auto encode = huffman ? test::WimHuffmanEncoder() : test::SambaPlainEncoder();
  if (!encode) return 2;
  for (const xpress::Kernel& kernel : xpress::Kernels()) {
    if (kernel.name != name) continue;
    std::size_t bytes = 0;
    for (const auto& block : SampleBlocks(BlockImage(), 40).real) {
      const auto stream = encode(block);
      if (!stream || stream->size() >= block.size()) continue;
      std::vector<std::byte> out(block.size());
      if (!xpress::Run(huffman ? kernel.huffman : kernel.plain, *stream, out) || out != block) {
        return 1;
      }
      bytes += out.size();
    }
    fmt::print("{}\n", bytes);
    return bytes == 0 ? 2 : 0;
  }
  return 2;
}

}  // namespace
}  // namespace v2p::bench

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return v2p::bench::Count(argv[1], std::string_view(argv[2]) == "huffman");
}

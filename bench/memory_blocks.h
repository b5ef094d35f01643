// Blocks of real memory as a hibernation file compresses them, sorted by how they compress.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace v2p::bench {

struct MemoryBlocks {
  std::vector<std::vector<std::byte>> real;    ///< 64 KiB of 16 non-zero pages
  std::vector<std::vector<std::byte>> sparse;  ///< more than 90 % of the bytes are zero
};

/// About `most` groups of 16 non-zero pages, evenly from all of the image; blocks of one repeated
/// byte are left out, as they flatter every decoder but the slowest.
MemoryBlocks SampleBlocks(const std::string& image, std::size_t most);

/// The image that V2P_BENCH_IMAGE names, else the pages of real Windows 10 that come with the
/// tests.
std::string BlockImage();

}  // namespace v2p::bench

// The compressed blocks behind a range table, found again behind damaged ones.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "dumpfmt/hiberfil_body.h"
#include "dumpfmt/hiberfil_layout.h"

namespace v2p::hiberfil {

struct Block {
  std::uint64_t data_at = 0;
  std::uint32_t stored = 0;
  unsigned pages = 0;
  /// Something unreadable lies between this block and the one before ...
  bool after_gap = false;
  /// ... and may be no more than the rest of that block.
  bool doubtful_gap = false;

  std::uint64_t End() const { return data_at + (stored + std::uint64_t{7}) / 8 * 8; }
};

/// The blocks from `begin` on, up to `limit`, that hold the `pages` pages of a table. Behind a
/// damaged header the next one is searched; a header whose size alone is wrong is put right.
std::vector<Block> ReadBlocks(Peeker& file, std::uint64_t begin, std::uint64_t limit,
                              std::uint64_t pages);

}  // namespace v2p::hiberfil

// Which pages of a table each of its blocks holds, also when some of them are lost.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "dumpfmt/hiberfil_blocks.h"
#include "dumpfmt/hiberfil_table.h"

namespace v2p::hiberfil {

struct Assigned {
  std::uint64_t missing = 0;  ///< pages of the table that no block is sure to hold
  std::uint64_t gaps = 0;     ///< places where blocks are lost
};

/// Adds the blocks to body.sets and their pages to body.runs. `joined`: the last block is known to
/// end the table, for the next table begins right behind it. Blocks behind a gap are used only
/// where their count leaves no doubt about their pages.
Assigned AssignBlocks(const RangeTable& table, const std::vector<Block>& blocks, bool joined,
                      Body& body);

}  // namespace v2p::hiberfil

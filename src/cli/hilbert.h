// The Hilbert curve: neighbours in memory stay neighbours in the picture.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace v2p::cli {

struct GridPoint {
  std::uint32_t x = 0, y = 0;

  bool operator==(const GridPoint&) const = default;
};

/// Place of cell `index` on the curve through 2^order by 2^order cells; order <= 16. It begins at
/// the top left and ends at the bottom left, by way of the four quadrants clockwise: the first half
/// of the cells is the upper half of the square. y counts downwards. (D. Hilbert, "Ueber die
/// stetige Abbildung einer Linie auf ein Flaechenstueck", 1891.)
GridPoint HilbertPoint(unsigned order, std::uint64_t index);

}  // namespace v2p::cli

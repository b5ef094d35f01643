// From the smallest square outwards: each larger one holds four turned copies of the one inside.
// SPDX-License-Identifier: Apache-2.0
#include "cli/hilbert.h"

#include <utility>

namespace v2p::cli {

GridPoint HilbertPoint(unsigned order, std::uint64_t index) {
  GridPoint at;
  for (unsigned level = 0; level < order; ++level, index >>= 2U) {
    const std::uint32_t side = std::uint32_t{1} << level;
    switch (index & 3U) {
      case 0:  // so that it ends at the right
        std::swap(at.x, at.y);
        break;
      case 1:
        at.x += side;
        break;
      case 2:
        at.x += side;
        at.y += side;
        break;
      case 3:  // so that it begins at the right
        at = {side - 1 - at.y, 2 * side - 1 - at.x};
        break;
    }
  }
  return at;
}

}  // namespace v2p::cli

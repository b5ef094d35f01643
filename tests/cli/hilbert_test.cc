// The curve's defining properties; no oracle is needed.
// SPDX-License-Identifier: Apache-2.0
#include "cli/hilbert.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

namespace v2p::cli {
namespace {

TEST(Hilbert, VisitsEveryCellOnceAndNeverJumps) {
  for (unsigned order = 0; order <= 9; ++order) {
    const std::uint32_t side = std::uint32_t{1} << order;
    std::vector<bool> seen(std::size_t{side} * side);
    GridPoint last;
    for (std::uint64_t i = 0; i < seen.size(); ++i) {
      const GridPoint at = HilbertPoint(order, i);
      ASSERT_TRUE(at.x < side && at.y < side) << order << " " << i;
      ASSERT_FALSE(seen[at.y * side + at.x]) << order << " " << i;
      seen[at.y * side + at.x] = true;
      const auto apart = [](std::uint32_t a, std::uint32_t b) { return a > b ? a - b : b - a; };
      if (i != 0) {
        ASSERT_EQ(apart(at.x, last.x) + apart(at.y, last.y), 1U) << order << " " << i;
      }
      last = at;
    }
    EXPECT_EQ(HilbertPoint(order, 0), (GridPoint{0, 0}));
    EXPECT_EQ(last, (GridPoint{0, side - 1}));
  }
}

// An aligned stretch of a power of four is a square: what the labels and tooltips rely on.
TEST(Hilbert, GivesAlignedStretchesSquares) {
  constexpr unsigned kOrder = 6;
  for (unsigned inner = 0; inner <= kOrder; ++inner) {
    const std::uint64_t cells = std::uint64_t{1} << (2 * inner);
    for (std::uint64_t i = 0; i < std::uint64_t{1} << (2 * kOrder); ++i) {
      const GridPoint at = HilbertPoint(kOrder, i);
      const GridPoint square = HilbertPoint(kOrder - inner, i / cells);
      ASSERT_EQ((GridPoint{at.x >> inner, at.y >> inner}), square) << inner << " " << i;
    }
  }
}

TEST(Hilbert, PutsTheFirstHalfIntoTheUpperHalf) {
  for (std::uint64_t i = 0; i < 4096; ++i) {
    EXPECT_EQ(HilbertPoint(6, i).y < 32, i < 2048) << i;
  }
}

}  // namespace
}  // namespace v2p::cli

// Extents: byte-exact ends, joins, the directory above 42 runs against a plain search.
// SPDX-License-Identifier: Apache-2.0
#include "base/run_index.h"

#include <gtest/gtest.h>

#include <random>

namespace v2p {
namespace {

TEST(RunIndex, EmptyHoldsNothing) {
  const RunIndex index;
  EXPECT_FALSE(index.Find(PhysAddr(0)));
  EXPECT_EQ(index.PresentBytes(), 0U);
  EXPECT_EQ(index.End(), PhysAddr(0));
}

TEST(RunIndex, EndsAtTheByte) {
  const RunIndex index({{PhysAddr(0x1000), 0x9ec00, FileOffset(0x20)}});
  EXPECT_FALSE(index.Find(PhysAddr(0xfff)));
  ASSERT_TRUE(index.Find(PhysAddr(0x1000)));
  EXPECT_EQ(index.Find(PhysAddr(0x9fbff))->at, FileOffset(0x20 + 0x9ebff));
  EXPECT_EQ(index.Find(PhysAddr(0x9fbff))->bytes, 1U);
  EXPECT_FALSE(index.Find(PhysAddr(0x9fc00)));
}

TEST(RunIndex, JoinsOnlyWhatContinuesInBothPlaces) {
  const RunIndex index({{PhysAddr(0x2000), 0x1000, FileOffset(0x1000)},
                        {PhysAddr(0x1000), 0x1000, FileOffset(0)},
                        {PhysAddr(0x3000), 0x1000, FileOffset(0x9000)}});
  EXPECT_EQ(index.Find(PhysAddr(0x1000))->bytes, 0x2000U);
  EXPECT_EQ(index.Find(PhysAddr(0x3000))->at, FileOffset(0x9000));
}

TEST(RunIndex, NamesTheFirstOverlap) {
  const std::vector<Extent> runs = {{PhysAddr(0), 0x1000, FileOffset(0)},
                                    {PhysAddr(0x1000), 0x2000, FileOffset(0x1000)},
                                    {PhysAddr(0x2fff), 0x10, FileOffset(0x3000)}};
  EXPECT_EQ(RunIndex::FirstOverlap(runs), 2U);
}

// The oracle is a linear search, for run counts on both sides of the directory's threshold.
TEST(RunIndex, AgreesWithLinearSearch) {
  std::mt19937_64 random(7);
  for (const std::size_t count : {1U, 2U, 3U, 41U, 42U, 43U, 44U, 500U, 4000U}) {
    for (const unsigned shift : {12U, 20U, 40U}) {
      std::vector<Extent> runs;
      std::uint64_t at = random() % 0x10000;
      for (std::size_t i = 0; i < count; ++i) {
        at += 1 + random() % (std::uint64_t{1} << shift);
        const std::uint64_t bytes = 1 + random() % 0x3000;
        runs.push_back({PhysAddr(at), bytes, FileOffset(random() % 0xffffffff)});
        at += bytes;
      }
      const RunIndex index(runs);
      for (int probe = 0; probe < 4000; ++probe) {
        const Extent& near = runs[random() % count];
        const PhysAddr pa(near.begin.value + random() % (near.bytes + 0x2000) - 0x1000);
        std::optional<FileOffset> want;
        for (const Extent& run : runs) {
          if (pa >= run.begin && pa - run.begin < run.bytes) want = run.at + (pa - run.begin);
        }
        const auto got = index.Find(pa);
        ASSERT_EQ(got.has_value(), want.has_value()) << std::hex << pa.value;
        if (want) {
          ASSERT_EQ(got->at, *want);
        }
      }
    }
  }
}

}  // namespace
}  // namespace v2p

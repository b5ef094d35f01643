// Bitmaps: ragged bit counts, truncation, and agreement with a bit-by-bit count.
// SPDX-License-Identifier: Apache-2.0
#include "base/rank_index.h"

#include <gtest/gtest.h>

#include <random>

namespace v2p {
namespace {

std::vector<std::byte> RandomBitmap(std::mt19937_64& random, std::size_t bytes) {
  std::vector<std::byte> bitmap(bytes);
  for (std::byte& b : bitmap) {
    const auto kind = random() % 4;
    b = kind == 0 ? std::byte{0} : kind == 1 ? std::byte{0xff} : static_cast<std::byte>(random());
  }
  return bitmap;
}

// The oracle counts bits one at a time; unused bits of the last byte are set on purpose.
TEST(RankIndex, AgreesWithCountingBits) {
  std::mt19937_64 random(11);
  for (const std::uint64_t bits : {0U, 1U, 7U, 8U, 63U, 64U, 65U, 127U, 1000U, 4099U}) {
    const auto bitmap = RandomBitmap(random, (bits + 7) / 8);
    for (const std::uint64_t stored : {std::uint64_t{0}, bits / 3, bits}) {
      const RankIndex index(bitmap, bits, FileOffset(0x2345), stored, nullptr);
      std::uint64_t rank = 0;
      for (std::uint64_t pfn = 0; pfn < bits + 70; ++pfn) {
        const bool set =
            pfn < bits && (std::to_integer<unsigned>(bitmap[pfn / 8]) >> (pfn % 8) & 1) != 0;
        const auto got = index.Find(PhysAddr(pfn * 0x1000 + 0x123));
        ASSERT_EQ(got.has_value(), set && rank < stored) << pfn;
        if (got) {
          EXPECT_EQ(got->at, FileOffset(0x2345 + rank * 0x1000 + 0x123));
          EXPECT_EQ(got->bytes, 0x1000U - 0x123U);
        }
        rank += set ? 1 : 0;
      }
      for (std::uint64_t from = 0; from < bits + 70; from += 1 + random() % 40) {
        const std::uint64_t end = from + random() % 200;
        std::optional<PhysAddr> expected;
        for (std::uint64_t pfn = from; pfn < end && !expected; ++pfn) {
          if (index.Find(Pfn(pfn).Base())) expected = Pfn(pfn).Base();
        }
        EXPECT_EQ(index.FirstPresent(Pfn(from).Base(), Pfn(end).Base()), expected) << from;
      }
      EXPECT_EQ(index.SetBits(), rank);
      std::uint64_t bytes = 0;
      PhysAddr end;
      index.ForEach([&](const Extent& run) {
        EXPECT_EQ(index.Find(run.begin)->at, run.at);
        EXPECT_TRUE(end == PhysAddr(0) || run.begin > end);
        bytes += run.bytes;
        end = run.End();
      });
      EXPECT_EQ(bytes, index.PresentBytes());
      EXPECT_EQ(end, index.End());
    }
  }
}

}  // namespace
}  // namespace v2p

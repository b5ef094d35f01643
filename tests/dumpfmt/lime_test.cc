// LiME images: exact ranges, damaged headers, truncation.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "dumpfmt/format.h"
#include "support/corpus.h"
#include "support/layout.h"
#include "support/lime_builder.h"
#include "support/memory_source.h"

namespace v2p {
namespace {

using test::LimeBuilder;
using test::PatternByte;

Result<Image> Open(std::vector<std::byte> bytes, std::size_t block_bytes = 0) {
  return OpenImage(std::make_shared<test::MemorySource>(std::move(bytes), block_bytes), {});
}

// Every byte of [first, last] is present and is the one the builder stored.
void ExpectPattern(const Image& image, std::uint64_t first, std::uint64_t last) {
  std::vector<std::byte> out(static_cast<std::size_t>(last - first + 1));
  ASSERT_EQ(image.memory->Read(PhysAddr(first), out), out.size()) << std::hex << first;
  for (std::size_t i = 0; i < out.size(); ++i) {
    ASSERT_EQ(out[i], PatternByte(first + i)) << std::hex << first + i;
  }
}

void Corrupt(std::vector<std::byte>& bytes, std::size_t at) { bytes[at] ^= std::byte{0x40}; }

TEST(LimeTest, RangesAreExactToTheByte) {
  LimeBuilder builder;
  builder.Range(0x1000, 0x9fbff).Range(0x100000, 0x1027ff);
  for (const std::size_t block : {std::size_t{0}, std::size_t{100}}) {
    const auto image = Open(builder.Bytes(), block);
    ASSERT_TRUE(image) << image.error().OneLine();
    EXPECT_EQ(image->format, "lime");
    EXPECT_TRUE(image->warnings.empty());
    EXPECT_EQ(image->facts.missing_pages, 0U);
    ExpectPattern(*image, 0x1000, 0x9fbff);
    ExpectPattern(*image, 0x100000, 0x1027ff);
    EXPECT_FALSE(image->memory->Contains(PhysAddr(0xfff)));
    EXPECT_FALSE(image->memory->Contains(PhysAddr(0x9fc00)));
    EXPECT_FALSE(image->memory->Contains(PhysAddr(0x102800)));
    EXPECT_EQ(image->memory->Frame(Pfn(0x9f)).end, 0xc00);
  }
  const auto image = Open(builder.Bytes());
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x100000)), FileOffset(builder.HeaderAt(1) + 32));
}

TEST(LimeTest, TruncatedLastRangeIsClampedAndCounted) {
  LimeBuilder builder;
  builder.Range(0x1000, 0x1fff).Range(0x10000, 0x13fff);
  auto bytes = builder.Bytes();
  bytes.resize(bytes.size() - 0x2100);
  const auto image = Open(bytes);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->facts.missing_pages, 3U);
  EXPECT_EQ(image->warnings.size(), 1U);
  ExpectPattern(*image, 0x10000, 0x11eff);
  EXPECT_FALSE(image->memory->Contains(PhysAddr(0x11f00)));
}

TEST(LimeTest, TrailingZerosEndTheFile) {
  LimeBuilder builder;
  builder.Range(0x1000, 0x1fff).Zeros(0x3000);
  const auto image = Open(builder.Bytes());
  ASSERT_TRUE(image);
  EXPECT_EQ(image->memory->PresentBytes(), 0x1000U);
  EXPECT_EQ(image->warnings.size(), 1U);
}

TEST(LimeTest, DamagedHeaderLosesOneRangeOnly) {
  LimeBuilder builder;
  builder.Range(0x1000, 0x2fff).Range(0x10000, 0x10fff).Range(0x20000, 0x20bff);
  auto bytes = builder.Bytes();
  Corrupt(bytes, builder.HeaderAt(1) + 1);
  const auto image = Open(bytes);
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectPattern(*image, 0x1000, 0x2fff);
  ExpectPattern(*image, 0x20000, 0x20bff);
  EXPECT_FALSE(image->memory->Contains(PhysAddr(0x10000)));
  ASSERT_EQ(image->warnings.size(), 1U);
  EXPECT_NE(image->warnings[0].find(" 4128 bytes"), std::string::npos) << image->warnings[0];
}

TEST(LimeTest, ShortWrittenRangeEndsAtTheNextHeader) {
  LimeBuilder builder;
  builder.ShortRange(0x1000, 0x4fff, 0x1800).Range(0x10000, 0x17fff);
  const auto image = Open(builder.Bytes());
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectPattern(*image, 0x1000, 0x27ff);
  EXPECT_FALSE(image->memory->Contains(PhysAddr(0x2800)));
  ExpectPattern(*image, 0x10000, 0x17fff);
  EXPECT_EQ(image->facts.missing_pages, 3U);
  EXPECT_EQ(image->warnings.size(), 2U);
}

// The guest may hold LiME headers in its memory: only one that can follow is taken.
TEST(LimeTest, SearchPassesOverHeadersThatCannotFollow) {
  LimeBuilder builder;
  builder.Range(0x10000, 0x12fff).Range(0x20000, 0x20fff).Range(0x30000, 0x30fff);
  LimeBuilder inner;
  inner.Range(0x1000, 0x1003);
  auto bytes = builder.Bytes();
  const std::size_t planted = builder.HeaderAt(0) + 32 + 0x800;
  std::copy(inner.Bytes().begin(), inner.Bytes().end(),
            bytes.begin() + static_cast<std::ptrdiff_t>(planted));
  Corrupt(bytes, builder.HeaderAt(1));
  const auto image = Open(bytes);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_TRUE(image->memory->Contains(PhysAddr(0x12fff)));
  EXPECT_FALSE(image->memory->Contains(PhysAddr(0x1000)));
  ExpectPattern(*image, 0x30000, 0x30fff);
}

// A LiME file in the guest's memory whose ranges could follow: taken only when its range leads to
// another header, or when nothing better is left and it may lead to the end of the file.
TEST(LimeTest, SearchPassesOverHeadersThatLeadNowhere) {
  LimeBuilder inner;
  inner.Range(0x28000, 0x28003);
  LimeBuilder builder;
  builder.Range(0x10000, 0x12fff).Range(0x20000, 0x20fff).Range(0x30000, 0x30fff);
  builder.Range(0x40000, 0x40fff);
  for (const std::size_t cut : {0U, 0x1020U, 0x1820U}) {
    for (const std::size_t in : {0U, 1U}) {
      auto bytes = builder.Bytes();
      bytes.resize(bytes.size() - cut);
      const std::size_t planted = builder.HeaderAt(in) + 32 + 0x800;
      std::copy(inner.Bytes().begin(), inner.Bytes().end(),
                bytes.begin() + static_cast<std::ptrdiff_t>(planted));
      Corrupt(bytes, builder.HeaderAt(1));
      const auto image = Open(bytes);
      ASSERT_TRUE(image) << image.error().OneLine();
      EXPECT_FALSE(image->memory->Contains(PhysAddr(0x28000)));
      EXPECT_TRUE(image->memory->Contains(PhysAddr(0x12fff)));
      EXPECT_FALSE(image->memory->Contains(PhysAddr(0x20000)));
      ExpectPattern(*image, 0x30000, 0x307ff);
      EXPECT_EQ(image->memory->Contains(PhysAddr(0x40000)), cut == 0);
    }
  }
}

TEST(LimeTest, SearchPrefersAHeaderThatLeadsToTheNext) {
  LimeBuilder inner;
  inner.Range(0x28000, 0x28003).Zeros(0x40);
  LimeBuilder builder;
  builder.Range(0x10000, 0x12fff).Range(0x20000, 0x20fff).Range(0x30000, 0x30fff);
  auto bytes = builder.Bytes();
  std::copy(inner.Bytes().begin(), inner.Bytes().end(),
            bytes.begin() + static_cast<std::ptrdiff_t>(builder.HeaderAt(1) + 0x200));
  Corrupt(bytes, builder.HeaderAt(1));
  const auto image = Open(bytes);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_FALSE(image->memory->Contains(PhysAddr(0x28000)));
  ExpectPattern(*image, 0x30000, 0x30fff);
}

// Pairs of ranges of one byte, then junk where the next header should be.
std::vector<std::byte> DamagedPairs(std::size_t pairs) {
  LimeBuilder builder;
  for (std::size_t i = 0; i < pairs; ++i) {
    builder.Range(0x1000 + 8 * i, 0x1000 + 8 * i).Range(0x1002 + 8 * i, 0x1003 + 8 * i);
    builder.Zeros(34);
  }
  auto bytes = builder.Bytes();
  for (std::size_t i = 0; i < pairs; ++i) bytes[builder.HeaderAt(2 * i + 1) + 34] = std::byte{1};
  return bytes;
}

TEST(LimeTest, ManyDamagedHeadersAreNoImage) {
  const auto few = Open(DamagedPairs(100));
  ASSERT_TRUE(few) << few.error().OneLine();
  EXPECT_EQ(few->memory->PresentBytes(), 300U);
  const auto many = Open(DamagedPairs(1100));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(many.error().message.find("damaged or doubtful"), std::string::npos);
}

TEST(LimeTest, NothingAfterADamagedHeaderKeepsWhatCameBefore) {
  LimeBuilder builder;
  builder.Range(0x1000, 0x2fff).Range(0x10000, 0x10fff);
  auto bytes = builder.Bytes();
  Corrupt(bytes, builder.HeaderAt(1));
  const auto image = Open(bytes);
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectPattern(*image, 0x1000, 0x2fff);
  EXPECT_EQ(image->memory->PresentBytes(), 0x2000U);
  EXPECT_EQ(image->warnings.size(), 1U);
}

TEST(LimeTest, RepeatedRangeIsReadOnce) {
  LimeBuilder builder;
  builder.Range(0x1000, 0x1fff).Range(0x1000, 0x1fff).Range(0x5000, 0x5fff);
  const auto image = Open(builder.Bytes());
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory->PresentBytes(), 0x2000U);
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x1000)), FileOffset(32));
  EXPECT_EQ(image->warnings.size(), 1U);
}

struct BadRanges {
  std::uint64_t first, last;
};
void PrintTo(const BadRanges& range, std::ostream* out) {
  *out << std::hex << range.first << " to " << range.last;
}
class LimeBadRangeTest : public testing::TestWithParam<BadRanges> {};

TEST_P(LimeBadRangeTest, IsCorruptAndNamesTheHeader) {
  LimeBuilder builder;
  builder.Range(0x10000, 0x11fff).ShortRange(GetParam().first, GetParam().last, 0x1000);
  const auto image = Open(builder.Bytes());
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(image.error().at, FileOffset(builder.HeaderAt(1)));
}

INSTANTIATE_TEST_SUITE_P(Overlap, LimeBadRangeTest,
                         testing::Values(BadRanges{0x11fff, 0x12fff}, BadRanges{0x8000, 0x8fff},
                                         BadRanges{0x10000, 0x10fff}, BadRanges{0x20000, 0x1ffff},
                                         BadRanges{0x20000,
                                                   std::numeric_limits<std::uint64_t>::max()}));

TEST(LimeTest, OtherVersionsAreNamed) {
  LimeBuilder builder;
  builder.Range(0x1000, 0x1fff);
  auto bytes = builder.Bytes();
  test::PutLe(bytes, 4, 4, 3);
  const auto image = Open(bytes);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kUnsupported);
}

TEST(LimeCorpusTest, RealModuleImage) {
  V2P_CORPUS_FILE(path, "guests/lime/lime.lime");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  const auto extents = image->memory->Extents();
  ASSERT_GE(extents.size(), 2U);
  EXPECT_EQ(extents[0], (Extent{PhysAddr(0x1000), 0x9ec00, FileOffset(32)}));
  EXPECT_EQ(extents[1].begin, PhysAddr(0x100000));
  EXPECT_TRUE(image->warnings.empty());
}

TEST(LimeCorpusTest, FirstRangeOfARealImage) {
  V2P_CORPUS_FILE(path, "lime/deb-x86_64-slice.lime");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  const auto extents = image->memory->Extents();
  ASSERT_EQ(extents.size(), 1U);
  EXPECT_EQ(extents[0].begin, PhysAddr(0x1000));
}

}  // namespace
}  // namespace v2p

// Windows crash dumps: every type's pages are where the format puts them.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "support/layout.h"
#include "support/windows_dump_builder.h"
#include "support/windows_dump_checks.h"

namespace v2p {
namespace {

using test::DumpBody;
using test::ExpectPages;
using test::FactText;
using test::OpenBytes;
using test::Warnings;
using test::WindowsDumpBuilder;

using Runs = std::vector<WindowsDumpBuilder::Run>;

const Runs kTinyMap = {{1, 3}, {9, 1}, {64, 2}, {100, 5}};

struct Kind {
  bool is_64;
  std::uint32_t type;
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << (kind.is_64 ? 64 : 32) << " bits, type " << kind.type;
}

class EveryType : public testing::TestWithParam<Kind> {};

TEST_P(EveryType, PagesAreByteExact) {
  WindowsDumpBuilder builder(GetParam().is_64, GetParam().type, kTinyMap);
  const auto dump = builder.Build();
  for (const std::size_t block : {std::size_t{0}, std::size_t{100}, std::size_t{4096}}) {
    const auto image = OpenBytes(dump, block);
    ASSERT_TRUE(image) << image.error().OneLine();
    EXPECT_EQ(image->format, "windows-crash-dump");
    EXPECT_TRUE(image->warnings.empty()) << image->warnings.front();
    EXPECT_EQ(image->facts.missing_pages, 0U);
    ExpectPages(*image, builder.Pages());
    EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x1234)).has_value(), block == 0);
  }
}

TEST_P(EveryType, PagesPastTheEndAreAbsentAndCountedOnce) {
  WindowsDumpBuilder builder(GetParam().is_64, GetParam().type, kTinyMap);
  const auto whole = builder.Build();
  for (const std::size_t cut : {std::size_t{1}, std::size_t{4096}, std::size_t{3 * 4096 + 1}}) {
    auto dump = whole;
    dump.resize(dump.size() - cut);
    auto held = builder.Pages();
    for (auto it = held.begin(); it != held.end();) {
      it = it->second + 4096 > dump.size() ? held.erase(it) : std::next(it);
    }
    const auto image = OpenBytes(dump);
    ASSERT_TRUE(image) << image.error().OneLine();
    ExpectPages(*image, held);
    EXPECT_EQ(image->facts.missing_pages, builder.Pages().size() - held.size());
    EXPECT_EQ(Warnings(*image, "truncated"), 1);
    EXPECT_EQ(image->warnings.size(), 1U);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, EveryType,
    testing::Values(Kind{false, 1}, Kind{true, 1}, Kind{false, 2}, Kind{true, 2}, Kind{false, 5},
                    Kind{true, 5}, Kind{false, 6}, Kind{true, 6}, Kind{false, 7}, Kind{true, 7},
                    Kind{true, 8}, Kind{true, 9}, Kind{true, 10}),
    [](const auto& test) {
      return fmt::format("{}bit{}", test.param.is_64 ? 64 : 32, test.param.type);
    });

TEST(WindowsPagesTest, FirstPageOfFullDumpsIsAtTheHeadersEnd) {
  for (const bool is_64 : {false, true}) {
    WindowsDumpBuilder builder(is_64, 1, {{1, 1}});
    builder.Build();
    EXPECT_EQ(builder.Pages().at(1), is_64 ? 0x2000U : 0x1000U);
  }
}

TEST(WindowsPagesTest, RunsNeedNotAscend) {
  for (const std::uint32_t type : {1U, 8U}) {
    WindowsDumpBuilder builder(true, type, {{100, 2}, {1, 3}, {50, 1}});
    const auto image = OpenBytes(builder.Build());
    ASSERT_TRUE(image) << image.error().OneLine();
    ExpectPages(*image, builder.Pages());
  }
}

TEST(WindowsPagesTest, EmptyRunsHoldNothing) {
  WindowsDumpBuilder builder(true, 1, {{1, 2}, {5, 0}, {7, 1}});
  const auto image = OpenBytes(builder.Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectPages(*image, builder.Pages());
}

TEST(WindowsPagesTest, BitmapOfAnyBitCount) {
  for (const std::uint32_t type : {2U, 5U, 6U}) {
    for (std::uint64_t bits = 105; bits <= 137; ++bits) {
      WindowsDumpBuilder builder(true, type, kTinyMap);
      const auto image = OpenBytes(builder.Bits(bits).Build());
      ASSERT_TRUE(image) << image.error().OneLine();
      ExpectPages(*image, builder.Pages());
      EXPECT_EQ(FactText(*image, "bitmap-bits"), std::to_string(bits));
    }
  }
}

TEST(WindowsPagesTest, BitsBehindTheCountAreNoPages) {
  WindowsDumpBuilder builder(true, 6, {{0, 3}});
  auto dump = builder.Build();
  dump.at(builder.At("second.Bitmap")) = std::byte{0xFF};  // 3 bits count, 8 are set
  const auto image = OpenBytes(dump);
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectPages(*image, builder.Pages());
  EXPECT_TRUE(image->warnings.empty());
}

TEST(WindowsPagesTest, FirstPageNeedNotBeAligned) {
  for (const std::uint32_t type : {2U, 5U}) {
    for (const std::uint64_t gap : {0U, 1U, 511U, 4096U}) {
      WindowsDumpBuilder builder(type == 5, type, kTinyMap);
      const auto image = OpenBytes(builder.Gap(gap).Build());
      ASSERT_TRUE(image) << image.error().OneLine();
      ExpectPages(*image, builder.Pages());
    }
  }
}

TEST(WindowsPagesTest, EitherSignatureIsABitmap) {
  for (const std::uint32_t type : {5U, 6U, 7U}) {
    for (const char* signature : {"SDMP", "FDMP"}) {
      WindowsDumpBuilder builder(true, type, kTinyMap);
      const auto image = OpenBytes(builder.Signature(signature).Build());
      ASSERT_TRUE(image) << image.error().OneLine();
      ExpectPages(*image, builder.Pages());
      EXPECT_EQ(FactText(*image, "second-header"), signature);
    }
  }
}

// The one complete range list that is public: kdmp-parser, issue 27.
TEST(WindowsPagesTest, RangeListOfARealCompleteDump) {
  const Runs ranges = {{0x1, 0x9f},     {0x100, 0x91e},    {0xae3, 0x940d},
                       {0xa001, 0x1ff}, {0xa20d, 0xad0ed}, {0xbcffe, 0x1002}};
  WindowsDumpBuilder builder(true, 10, ranges);
  WindowsDumpBuilder header_only(true, 10, {});
  auto dump = header_only.Build();
  std::uint64_t pages = 0;
  for (const auto& run : ranges) {
    test::PutLe(dump, dump.size(), 8, run.first);
    test::PutLe(dump, dump.size(), 8, run.pages);
    pages += run.pages;
  }
  header_only.Patch(dump, "second.MetadataSize", 0x70);
  header_only.Patch(dump, "second.FirstPageOffset", 0x2090);
  header_only.Patch(dump, "second.NumberOfRanges", 6);
  header_only.Patch(dump, "second.TotalNumberOfPages", pages);
  ASSERT_EQ(dump.size(), 0x2090U);
  // What that file shows behind its last range: the first page's bytes, not a seventh range.
  test::PutLe(dump, dump.size(), 8, 0x100064de9);
  test::PutLe(dump, dump.size(), 8, 0x1018003f00000000);
  dump.resize(0x2090 + 0xa0 * 0x1000);
  const auto image = OpenBytes(dump);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(FactText(*image, "range-count"), "6");
  EXPECT_EQ(image->facts.missing_pages, pages - 0xa0);
  EXPECT_EQ(image->memory->Find(PhysAddr(0x1000))->at.value, 0x2090U);
  EXPECT_EQ(image->memory->Find(PhysAddr(0x9f123))->at.value, 0x2090U + 0x9e123U);
  EXPECT_EQ(image->memory->Find(PhysAddr(0x100000))->at.value, 0x2090U + 0x9f000U);
  EXPECT_FALSE(image->memory->Contains(PhysAddr(0x101000)));
  EXPECT_FALSE(image->memory->Contains(PhysAddr(0xa0000)));
}

TEST(WindowsPagesTest, RangeCountersAreCheckedButNotBelieved) {
  WindowsDumpBuilder builder(true, 8, kTinyMap);
  auto dump = builder.Build();
  builder.Patch(dump, "second.NumberOfRanges", 3);
  builder.Patch(dump, "second.TotalNumberOfPages", 12);
  const auto image = OpenBytes(dump);
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectPages(*image, builder.Pages());
  EXPECT_EQ(image->warnings.size(), 2U);
}

TEST(WindowsPagesTest, ManyRanges) {
  Runs ranges;
  for (std::uint64_t i = 0; i < 500; ++i) ranges.push_back({1 + i * 3 + (i / 7) * 100, 1});
  WindowsDumpBuilder builder(true, 9, ranges);
  const auto image = OpenBytes(builder.Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectPages(*image, builder.Pages());
}

TEST(WindowsPagesTest, PaeRunsBeyond4GiB) {
  for (const std::uint32_t type : {1U, 2U, 6U}) {
    WindowsDumpBuilder builder(false, type, {{1, 2}, {0x100000, 2}, {0x3F0000, 1}});
    const auto image = OpenBytes(builder.Build());
    ASSERT_TRUE(image) << image.error().OneLine();
    ExpectPages(*image, builder.Pages());
    EXPECT_EQ(image->memory->End().value, 0x3F0001000U);
  }
}

TEST(WindowsPagesTest, A32BitRunReachesItsLastFrame) {
  WindowsDumpBuilder builder(false, 1, {{1, 1}, {0xFFFFFFFF, 1}});
  const auto image = OpenBytes(builder.Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectPages(*image, builder.Pages());
}

TEST(WindowsPagesTest, MoreThanOneTebibyteOfSpan) {
  for (const std::uint32_t type : {1U, 6U, 10U}) {
    WindowsDumpBuilder builder(true, type, {{1, 2}, {0x10000123, 2}});
    const auto image = OpenBytes(builder.Build());
    ASSERT_TRUE(image) << image.error().OneLine();
    ExpectPages(*image, builder.Pages());
  }
}

TEST(WindowsPagesTest, AsManyRunsAsTheDescriptorHolds) {
  for (const bool is_64 : {false, true}) {
    Runs runs;
    for (std::uint64_t i = 0; i < (is_64 ? 43U : 86U); ++i) runs.push_back({1 + 2 * i, 1});
    WindowsDumpBuilder builder(is_64, 1, runs);
    auto dump = builder.Build();
    builder.Patch(dump, "header.NumberOfPages", 7);  // a wrong sum is only a warning here
    const auto image = OpenBytes(dump);
    ASSERT_TRUE(image) << image.error().OneLine();
    ExpectPages(*image, builder.Pages());
    EXPECT_EQ(Warnings(*image, "counts 7 pages"), 1);
  }
}

TEST(WindowsPagesTest, MoreRunsAreBelievedOnlyWhenTheyAddUp) {
  for (const bool is_64 : {false, true}) {
    Runs runs;
    for (std::uint64_t i = 0; i < 100; ++i) runs.push_back({1 + 2 * i, 1});
    WindowsDumpBuilder builder(is_64, 1, runs);
    auto dump = builder.Build();
    const auto image = OpenBytes(dump);
    ASSERT_TRUE(image) << image.error().OneLine();
    ExpectPages(*image, builder.Pages());
    EXPECT_EQ(FactText(*image, "context-ip"), "-");  // the runs have overwritten it
    builder.Patch(dump, "header.NumberOfPages", 101);
    EXPECT_FALSE(OpenBytes(dump));
    std::reverse(runs.begin(), runs.end());
    EXPECT_FALSE(OpenBytes(WindowsDumpBuilder(is_64, 1, runs).Build()));
  }
}

TEST(WindowsPagesTest, PopulationMismatchIsAWarning) {
  for (const std::uint32_t type : {2U, 5U}) {
    WindowsDumpBuilder builder(true, type, kTinyMap);
    auto dump = builder.Build();
    builder.Patch(dump, type == 2 ? "second.Pages" : "second.TotalPresentPages", 12);
    const auto image = OpenBytes(dump);
    ASSERT_TRUE(image) << image.error().OneLine();
    ExpectPages(*image, builder.Pages());
    EXPECT_EQ(Warnings(*image, "11 bits set, its header counts 12"), 1);
  }
}

TEST(WindowsPagesTest, ATailBehindTheLastPageIsIgnored) {
  for (const std::uint32_t type : {1U, 2U, 6U, 8U}) {
    WindowsDumpBuilder builder(true, type, kTinyMap);
    auto dump = builder.Build();
    dump.resize(dump.size() + 5000);
    const auto image = OpenBytes(dump);
    ASSERT_TRUE(image) << image.error().OneLine();
    ExpectPages(*image, builder.Pages());
    EXPECT_TRUE(image->warnings.empty());
  }
}

TEST(WindowsPagesTest, AnUnsetTypeIsAFullDump) {
  WindowsDumpBuilder builder(false, 1, kTinyMap);
  const auto image = OpenBytes(builder.Set("DumpType", 0x45474150).Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectPages(*image, builder.Pages());
  EXPECT_EQ(FactText(*image, "dump-type"), "-");
  EXPECT_EQ(Warnings(*image, "type is not set"), 1);
}

TEST(WindowsPagesTest, AnUnknownTypeIsReadByItsSecondHeader) {
  for (const DumpBody body : {DumpBody::kSummary, DumpBody::kBitmap, DumpBody::kRanges}) {
    for (const std::uint32_t type : {11U, 0x45474150U}) {
      WindowsDumpBuilder builder(true, type, kTinyMap);
      const auto image = OpenBytes(builder.Body(body).Build());
      ASSERT_TRUE(image) << image.error().OneLine();
      ExpectPages(*image, builder.Pages());
      EXPECT_EQ(Warnings(*image, "is read as one"), 1);
    }
  }
  WindowsDumpBuilder none(true, 11, kTinyMap);
  const auto image = OpenBytes(none.Build());
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kUnsupported);
}

struct Lie {
  std::uint32_t type;
  DumpBody body;
};

void PrintTo(const Lie& lie, std::ostream* out) {
  *out << "type " << lie.type << ", body " << static_cast<int>(lie.body);
}

class TypeDisagrees : public testing::TestWithParam<Lie> {};

TEST_P(TypeDisagrees, OpensOnlyWhenTheSizeFitsExactly) {
  WindowsDumpBuilder builder(true, GetParam().type, kTinyMap);
  auto dump = builder.Body(GetParam().body).Build();
  const auto image = OpenBytes(dump);
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectPages(*image, builder.Pages());
  EXPECT_EQ(Warnings(*image, "is read as one"), 1);
  EXPECT_NE(image->title.find("header says"), std::string::npos);
  dump.push_back(std::byte{0});
  const auto longer = OpenBytes(dump);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().kind, ErrorKind::kCorrupt);
}

INSTANTIATE_TEST_SUITE_P(Lies, TypeDisagrees,
                         testing::Values(Lie{5, DumpBody::kRuns}, Lie{2, DumpBody::kRuns},
                                         Lie{8, DumpBody::kRuns}, Lie{1, DumpBody::kBitmap},
                                         Lie{1, DumpBody::kRanges}, Lie{2, DumpBody::kBitmap},
                                         Lie{6, DumpBody::kSummary}, Lie{6, DumpBody::kRanges},
                                         Lie{9, DumpBody::kBitmap}, Lie{4, DumpBody::kBitmap}));

}  // namespace
}  // namespace v2p

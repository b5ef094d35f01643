// Hibernation files of Windows XP to 7: every table layout, chains, damage, lost headers. The files
// are synthetic (no real one was at hand), laid out by the table in testdata/.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "support/hiberfil_checks.h"
#include "support/layout.h"
#include "support/legacy_hiberfil_builder.h"

namespace v2p {
namespace {

using test::FrameRun;
using test::HoldsFrame;
using test::LacksFrame;
using test::LegacyHiberfil;
using test::OpenBytes;
using test::SetCoding;
using test::Warns;
using Bytes = std::vector<std::byte>;
using Runs = std::vector<FrameRun>;

struct Kind {
  const char* header;
  const char* windows;
  Machine machine;
  std::uint64_t processor_page;
};

std::vector<std::uint64_t> FramesOf(const Runs& runs) {
  std::vector<std::uint64_t> frames;
  for (const FrameRun& run : runs) {
    for (std::uint64_t i = 0; i < run.pages; ++i) frames.push_back(run.first + i);
  }
  return frames;
}

// Ranges that are not aligned to blocks: one spans three of them, one block takes five.
Runs Ragged(std::uint64_t base) {
  return {{base, 5}, {base + 0x10, 37}, {base + 0x50, 1}, {base + 0x60, 2}, {base + 0x70, 9}};
}

// A table that is full: ranges of one page with holes between them.
Runs Full(const LegacyHiberfil& builder, std::uint64_t base) {
  Runs runs;
  for (std::uint64_t i = 0; i < builder.MostRanges(); ++i) runs.push_back({base + 2 * i, 1});
  return runs;
}

class EveryLegacy : public testing::TestWithParam<Kind> {};

TEST_P(EveryLegacy, GivesThePagesOfItsTables) {
  const Kind& kind = GetParam();
  for (const std::size_t block : {0U, 333U}) {
    LegacyHiberfil builder(kind.header);
    const Runs first = Full(builder, 0x100);
    const Runs second = Full(builder, 0x1000);
    const Runs last = Ragged(0x3000);
    builder.Table(first).Table(second).Table(last);
    builder.Processor(kind.processor_page, 0x8001003B, 0x100000, 0x20,
                      builder.Is64() ? 0xFFFFF80000001000 : 0x80000000);
    const auto image = OpenBytes(builder.Build(), block);
    ASSERT_TRUE(image) << image.error().OneLine();
    EXPECT_EQ(image->format, "hiberfil");
    EXPECT_TRUE(image->warnings.empty()) << image->warnings.front();
    EXPECT_EQ(image->facts.missing_pages, 0U);
    EXPECT_EQ(image->facts.machine, kind.machine);
    EXPECT_EQ(test::TextFact(*image, "windows"), kind.windows);
    EXPECT_EQ(test::NumberFact(*image, "tables"), 3U);
    for (const Runs& runs : {first, second, last}) {
      for (const auto pfn : FramesOf(runs)) EXPECT_TRUE(HoldsFrame(*image, pfn)) << pfn;
    }
    EXPECT_TRUE(LacksFrame(*image, 0x101));
    EXPECT_EQ(image->memory->PresentBytes() / kPageBytes, first.size() * 2 + 54);
    ASSERT_EQ(image->facts.dtb_claims.size(), 1U);
    EXPECT_EQ(image->facts.dtb_claims[0].source, "processor-state");
    EXPECT_EQ(image->facts.dtb_claims[0].value, 0x100000U);
    EXPECT_EQ(image->facts.dtb_claims[0].mode, builder.Is64() ? ModeName::kX64 : ModeName::kPae);
  }
}

TEST_P(EveryLegacy, ALastTableMayBeFull) {
  LegacyHiberfil builder(GetParam().header);
  const Runs runs = Full(builder, 0x100);
  const auto image = OpenBytes(builder.Table(runs).Slack(Bytes(0x3000)).Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->facts.missing_pages, 0U);
  EXPECT_TRUE(image->warnings.empty()) << image->warnings.front();
  for (const auto pfn : FramesOf(runs)) EXPECT_TRUE(HoldsFrame(*image, pfn));
}

// Resumed since: the first page is zeros, the body is still there.
TEST_P(EveryLegacy, AWipedHeaderIsReplacedByLooking) {
  LegacyHiberfil builder(GetParam().header);
  const Runs first = Full(builder, 0x100);
  const Runs last = Ragged(0x3000);
  Bytes bytes = builder.Table(first).Table(last).Build();
  std::fill(bytes.begin(), bytes.begin() + 0x1000, std::byte{});
  const auto image = OpenBytes(bytes);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->format, "hiberfil");
  EXPECT_EQ(test::TextFact(*image, "state"), "no-header");
  EXPECT_TRUE(Warns(*image, "no header"));
  EXPECT_EQ(image->facts.machine, GetParam().machine);
  for (const auto pfn : FramesOf(first)) EXPECT_TRUE(HoldsFrame(*image, pfn));
  for (const auto pfn : FramesOf(last)) EXPECT_TRUE(HoldsFrame(*image, pfn));
}

INSTANTIATE_TEST_SUITE_P(
    Windows, EveryLegacy,
    testing::Values(Kind{"xp_x86", "Windows XP or 2003", Machine::kX86, 2},
                    Kind{"xp_x64", "Windows XP or 2003", Machine::kX64, 2},
                    Kind{"vista0_x86", "Windows Vista", Machine::kX86, 4},
                    Kind{"vista1_x86", "Windows Vista SP1 or 2008", Machine::kX86, 1},
                    Kind{"vista2_x86", "Windows Vista SP2 or 2008 SP2", Machine::kX86, 1},
                    Kind{"vista0_x64", "Windows Vista", Machine::kX64, 4},
                    Kind{"vista1_x64", "Windows Vista SP1 or 2008", Machine::kX64, 1},
                    Kind{"vista2_x64", "Windows Vista SP2 or 2008 SP2", Machine::kX64, 1},
                    Kind{"win7_x86", "Windows 7", Machine::kX86, 1},
                    Kind{"win7_x64", "Windows 7 or 2008 R2", Machine::kX64, 1}),
    [](const auto& row) { return std::string(row.param.header); });

TEST(HiberfilLegacy, RawBlocksAndHighFrames) {
  LegacyHiberfil builder("win7_x64");
  const Runs runs = {{0x1234'5678'90ULL, 3}, {PageIndex::kFrames - 2, 1}};
  const auto image = OpenBytes(builder.Table(runs, SetCoding::kRaw).Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(test::NumberFact(*image, "sets-raw"), 1U);
  for (const auto pfn : FramesOf(runs)) EXPECT_TRUE(HoldsFrame(*image, pfn));
}

// What a block's damage takes away, by the pages that are right, absent and wrong. Wrong is never.
struct Census {
  std::size_t right = 0, absent = 0, wrong = 0;
};

Census Count(const Image& image, const Runs& runs) {
  Census census;
  for (const auto pfn : FramesOf(runs)) {
    if (HoldsFrame(image, pfn)) {
      ++census.right;
    } else if (LacksFrame(image, pfn)) {
      ++census.absent;
    } else {
      ++census.wrong;
    }
  }
  return census;
}

TEST(HiberfilLegacy, ALostBlockHeaderCostsItsOwnPages) {
  for (const bool has_next : {false, true}) {
    LegacyHiberfil builder("win7_x64");
    const Runs first = {{0x100, 16}, {0x200, 16}, {0x300, 16}, {0x400, 16}, {0x500, 6}};
    const Runs second = Ragged(0x3000);
    builder.Table(first);
    if (has_next) builder.Table(second);
    const Bytes good = builder.Build();
    for (std::size_t block = 0; block < 5; ++block) {
      Bytes bad = good;
      bad[builder.Blocks()[block] + 3] = std::byte{'!'};
      // The first block also shows that the table is one: the header alone leads to it then.
      const auto image = OpenBytes(bad);
      if (block == 0 && !has_next) {
        EXPECT_FALSE(image);
        continue;
      }
      ASSERT_TRUE(image) << image.error().OneLine();
      if (block == 0) continue;
      const Census census = Count(*image, first);
      EXPECT_EQ(census.wrong, 0U) << block;
      EXPECT_EQ(census.absent, block == 4 ? 6U : 16U) << block;
      EXPECT_EQ(image->facts.missing_pages, census.absent) << block;
      EXPECT_FALSE(image->warnings.empty());
      if (has_next) {
        EXPECT_EQ(Count(*image, second).right, 54U) << block;
      }
    }
  }
}

TEST(HiberfilLegacy, AWrongSizeIsPutRight) {
  for (const bool has_next : {false, true}) {
    for (const int change : {-9, 8, 300}) {
      LegacyHiberfil builder("win7_x86");
      const Runs first = {{0x100, 64}};
      builder.Table(first);
      if (has_next) builder.Table(Ragged(0x3000));
      Bytes bad = builder.Build();
      const std::size_t at = builder.Blocks()[1] + 8;
      const unsigned info =
          std::to_integer<unsigned>(bad[at]) | std::to_integer<unsigned>(bad[at + 1]) << 8U;
      test::PutLe(bad, at, 4, info + static_cast<unsigned>(change * 1024));
      const auto image = OpenBytes(bad);
      ASSERT_TRUE(image) << image.error().OneLine();
      const Census census = Count(*image, first);
      EXPECT_EQ(census.right, 64U) << change;
      EXPECT_EQ(image->facts.missing_pages, 0U);
    }
  }
}

TEST(HiberfilLegacy, DamagedDataTakesItsOwnBlockOnly) {
  LegacyHiberfil builder("vista2_x64");
  const Runs runs = {{0x100, 48}};
  Bytes bad = builder.Table(runs).Build();
  for (std::size_t i = 0; i < 12; ++i) bad[builder.Blocks()[1] + 0x20 + i] = std::byte{};
  const auto image = OpenBytes(bad);
  ASSERT_TRUE(image) << image.error().OneLine();
  const Census census = Count(*image, runs);
  EXPECT_EQ(census.right, 32U);
  EXPECT_EQ(census.absent, 16U);
  ASSERT_TRUE(image->memory->Damaged());
  EXPECT_EQ(image->memory->Damaged()->places, 1U);
  EXPECT_FALSE(image->memory->Fault());
}

TEST(HiberfilLegacy, ABrokenChainIsTakenUpAgain) {
  LegacyHiberfil builder("win7_x64");
  const Runs first = Full(builder, 0x100);
  const Runs second = Full(builder, 0x1000);
  const Runs third = Ragged(0x3000);
  const Bytes good = builder.Table(first).Table(second).Table(third).Build();
  for (const std::uint64_t next : {std::uint64_t{0x777777}, std::uint64_t{1}}) {
    Bytes bad = good;
    test::PutLe(bad, builder.Tables()[0], 8, next);
    const auto image = OpenBytes(bad);
    ASSERT_TRUE(image) << image.error().OneLine();
    EXPECT_TRUE(Warns(*image, "chain of tables is broken"));
    EXPECT_EQ(Count(*image, first).right, first.size());
    EXPECT_EQ(Count(*image, second).right, second.size());
    EXPECT_EQ(Count(*image, third).right, 54U);
  }
  Bytes bad = good;  // the second table itself
  test::PutLe(bad, builder.Tables()[1] + 8, 4, 0xFFFF);
  const auto image = OpenBytes(bad);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_TRUE(Warns(*image, "chain of tables is broken"));
  EXPECT_EQ(Count(*image, second).absent, second.size());
  EXPECT_EQ(Count(*image, third).right, 54U);
}

TEST(HiberfilLegacy, WhatIsLeftFromOlderHibernationsIsNotRead) {
  LegacyHiberfil older("win7_x64");
  Bytes old_body = older.Table({{0x777, 20}}).Build();
  old_body.erase(old_body.begin(), old_body.begin() + 6 * 0x1000);
  LegacyHiberfil builder("win7_x64");
  const Runs runs = {{0x100, 20}};
  Bytes bytes = builder.Table(runs).Build();
  bytes.resize((bytes.size() + 0xFFF) / 0x1000 * 0x1000);
  bytes.insert(bytes.end(), old_body.begin(), old_body.end());
  const auto image = OpenBytes(bytes);
  ASSERT_TRUE(image);
  EXPECT_EQ(Count(*image, runs).right, 20U);
  EXPECT_TRUE(LacksFrame(*image, 0x777));
}

TEST(HiberfilLegacy, StatesAreSaid) {
  for (const auto& [signature, state] : std::map<std::string, std::string>{
           {"hibr", "valid"}, {"wake", "consumed"}, {"RSTR", "resuming"}, {"HORM", "reusable"}}) {
    LegacyHiberfil builder("xp_x86");
    const auto image = OpenBytes(builder.Table(Ragged(1)).Signature(signature).Build());
    ASSERT_TRUE(image) << signature;
    EXPECT_EQ(test::TextFact(*image, "state"), state);
    EXPECT_GT(test::TextFact(*image, "state-meaning").size(), 30U);
    EXPECT_EQ(test::TextFact(*image, "recoverable"), "54 of 54 pages");
    EXPECT_TRUE(HoldsFrame(*image, 1));
  }
  LegacyHiberfil link("xp_x86");
  const auto image = OpenBytes(link.Table(Ragged(1)).Signature("link").Build());
  ASSERT_TRUE(image);
  EXPECT_EQ(image->memory, nullptr);
  EXPECT_NE(image->no_memory.find("names the volume"), std::string::npos);
  EXPECT_EQ(test::TextFact(*image, "recoverable"), "nothing");
}

TEST(HiberfilLegacy, Windows2000IsNamedAndRefused) {
  LegacyHiberfil builder("xp_x86");
  Bytes bytes = builder.Table(Ragged(1)).Build();
  test::PutLe(bytes, 0x0C, 4, 0x60);  // LengthSelf
  const auto image = OpenBytes(bytes);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(image.error().message.find("Windows 2000"), std::string::npos);
}

TEST(HiberfilLegacy, AnEmptyFileIsNamedByItsName) {
  class Named final : public ByteSource {
   public:
    const std::string& Name() const override { return name_; }
    std::uint64_t Size() const override { return bytes_.Size(); }
    Result<std::size_t> ReadAt(std::uint64_t at, std::span<std::byte> out) const override {
      return bytes_.ReadAt(at, out);
    }
    Result<BlockView> BlockAt(std::uint64_t at) const override { return bytes_.BlockAt(at); }
    bool Verbatim() const override { return true; }

   private:
    std::string name_ = "evidence/hiberfil.sys";
    test::MemorySource bytes_{Bytes(0x4000)};
  };
  const auto image = OpenImage(std::make_shared<Named>(), {});
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->format, "hiberfil");
  EXPECT_EQ(image->memory, nullptr);
  EXPECT_NE(image->no_memory.find("wiped"), std::string::npos);
  const auto other = OpenBytes(Bytes(0x4000));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->format, "raw");
}

// Registers that cannot be: paging off, no root, a root with low bits, no kernel behind the IDT.
TEST(HiberfilLegacy, ImplausibleRegistersAreNoClaim) {
  struct Row {
    std::uint64_t cr0, cr3, cr4, idt;
  };
  for (const Row& row :
       {Row{0x1, 0x100000, 0x20, 0x80000000}, Row{0x80000001, 0, 0x20, 0x80000000},
        Row{0x80000001, 0x100004, 0x20, 0x80000000}, Row{0x80000001, 0x100020, 0, 0x80000000},
        Row{0x80000001, 0x100000, 0x20, 0x1000}}) {
    LegacyHiberfil builder("win7_x86");
    builder.Table({{0x100, 4}}).Processor(1, row.cr0, row.cr3, row.cr4, row.idt);
    const auto image = OpenBytes(builder.Build());
    ASSERT_TRUE(image);
    EXPECT_TRUE(image->facts.dtb_claims.empty()) << std::hex << row.cr3;
  }
  LegacyHiberfil builder("win7_x86");
  builder.Table({{0x100, 4}}).Processor(1, 0x80000001, 0x200000, 0, 0x80000000);
  const auto image = OpenBytes(builder.Build());
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->facts.dtb_claims.empty());
  EXPECT_TRUE(Warns(*image, "root is not among the pages"));
}

TEST(HiberfilLegacy, TruncationAnywhere) {
  LegacyHiberfil builder("win7_x86");
  const Runs first = {{0x100, 16}, {0x200, 16}, {0x300, 3}};
  const Runs second = {{0x400, 20}};
  const Bytes good = builder.Table(first).Table(second).Build();
  std::size_t opened = 0;
  for (std::size_t n = 0x1000; n<good.size(); n += n> builder.Blocks()[0] ? 1 : 97) {
    const auto image =
        OpenBytes(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n)));
    if (!image) continue;
    ++opened;
    const Census a = Count(*image, first);
    const Census b = Count(*image, second);
    ASSERT_EQ(a.wrong + b.wrong, 0U) << n;
    ASSERT_FALSE(image->warnings.empty()) << n;
    if (n > builder.Tables()[1] + 0x1000) {
      ASSERT_EQ(image->facts.missing_pages, a.absent + b.absent) << n;
    }
  }
  EXPECT_GT(opened, 100U);
}

}  // namespace
}  // namespace v2p

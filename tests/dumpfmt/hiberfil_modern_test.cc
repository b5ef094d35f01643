// Hibernation files since Windows 8: every header, both generations of method bits, damage,
// truncation. The files are synthetic (no real one was at hand), laid out by the table in
// testdata/. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "dumpfmt/hiberfil_sets.h"
#include "support/hiberfil_builder.h"
#include "support/hiberfil_checks.h"
#include "support/xpress_oracles.h"

namespace v2p {
namespace {

using test::FindFact;
using test::HiberSet;
using test::HoldsFrame;
using test::ModernHiberfil;
using test::NumberFact;
using test::OpenBytes;
using test::SetCoding;
using test::TextFact;
using test::Warns;
using Bytes = std::vector<std::byte>;

bool HasHuffman() { return static_cast<bool>(test::WimHuffmanEncoder()); }

void ExpectRuns(const Image& image, const std::vector<HiberSet>& sets, std::size_t except = 99) {
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (const test::FrameRun& run : sets[i].runs) {
      for (std::uint64_t pfn = run.first; pfn < run.first + run.pages; ++pfn) {
        EXPECT_EQ(HoldsFrame(image, pfn), i != except) << "set " << i << " frame " << pfn;
      }
    }
  }
}

// Ranges over several sets, sets of several ranges, sets of one page, all codings.
std::vector<HiberSet> SomeSets(bool huffman) {
  std::vector<HiberSet> sets = {
      {{{0x100, 16}}, SetCoding::kPlain, {}},
      {{{0x110, 7}, {0x200, 1}, {0x1F0, 3}}, SetCoding::kPlain, {}},
      {{{0x300, 2}}, SetCoding::kRaw, {}},
      {{{5, 1}}, SetCoding::kPlain, {}},
  };
  if (huffman) sets.push_back({{{0x400, 16}}, SetCoding::kHuffman, {}});
  HiberSet most{{}, SetCoding::kPlain, {}};
  for (std::uint64_t i = 0; i < 16; ++i) most.runs.push_back({0x1000 + 3 * i, 1});
  sets.push_back(most);
  return sets;
}

// Thirty sets of one page each, so that there is a chain to find again.
std::vector<HiberSet> LongChain() {
  std::vector<HiberSet> sets;
  for (std::uint64_t i = 0; i < 30; ++i) {
    sets.push_back({{{0x100 + 2 * i, 1}}, SetCoding::kPlain, {}});
  }
  return sets;
}

Bytes WithKernel(ModernHiberfil& builder, const std::vector<HiberSet>& sets) {
  builder.Boot({{{0x10, 4}}, SetCoding::kPlain, {}}).Boot({{{0x20, 1}}, SetCoding::kRaw, {}});
  for (const HiberSet& set : sets) builder.Kernel(set);
  return builder.Build();
}

struct HeaderCase {
  const char* structure;
  const char* windows;
};

class EveryHeader : public testing::TestWithParam<HeaderCase> {};

TEST_P(EveryHeader, GivesItsPagesFromBothSections) {
  const std::string name = GetParam().structure;
  const auto sets = SomeSets(HasHuffman());
  for (const std::size_t block : {0U, 333U}) {
    ModernHiberfil builder(name);
    builder.Set("Hiberboot", 1).Set("HighestPhysicalPage", 0x12345);
    const auto image = OpenBytes(WithKernel(builder, sets), block);
    ASSERT_TRUE(image) << image.error().OneLine();
    EXPECT_EQ(image->format, "hiberfil");
    EXPECT_TRUE(image->warnings.empty()) << image->warnings.front();
    EXPECT_EQ(image->facts.missing_pages, 0U);
    EXPECT_EQ(image->facts.os, GuestOs::kWindows);
    EXPECT_EQ(TextFact(*image, "windows"), GetParam().windows);
    EXPECT_EQ(TextFact(*image, "state"), "valid");
    EXPECT_EQ(NumberFact(*image, "sets"), sets.size() + 2);
    EXPECT_EQ(NumberFact(*image, "sets-raw"), 2U);
    EXPECT_EQ(NumberFact(*image, "sets-huffman"), HasHuffman() ? 1U : 0U);
    EXPECT_EQ(NumberFact(*image, "highest-frame"), 0x12345U);
    EXPECT_TRUE(std::get<bool>(*FindFact(*image, "fast-startup")));
    ExpectRuns(*image, sets);
    EXPECT_TRUE(HoldsFrame(*image, 0x10));
    EXPECT_TRUE(HoldsFrame(*image, 0x20));
    EXPECT_FALSE(image->memory->Contains(Pfn(0x21).Base())) << "absent is not zero";
    EXPECT_FALSE(image->memory->Fault());
    EXPECT_FALSE(image->memory->Damaged());
    EXPECT_FALSE(image->memory->FileOffsetOf(Pfn(0x10).Base()));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Windows, EveryHeader,
    testing::Values(HeaderCase{"modern64_360", "Windows 8 or 8.1, Server 2012"},
                    HeaderCase{"modern64_3B0", "Windows 10 1507 or 1511"},
                    HeaderCase{"modern64_3C8", "Windows 10 1607 or Server 2016"},
                    HeaderCase{"modern64_3D8", "Windows 10 1703 to 1803"},
                    HeaderCase{"modern64_3E0", "Windows 10 1809 to 22H2 or Server 2019"},
                    HeaderCase{"modern64_448", "Windows 11 21H2 to 23H2 or Server 2022"},
                    HeaderCase{"modern64_4D8", "Windows 11 24H2 or Server 2025"},
                    HeaderCase{"modern32_2C8", "Windows 8 or 8.1"},
                    HeaderCase{"modern32_310", "Windows 10 1507 or 1511"},
                    HeaderCase{"modern32_328", "Windows 10 1607"},
                    HeaderCase{"modern32_338", "Windows 10 1703 to 1803"},
                    HeaderCase{"modern32_340", "Windows 10 1809 to 22H2"}),
    [](const auto& row) { return std::string(row.param.structure); });

// The method bits of both generations, right and wrong ones: the bits never change the size.
TEST(HiberfilModern, MethodBitsOfBothGenerations) {
  for (const char* header : {"modern64_3E0", "modern64_4D8"}) {
    for (unsigned method = 0; method < 16; ++method) {
      ModernHiberfil builder(header);
      const std::vector<HiberSet> plain = {{{{0x50, 9}}, SetCoding::kPlain, method}};
      auto image = OpenBytes(WithKernel(builder, plain));
      ASSERT_TRUE(image) << image.error().OneLine();
      ExpectRuns(*image, plain);
      if (!HasHuffman()) continue;
      ModernHiberfil other(header);
      const std::vector<HiberSet> huffman = {{{{0x50, 9}}, SetCoding::kHuffman, method}};
      image = OpenBytes(WithKernel(other, huffman));
      ASSERT_TRUE(image) << image.error().OneLine();
      ExpectRuns(*image, huffman);
    }
  }
}

TEST(HiberfilModern, FramesAbove2To28) {
  const std::vector<HiberSet> sets = {
      {{{0x1234'5678'9ULL, 3}, {PageIndex::kFrames - 20, 2}}, SetCoding::kPlain, {}}};
  ModernHiberfil builder("modern64_3E0");
  const auto image = OpenBytes(WithKernel(builder, sets));
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectRuns(*image, sets);
}

TEST(HiberfilModern, AnUnknownNewerHeaderIsReadByItsStableFields) {
  for (const auto& [structure, length] :
       std::map<std::string, std::uint32_t>{{"modern64_4D8", 0x500}, {"modern32_340", 0x3A8}}) {
    const auto sets = SomeSets(false);
    ModernHiberfil builder(structure, length);
    const auto image = OpenBytes(WithKernel(builder, sets));
    ASSERT_TRUE(image) << image.error().OneLine();
    EXPECT_TRUE(Warns(*image, "no known Windows"));
    EXPECT_TRUE(Warns(*image, "does not tell the pages of the kernel section"));
    ExpectRuns(*image, sets);
  }
}

TEST(HiberfilModern, WithoutATotalTheSetsEndTheSection) {
  const auto sets = SomeSets(false);
  ModernHiberfil builder("modern64_3E0");
  builder.Set("KernelPagesProcessed", 0).Slack(Bytes(64));
  const auto image = OpenBytes(WithKernel(builder, sets));
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_TRUE(Warns(*image, "does not tell the pages of the kernel section"));
  ExpectRuns(*image, sets);
}

TEST(HiberfilModern, WhatIsLeftFromOlderHibernationsIsNotRead) {
  ModernHiberfil older("modern64_3E0");
  const Bytes old_file = WithKernel(older, {{{{0x777, 5}}, SetCoding::kPlain, {}}});
  ModernHiberfil builder("modern64_3E0");
  builder.Slack(
      Bytes(old_file.begin() + static_cast<std::ptrdiff_t>(older.KernelAt()), old_file.end()));
  const auto image = OpenBytes(WithKernel(builder, SomeSets(false)));
  ASSERT_TRUE(image);
  EXPECT_FALSE(image->memory->Contains(Pfn(0x777).Base()));
  EXPECT_NE(NumberFact(*image, "bytes-behind"), 0U);
}

// Every byte of the data of one set is broken in turn: its pages are gone or as they were broken,
// never zeros, and all others stay.
TEST(HiberfilModern, ADamagedSetTakesItsOwnPagesOnly) {
  const auto sets = SomeSets(HasHuffman());
  ModernHiberfil builder("modern64_3E0");
  const Bytes good = WithKernel(builder, sets);
  Bytes bad = good;
  for (std::size_t at = builder.DataAt(3); at < builder.DataAt(3) + 12; ++at) bad[at] = {};
  const auto image = OpenBytes(bad);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->facts.missing_pages, 0U);
  ExpectRuns(*image, sets, 1);
  EXPECT_FALSE(image->memory->Fault()) << "not a reason to stop";
  const auto damage = image->memory->Damaged();
  ASSERT_TRUE(damage);
  EXPECT_EQ(damage->first.kind, ErrorKind::kDamaged);
  EXPECT_EQ(damage->first.at, FileOffset(builder.DataAt(3)));
  EXPECT_EQ(damage->places, 1U);
  EXPECT_TRUE(image->memory->Frame(Pfn(0x112)).Empty());
  image->memory->WithCursor([](auto cursor) {
    EXPECT_EQ(cursor.Find(PhysAddr(0x112000), 8), nullptr);
    EXPECT_NE(cursor.Find(PhysAddr(0x300000), 8), nullptr);
  });
}

TEST(HiberfilModern, BehindADamagedHeadTheChainIsFoundAgain) {
  const auto sets = LongChain();
  ModernHiberfil builder("modern64_3E0");
  const Bytes good = WithKernel(builder, sets);
  // broken: a set in the middle, the first one, the last but two
  for (const std::size_t broken : {14U, 0U, 27U}) {
    Bytes bad = good;
    bad[builder.HeadAt(2 + broken)] = std::byte{0xFF};
    const auto image = OpenBytes(bad);
    ASSERT_TRUE(image) << image.error().OneLine();
    EXPECT_EQ(image->facts.missing_pages, 1U) << broken;
    EXPECT_TRUE(Warns(*image, "the kernel section is damaged")) << broken;
    ExpectRuns(*image, sets, broken);
  }
}

TEST(HiberfilModern, AWrongSizeLosesTheWayAndFindsItAgain) {
  const auto sets = LongChain();
  ModernHiberfil builder("modern64_3E0");
  Bytes bad = WithKernel(builder, sets);
  bad[builder.HeadAt(10) + 1] = std::byte{1};  // this set seems to end inside its own data
  const auto image = OpenBytes(bad);
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectRuns(*image, sets, 8);
  EXPECT_TRUE(Warns(*image, "damaged"));
}

TEST(HiberfilModern, OfARepeatedFrameTheFirstCopyIsUsed) {
  ModernHiberfil builder("modern64_3E0");
  builder.Kernel({{{0x10, 2}}, SetCoding::kPlain, {}});
  const auto image = OpenBytes(WithKernel(builder, {{{{0x11, 2}}, SetCoding::kPlain, {}}}));
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_TRUE(Warns(*image, "4 pages come more than once"));
  for (const std::uint64_t pfn : {0x10U, 0x11U, 0x12U}) EXPECT_TRUE(HoldsFrame(*image, pfn));
}

TEST(HiberfilModern, StatesAreSaid) {
  const std::map<std::string, std::string> states = {
      {"HIBR", "valid"},    {"hibr", "valid"},    {"WAKE", "consumed"},
      {"RSTR", "resuming"}, {"HORM", "reusable"}, {"BRKP", "valid-break-on-resume"}};
  for (const auto& [signature, state] : states) {
    ModernHiberfil builder("modern64_3E0");
    builder.Signature(signature);
    const auto image = OpenBytes(WithKernel(builder, SomeSets(false)));
    ASSERT_TRUE(image) << signature;
    EXPECT_EQ(TextFact(*image, "state"), state);
    EXPECT_EQ(TextFact(*image, "signature"), signature);
    EXPECT_GT(TextFact(*image, "state-meaning").size(), 30U);
    EXPECT_EQ(TextFact(*image, "recoverable"), "51 of 51 pages");
    EXPECT_EQ(Warns(*image, "overwritten since"), state == "consumed" || state == "resuming");
    EXPECT_TRUE(HoldsFrame(*image, 0x100));
  }
}

TEST(HiberfilModern, AWipedBodyIsNoMemory) {
  ModernHiberfil builder("modern64_3E0");
  builder.Signature("WAKE");
  Bytes bytes = WithKernel(builder, SomeSets(false));
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(builder.HeadAt(0)), bytes.end(),
            std::byte{});
  const auto image = OpenBytes(bytes);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory, nullptr);
  EXPECT_NE(image->no_memory.find("wiped"), std::string::npos);
  EXPECT_EQ(TextFact(*image, "recoverable"), "0 of 51 pages");
}

// Resumed from: the loader's section was overwritten with zeros, the kernel's is still there.
TEST(HiberfilModern, AHalfWipedBodyKeepsTheOtherHalf) {
  ModernHiberfil builder("modern64_3E0");
  builder.Signature("WAKE");
  Bytes bytes = WithKernel(builder, SomeSets(false));
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(builder.HeadAt(0)),
            bytes.begin() + static_cast<std::ptrdiff_t>(builder.KernelAt()), std::byte{});
  const auto image = OpenBytes(bytes);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(TextFact(*image, "recoverable"), "46 of 51 pages");
  EXPECT_TRUE(Warns(*image, "of the boot section's 5 pages 0 were found"));
  ExpectRuns(*image, SomeSets(false));
  EXPECT_FALSE(image->memory->Contains(Pfn(0x10).Base()));
}

// The header is zeros, the body is not. Such files are known by their name, or by --as.
TEST(HiberfilModern, AWipedHeaderIsReplacedByLooking) {
  for (const char* header : {"modern64_3E0", "modern64_4D8", "modern32_340"}) {
    ModernHiberfil builder(header);
    for (std::uint64_t i = 0; i < 9; ++i) {
      builder.Boot({{{0x1000 + 2 * i, 1}}, SetCoding::kPlain, {}});
    }
    for (const HiberSet& set : LongChain()) builder.Kernel(set);
    Bytes bytes = builder.Slack(Bytes(0x2000)).Build();
    std::fill(bytes.begin(), bytes.begin() + 0x1000, std::byte{});
    OpenOptions options;
    options.as = "hiberfil";
    const auto image = OpenImage(std::make_shared<test::MemorySource>(bytes, 0), options);
    ASSERT_TRUE(image) << image.error().OneLine();
    ASSERT_NE(image->memory, nullptr) << header;
    EXPECT_EQ(TextFact(*image, "state"), "no-header");
    EXPECT_EQ(TextFact(*image, "recoverable"), "39 pages; nothing tells how many there were");
    EXPECT_TRUE(Warns(*image, "by their looks"));
    EXPECT_EQ(NumberFact(*image, "second-section-offset"), builder.KernelAt());
    ExpectRuns(*image, LongChain());
    EXPECT_TRUE(HoldsFrame(*image, 0x1010));
  }
}

// Set table and page index together, at their worst: no page beside another.
TEST(HiberfilModern, TheIndexTakesAbout16BytesAPage) {
  constexpr std::uint64_t kSets = 20'000;
  hiberfil::SetTable sets(hiberfil::MethodRule::kWide);
  std::vector<StoredRun> runs;
  for (std::uint64_t i = 0; i < kSets; ++i) {
    ASSERT_TRUE(sets.Add(FileOffset(0x7000 + i * 30'000), 30'000, 16, 4));
    for (std::uint32_t k = 0; k < 16; ++k) {
      const auto page = static_cast<std::uint32_t>(i * 16 + k);
      runs.push_back({std::uint64_t{2} * page, page, 1});
    }
  }
  const PageIndex index(std::move(runs));
  ASSERT_EQ(index.PresentBytes(), sets.Pages() * kPageBytes);
  EXPECT_LT(index.HeapBytes() + sets.HeapBytes(), sets.Pages() * 17);
}

TEST(HiberfilModern, SecureSectionIsSkippedByName) {
  ModernHiberfil builder("modern64_3E0");
  builder.Set("FirstSecureRestorePage", 0x40).Slack(Bytes(0x40000, std::byte{0x5A}));
  const auto image = OpenBytes(WithKernel(builder, SomeSets(false)));
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(NumberFact(*image, "secure-section-offset"), 0x40000U);
  EXPECT_NE(TextFact(*image, "secure-section").find("skipped"), std::string::npos);
}

// What is present after a cut is right, and what is not is counted or said.
TEST(HiberfilModern, TruncationAnywhere) {
  std::vector<HiberSet> sets = LongChain();
  sets.resize(6);
  ModernHiberfil builder("modern64_3E0");
  const Bytes good = WithKernel(builder, sets);
  std::size_t opened = 0;
  for (std::size_t n = 0x1000; n<good.size(); n += n> builder.HeadAt(0) ? 1 : 97) {
    const Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n));
    const auto image = OpenBytes(cut);
    if (!image) {
      EXPECT_EQ(image.error().kind, ErrorKind::kTruncated) << n;
      continue;
    }
    ++opened;
    ASSERT_NE(image->memory, nullptr) << n;
    EXPECT_FALSE(image->warnings.empty()) << n;
    const std::uint64_t present = image->memory->PresentBytes() / kPageBytes;
    EXPECT_EQ(present + image->facts.missing_pages, 11U) << n;
    for (std::size_t i = 0; i < sets.size(); ++i) {
      const std::size_t end = i + 3 < 8 ? builder.HeadAt(i + 3) : good.size();
      EXPECT_EQ(HoldsFrame(*image, 0x100 + 2 * i), end <= n) << n << " set " << i;
    }
    EXPECT_FALSE(image->memory->Fault()) << n;
  }
  EXPECT_GT(opened, 100U);
}

TEST(HiberfilModern, HostileTotalsAndPagesAreHarmless) {
  const auto sets = SomeSets(false);
  for (const char* field : {"NumPagesForLoader", "KernelPagesProcessed", "FirstBootRestorePage",
                            "FirstKernelRestorePage", "FirstSecureRestorePage"}) {
    for (const std::uint64_t value :
         {~std::uint64_t{0}, std::uint64_t{1} << 52U, std::uint64_t{1} << 43U, std::uint64_t{3}}) {
      ModernHiberfil builder("modern64_3E0");
      builder.Set(field, value);
      const auto image = OpenBytes(WithKernel(builder, sets));
      if (!image) continue;
      EXPECT_TRUE(!image->warnings.empty() || image->facts.missing_pages != 0 ||
                  NumberFact(*image, "bytes-behind") > 0)
          << field;
      ASSERT_LT(image->memory->PresentBytes(), 100 * kPageBytes) << field << value;
    }
  }
}

}  // namespace
}  // namespace v2p

// Enumeration of leaves over random (synthetic) tables: every page of a window against the second
// translator of the tests, and the vector kernels against the plain one.
// SPDX-License-Identifier: Apache-2.0
#include "translate/leaves.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "support/plain_translator.h"
#include "support/random_tables.h"

namespace v2p::test {
namespace {

struct Case {
  const char* name;
  const char* mode;
  bool split_roots;
};
const Case kCases[] = {{"x86", "x86", false},     {"pae", "pae", false},
                       {"x64", "x64", false},     {"la57", "x64-la57", false},
                       {"arm64", "arm64", false}, {"arm64split", "arm64", true}};

std::vector<MaskKernel> KernelsHere() {
  std::vector<MaskKernel> kernels;
  for (const auto kernel : {MaskKernel::kPlain, MaskKernel::kSse41, MaskKernel::kAvx2}) {
    if (Runs(kernel)) kernels.push_back(kernel);
  }
  return kernels;
}

// A page as a test sees it.
struct Page {
  std::uint64_t va = 0;
  std::uint64_t pa = 0;
  std::uint64_t page = 0;  // size of the page that it is part of
  unsigned rights = 0;

  bool operator==(const Page&) const = default;
};

// Rights by the manuals, entry by entry (SDM 4.6.1; Arm ARM D8.4.1 and D8.4.6).
unsigned PlainRights(const std::string& mode, const PlainWalk& walk) {
  bool write = true, user = true, kernel_runs = true, user_runs = true;
  for (std::size_t i = 0; i < walk.entries.size(); ++i) {
    const std::uint64_t entry = walk.entries[i].second;
    const auto bit = [&](unsigned n) { return (entry >> n & 1) != 0; };
    const bool leaf = i + 1 == walk.entries.size();
    if (mode == "arm64") {
      write = write && !(leaf ? bit(7) : bit(62));
      user = user && (leaf ? bit(6) : !bit(61));
      kernel_runs = kernel_runs && !(leaf ? bit(53) : bit(59));
      user_runs = user_runs && !(leaf ? bit(54) : bit(60));
      continue;
    }
    if (mode == "pae" && i == 0) continue;
    write = write && bit(1);
    user = user && bit(2);
    kernel_runs = user_runs = kernel_runs && !(mode != "x86" && bit(63));
  }
  return (write ? 1U : 0U) | (user ? 2U : 0U) | (kernel_runs || user_runs ? 4U : 0U);
}

std::vector<Page> PagesOf(const std::vector<LeafRange>& ranges, std::uint64_t first,
                          std::uint64_t last) {
  std::vector<Page> pages;
  for (const LeafRange& range : ranges) {
    for (std::uint64_t at = 0; at < range.Bytes(); at += kPageBytes) {
      const std::uint64_t va = range.va.value + at;
      if (va < first || va > last) continue;
      pages.push_back({va, range.pa.value + at, range.PageBytes(), range.rights});
    }
  }
  return pages;
}

std::vector<Page> PlainPages(const Case& test, const RandomTables& tables, std::uint64_t first,
                             std::uint64_t last) {
  const auto read = [&](std::uint64_t pa, unsigned bytes) { return tables.memory.Get(pa, bytes); };
  std::vector<Page> pages;
  for (std::uint64_t va = first; va <= last; va += kPageBytes) {
    const PlainWalk walk = PlainTranslate(test.mode, read, tables.dtb, tables.ttbr1, va);
    if (walk.ending != "mapped") continue;
    pages.push_back({va, walk.pa, walk.page, PlainRights(test.mode, walk)});
  }
  return pages;
}

bool Continues(const LeafRange& a, const LeafRange& b) {
  return a.page_shift == b.page_shift && a.rights == b.rights && a.va + a.Bytes() == b.va &&
         a.pa + a.Bytes() == b.pa;
}

LeafSink Into(std::vector<LeafRange>& ranges) {
  LeafSink sink;
  sink.ranges = [&ranges](std::span<const LeafRange> some) {
    ranges.insert(ranges.end(), some.begin(), some.end());
    return true;
  };
  return sink;
}

class Leaves : public testing::TestWithParam<Case> {};

TEST_P(Leaves, AreThePagesOfThePlainTranslator) {
  constexpr std::uint64_t kWindow = std::uint64_t{24} << 20U;
  const Case& test = GetParam();
  std::mt19937_64 random(11);
  const auto kernels = KernelsHere();
  std::size_t seen = 0;
  std::size_t large = 0;
  for (std::size_t image = 0; image < 24; ++image) {
    const RandomTables tables = MakeRandomTables(test.mode, test.split_roots, random);
    const auto memory = tables.memory.Build(kAllBackings[image % kAllBackings.size()]);
    const AddressSpace space(
        *memory, {.mode = *ModeByName(test.mode), .dtb = tables.dtb, .ttbr1 = tables.ttbr1});
    for (int window = 0; window < 4; ++window) {
      std::uint64_t at = RandomAddress(test.mode, test.split_roots, random);
      if (!Canonical(space.Mode(), VirtAddr(at), test.split_roots)) continue;
      if (space.Mode().va_bits == 32) at &= 0xffffffff;
      const std::uint64_t first = at & ~(kPageBytes - 1);
      const std::uint64_t limit = space.Mode().va_bits == 32 ? 0xffffffff : ~std::uint64_t{0};
      const std::uint64_t last = limit - first < kWindow ? limit : first + kWindow - 1;
      std::vector<LeafRange> ranges;
      LeafOptions options;
      options.first = VirtAddr(first);
      options.last = VirtAddr(last);
      options.batch = 1 + random() % 64;
      options.kernel = kernels[random() % kernels.size()];
      const auto summary = EnumerateLeaves(space, options, Into(ranges));
      EXPECT_EQ(summary.end, LeafSummary::End::kComplete);
      EXPECT_EQ(summary.ranges, ranges.size());
      const auto pages = PagesOf(ranges, first, last);
      ASSERT_EQ(pages, PlainPages(test, tables, first, last)) << std::hex << first;
      for (std::size_t i = 1; i < ranges.size(); ++i) {
        EXPECT_FALSE(Continues(ranges[i - 1], ranges[i])) << std::hex << ranges[i].va.value;
      }
      seen += pages.size();
      for (const Page& page : pages) large += page.page != kPageBytes ? 1 : 0;
    }
  }
  std::printf("%s: %zu pages, %zu of them in large ones\n", test.name, seen, large);
  EXPECT_GT(seen - large, 1000U);
  EXPECT_GT(large, 1000U);
}

INSTANTIATE_TEST_SUITE_P(Modes, Leaves, testing::ValuesIn(kCases),
                         [](const auto& instance) { return std::string(instance.param.name); });

// Tables with long runs, so that ranges cross words and tables: what random frames never do.
TEST(LeavesOfRuns, CrossWordsAndTables) {
  std::mt19937_64 random(5);
  for (const MaskKernel kernel : KernelsHere()) {
    SparseMemory tables;
    constexpr std::uint64_t kRoot = 0x1000, kPdpt = 0x2000, kPd = 0x3000, kPt = 0x10000;
    tables.Put64(kRoot, kPdpt | 7);
    tables.Put64(kPdpt, kPd | 7);
    std::vector<LeafRange> expected;
    std::uint64_t frame = 0x100000;
    for (std::uint64_t page = 0; page < 8 * 512;) {
      const std::uint64_t run = std::min<std::uint64_t>(1 + random() % 300, 8 * 512 - page);
      const bool writable = random() % 2 != 0;
      const bool hole = random() % 3 == 0;
      frame += 0x1000 * (1 + random() % 9);  // never the frame that the run before would go on with
      if (!hole) {
        const auto pages = static_cast<std::uint32_t>(run);
        expected.push_back({VirtAddr(page * kPageBytes), PhysAddr(frame), pages, 12,
                            static_cast<std::uint8_t>(writable ? 7 : 6)});
      }
      for (std::uint64_t i = 0; i < run; ++i, ++page, frame += 0x1000) {
        const std::uint64_t table = kPt + page / 512 * 0x1000;
        tables.Put64(kPd + page / 512 * 8, table | 7);
        if (!hole) tables.Put64(table + page % 512 * 8, frame | (writable ? 7U : 5U));
      }
    }
    const auto memory = tables.Build();
    const AddressSpace space(*memory, {.mode = ModeName::kX64, .dtb = kRoot});
    std::vector<LeafRange> ranges;
    LeafOptions options;
    options.kernel = kernel;
    EnumerateLeaves(space, options, Into(ranges));
    EXPECT_EQ(ranges, expected);
  }
}

TEST(LeavesOfHostileTables, AreBounded) {
  SparseMemory tables;
  for (std::uint64_t i = 0; i < 512; ++i) tables.Put64(0x1000 + i * 8, 0x1003);
  const auto memory = tables.Build();
  const AddressSpace space(*memory, {.mode = ModeName::kX64La57, .dtb = 0x1000});
  const auto summary = EnumerateLeaves(space, {}, {});
  EXPECT_EQ(summary.end, LeafSummary::End::kOutOfBudget);
  EXPECT_EQ(summary.tables, 4096U + 4U);
}

TEST(LeavesOfHostileTables, EndWhenTheSinkHasEnough) {
  SparseMemory tables;
  for (std::uint64_t i = 0; i < 512; ++i) tables.Put64(0x1000 + i * 8, 0x1003);
  const auto memory = tables.Build();
  const AddressSpace space(*memory, {.mode = ModeName::kX64, .dtb = 0x1000});
  std::size_t shown = 0;
  LeafOptions options;
  options.batch = 100;
  LeafSink sink;
  sink.ranges = [&](std::span<const LeafRange> some) {
    shown += some.size();
    return shown < 300;
  };
  const auto summary = EnumerateLeaves(space, options, sink);
  EXPECT_EQ(summary.end, LeafSummary::End::kStopped);
  EXPECT_EQ(shown, 300U);
  EXPECT_EQ(summary.ranges, 300U);
}

TEST(LeavesOfHoles, AbsentTablesAreReportedAndNeverReadAsZeros) {
  SparseMemory tables;
  tables.Put64(0x1000, 0x2003);            // whole
  tables.Put64(0x1008, 0x9003);            // absent
  tables.Put64(0x2000, 0x3083);            // reserved bits below 1 GiB: not a page
  tables.Put64(0x2008, 0xffffffc0000083);  // a 1 GiB page, frame with all its bits
  const auto memory = tables.Build();
  const AddressSpace space(*memory, {.mode = ModeName::kX64, .dtb = 0x1000});
  std::vector<TableVisit> absent;
  std::vector<LeafRange> ranges;
  LeafSink sink = Into(ranges);
  sink.table = [&](const TableVisit& visit) {
    if (visit.presence != TablePresence::kWhole) absent.push_back(visit);
  };
  const auto summary = EnumerateLeaves(space, {}, sink);
  EXPECT_EQ(summary.absent_tables, 1U);
  ASSERT_EQ(absent.size(), 1U);
  EXPECT_EQ(absent[0].table, PhysAddr(0x9000));
  EXPECT_EQ(absent[0].va, VirtAddr(std::uint64_t{1} << 39U));
  EXPECT_EQ(absent[0].level, 1);
  EXPECT_EQ(absent[0].presence, TablePresence::kAbsent);
  const LeafRange huge{VirtAddr(0x40000000), PhysAddr(0xfffffc0000000), 1, 30, 5};
  EXPECT_EQ(ranges, std::vector{huge});
}

}  // namespace
}  // namespace v2p::test

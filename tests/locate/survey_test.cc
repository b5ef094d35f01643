// Survey: every whole page once, in order, whatever the threads and the kind of memory.
// SPDX-License-Identifier: Apache-2.0
#include "locate/survey.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/bytes.h"
#include "dumpfmt/format.h"
#include "support/sparse_memory.h"
#include "support/zstd_files.h"

namespace v2p::test {
namespace {

// Reports each page it is shown, with its first bytes.
void Witness(const PageRun& run, const RamBounds& ram, Sightings& out) {
  for (std::size_t i = 0; i < run.Pages(); ++i) {
    EXPECT_LT(run.PageAt(i).value, ram.end);
    out.Add({SightingKind::kSelfMap64, ModeName::kX64, 0, run.PageAt(i),
             LoadLe<std::uint64_t>(run.Page(i).data())});
  }
}
constexpr Detector kWitness[] = {{"witness", Witness}};

std::vector<std::pair<std::uint64_t, std::uint64_t>> Shown(const PhysicalMemory& memory,
                                                           unsigned threads, std::uint64_t begin,
                                                           std::uint64_t end) {
  Sightings seen;
  const std::uint64_t bytes = Survey(memory, RamOf(memory, {}), threads)
                                  .Scan(kWitness, PhysAddr(begin), PhysAddr(end), seen);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pages;
  for (const Sighting& s : seen.Of(SightingKind::kSelfMap64)) {
    pages.emplace_back(s.at.value, s.value);
  }
  EXPECT_EQ(bytes, pages.size() * kPageBytes);
  return pages;
}

SparseMemory Scattered() {
  SparseMemory memory;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const std::uint64_t pa = (i * i * 7 + i / 10) * 0x1000;
    memory.Put64(pa, pa + 1);
  }
  for (std::uint64_t i = 0; i < 40; ++i) memory.Put64(0x9'0000'0000 + i * 0x1000, i);
  return memory;
}

TEST(Survey, ShowsEveryWholePageOnceInOrder) {
  const SparseMemory memory = Scattered();
  for (const Backing backing : kAllBackings) {
    const auto built = memory.Build(backing);
    const auto once = Shown(*built, 1, 0, ~std::uint64_t{0});
    EXPECT_TRUE(std::is_sorted(once.begin(), once.end()));
    EXPECT_EQ(once.size() * kPageBytes, built->PresentBytes());
    for (const auto& [at, value] : once) EXPECT_EQ(memory.Get(at, 8), value);
    for (const unsigned threads : {2U, 5U}) {
      EXPECT_EQ(Shown(*built, threads, 0, ~std::uint64_t{0}), once);
    }
  }
}

TEST(Survey, KeepsToTheRange) {
  const auto built = Scattered().Build();
  const auto all = Shown(*built, 2, 0, ~std::uint64_t{0});
  const auto some = Shown(*built, 2, 0x100000, 0x800000);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> expected;
  for (const auto& page : all) {
    if (page.first >= 0x100000 && page.first < 0x800000) expected.push_back(page);
  }
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(some, expected);
  EXPECT_TRUE(Shown(*built, 2, 0x5000, 0x5000).empty());
}

TEST(Survey, LeavesOutPagesThatArePartlyThere) {
  SparseMemory memory;
  for (std::uint64_t pa = 0; pa < 0x8000; pa += 0x1000) memory.Put64(pa, pa);
  const auto built = memory.BuildRanges({{0x800, 0x3400}, {0x5000, 0x6fff}});
  const auto shown = Shown(*built, 1, 0, 0x8000);
  ASSERT_EQ(shown.size(), 3U);
  EXPECT_EQ(shown[0].first, 0x1000U);
  EXPECT_EQ(shown[1].first, 0x2000U);
  EXPECT_EQ(shown[2].first, 0x5000U);
}

// A frame of a zstd image is damaged: its pages are missing, the others are shown.
TEST(Survey, ReadsCompressedImagesAndPassesOverDamage) {
  const TempDir dir;
  const Bytes plain = MemoryLike(64 * 0x10000, 9);
  auto frames = CompressFrames(plain, 0x10000, "--check");
  std::vector<SeekEntry> table;
  for (const Bytes& frame : frames) {
    table.push_back({static_cast<std::uint32_t>(frame.size()), 0x10000});
  }
  for (const bool damaged : {false, true}) {
    auto parts = frames;
    if (damaged) parts[3][parts[3].size() / 2] ^= std::byte{0x55};
    parts.push_back(SeekTable(table));
    WriteFile(dir.Path("image.zst"), Concat(parts));
    OpenOptions open;
    open.as = "raw";
    const auto image = OpenImage(dir.Path("image.zst"), open);
    ASSERT_TRUE(image);
    const auto shown = Shown(*image->memory, 2, 0, ~std::uint64_t{0});
    EXPECT_EQ(shown.size(), damaged ? 1008U : 1024U);
    for (const auto& [at, value] : shown) {
      EXPECT_EQ(value, LoadLe<std::uint64_t>(plain.data() + at));
      EXPECT_FALSE(damaged && at >= 0x30000 && at < 0x40000);
    }
  }
}

}  // namespace
}  // namespace v2p::test

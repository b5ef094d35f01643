// Scattered frames against a map of every frame: any order, joins, long runs, repeated frames.
// SPDX-License-Identifier: Apache-2.0
#include "base/page_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "base/physical_memory.h"
#include "support/memory_source.h"

namespace v2p {
namespace {

using Frames = std::map<std::uint64_t, std::uint64_t>;  // frame -> position

// The oracle: one entry a frame, the lowest position wins.
Frames EveryFrame(const std::vector<StoredRun>& runs) {
  Frames frames;
  for (const StoredRun& run : runs) {
    for (std::uint64_t i = 0; i < run.pages; ++i) {
      const auto [it, isNew] = frames.emplace(run.first + i, run.position + i);
      if (!isNew) it->second = std::min(it->second, run.position + i);
    }
  }
  return frames;
}

void ExpectSame(const PageIndex& index, const Frames& frames, std::uint64_t last) {
  for (std::uint64_t frame = 0; frame <= last; ++frame) {
    const auto got = index.Find(PhysAddr(frame * 0x1000 + 0x123));
    const auto want = frames.find(frame);
    ASSERT_EQ(got.has_value(), want != frames.end()) << frame;
    if (got) {
      ASSERT_EQ(got->at.value, want->second * 0x1000 + 0x123) << frame;
      ASSERT_EQ(got->bytes % 0x1000, 0x1000U - 0x123U);
    }
    const auto above = frames.lower_bound(frame);
    const auto first = index.FirstPresent(PhysAddr(frame * 0x1000), Pfn(last + 1).Base());
    ASSERT_EQ(first.has_value(), above != frames.end()) << frame;
    if (first) {
      ASSERT_EQ(first->value, above->first * 0x1000) << frame;
    }
  }
  EXPECT_EQ(index.PresentBytes(), frames.size() * 0x1000);
  EXPECT_EQ(index.End().value, frames.empty() ? 0 : (frames.rbegin()->first + 1) * 0x1000);
}

void ExpectExtentsAgree(const PageIndex& index, const Frames& frames) {
  Frames seen;
  Extent last;
  index.ForEach([&](const Extent& run) {
    EXPECT_FALSE(last.bytes != 0 && last.End() == run.begin && last.at + last.bytes == run.at);
    for (std::uint64_t i = 0; i < run.bytes / 0x1000; ++i) {
      seen.emplace(run.begin.value / 0x1000 + i, run.at.value / 0x1000 + i);
    }
    last = run;
  });
  EXPECT_EQ(seen, frames);
}

TEST(PageIndex, EmptyHoldsNothing) {
  const PageIndex index;
  EXPECT_FALSE(index.Find(PhysAddr(0)));
  EXPECT_FALSE(index.FirstPresent(PhysAddr(0), PhysAddr(~std::uint64_t{0})));
  EXPECT_EQ(index.PresentBytes(), 0U);
  EXPECT_EQ(index.End(), PhysAddr(0));
  ExpectExtentsAgree(PageIndex(std::vector<StoredRun>{{5, 0, 0}}), {});
}

// Runs of sets as hibernation writes them: short, in an order of their own, without repeats.
TEST(PageIndex, AgreesWithAMapOfFrames) {
  std::mt19937_64 random(3);
  for (const std::size_t count : {1U, 2U, 5U, 40U, 700U, 5000U}) {
    std::vector<StoredRun> runs;
    std::uint64_t frame = random() % 9;
    for (std::size_t i = 0; i < count; ++i) {
      const auto pages = static_cast<std::uint32_t>(1 + random() % 16);
      runs.push_back({frame, 0, pages});
      frame += pages + (random() % 3 == 0 ? 0 : random() % 50);
    }
    std::shuffle(runs.begin(), runs.end(), random);
    std::uint32_t position = 7;
    for (StoredRun& run : runs) {
      run.position = position;
      position += run.pages;
    }
    const PageIndex index(runs);
    const Frames frames = EveryFrame(runs);
    ExpectSame(index, frames, frame + 100);
    ExpectExtentsAgree(index, frames);
    EXPECT_EQ(index.RepeatedPages(), 0U);
    EXPECT_LE(index.HeapBytes(), count * 16 + 16);
  }
}

TEST(PageIndex, OfARepeatedFrameTheFirstCopyCounts) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 300; ++round) {
    std::vector<StoredRun> runs;
    std::uint32_t position = 0;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < 1 + random() % 30; ++i) {
      const auto pages = static_cast<std::uint32_t>(1 + random() % 40);
      runs.push_back({random() % 150, position, pages});
      position += pages;
      sum += pages;
    }
    std::shuffle(runs.begin(), runs.end(), random);
    const Frames frames = EveryFrame(runs);
    const PageIndex index(runs);
    ExpectSame(index, frames, 250);
    ExpectExtentsAgree(index, frames);
    EXPECT_EQ(index.RepeatedPages(), sum - frames.size());
  }
}

TEST(PageIndex, LongRunsAndHighFrames) {
  const std::uint64_t high = PageIndex::kFrames - 3;
  const PageIndex index(std::vector<StoredRun>{{0x10, 4, 3'000'000}, {high, 0xFFFF'FFF0, 3}});
  EXPECT_EQ(index.Find(PhysAddr(0x10000 + 2'999'999ULL * 0x1000))->at.value, 3'000'003ULL * 0x1000);
  EXPECT_FALSE(index.Find(PhysAddr(0x10000 + 3'000'000ULL * 0x1000)));
  EXPECT_EQ(index.Find(Pfn(high + 2).Base())->at.value, 0xFFFF'FFF2ULL * 0x1000);
  EXPECT_FALSE(index.Find(PhysAddr(~std::uint64_t{0})));
  EXPECT_EQ(index.End().value, kPhysicalLimit);
  std::size_t extents = 0;
  index.ForEach([&](const Extent&) { ++extents; });
  EXPECT_EQ(extents, 2U) << "a run that had to be cut for packing is one extent";
}

TEST(PageIndex, AppendingJoinsWhatContinuesInBothPlaces) {
  std::vector<StoredRun> runs;
  AppendRun(runs, {1, 0, 2});
  AppendRun(runs, {3, 2, 1});   // continues
  AppendRun(runs, {4, 9, 1});   // elsewhere in the source
  AppendRun(runs, {6, 10, 1});  // elsewhere in memory
  EXPECT_EQ(runs, (std::vector<StoredRun>{{1, 0, 3}, {4, 9, 1}, {6, 10, 1}}));
}

TEST(PageIndex, MemoryReadsThroughIt) {
  std::vector<std::byte> bytes(3 * 0x1000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i / 0x1000 + 1);
  const PhysicalMemory memory(std::make_shared<test::MemorySource>(bytes, 0x1000),
                              PageIndex(std::vector<StoredRun>{{8, 0, 1}, {4, 1, 2}}));
  std::vector<std::byte> out(0x3000);
  ASSERT_EQ(memory.Read(PhysAddr(0x4800), out), 0x1800U);
  EXPECT_EQ(out[0], std::byte{2});
  EXPECT_EQ(out[0x17FF], std::byte{3});
  memory.WithCursor([&](auto cursor) {
    const std::byte* found = cursor.Find(PhysAddr(0x8FF8), 8);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(*found, std::byte{1});
    EXPECT_EQ(cursor.Find(PhysAddr(0x7000), 8), nullptr);
  });
  EXPECT_EQ(memory.Frame(Pfn(5)).data[0], std::byte{3});
}

}  // namespace
}  // namespace v2p

// The reverse index against a plain multimap over random (synthetic) ranges of many owners.
// SPDX-License-Identifier: Apache-2.0
#include "translate/reverse_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "support/sparse_memory.h"

namespace v2p::test {
namespace {

using Mappings = std::set<std::pair<std::uint32_t, std::uint64_t>>;  // owner, virtual page
using ByFrame = std::map<std::uint64_t, Mappings>;

constexpr std::uint64_t kFrames = 4096;

std::unique_ptr<PhysicalMemory> Memory() {
  SparseMemory memory;
  for (std::uint64_t i = 0; i < kFrames; ++i) memory.AddPage(i * kPageBytes);
  return memory.Build();
}

struct World {
  std::vector<std::vector<LeafRange>> owners;
  ByFrame truth;
};

// Ascending ranges in both halves (and, of five levels, in several parts of 2^48 bytes), runs of
// any length, large pages, and frames beyond the image.
World MakeWorld(std::size_t owners, std::mt19937_64& random) {
  World world;
  for (std::uint32_t owner = 0; owner < owners; ++owner) {
    auto& ranges = world.owners.emplace_back();
    for (const std::uint64_t base : {std::uint64_t{0x10000}, std::uint64_t{0x5'0000'1000'0000},
                                     0xff12'0000'0000'0000U, 0xffff'8000'0000'0000U}) {
      std::uint64_t va = base;
      for (std::uint64_t i = random() % 40; i > 0; --i) {
        va += random() % 8 * kPageBytes;
        LeafRange range{VirtAddr(va), {}, static_cast<std::uint32_t>(1 + random() % 150), 12, 7};
        std::uint64_t frame = random() % kFrames;
        if (random() % 10 == 0) frame += 5'000'000;                    // a device
        if (random() % 10 == 0) frame = kFrames - 20 + random() % 40;  // over the end
        if (random() % 10 == 0) {
          range.page_shift = 21;
          range.pages = 1 + static_cast<std::uint32_t>(random() % 3);
          va = (va + 0x1fffff) & ~std::uint64_t{0x1fffff};
          frame &= ~std::uint64_t{511};
        }
        range.va = VirtAddr(va);
        range.pa = Pfn(frame).Base();
        ranges.push_back(range);
        for (std::uint64_t at = 0; at < range.Bytes() / kPageBytes; ++at) {
          world.truth[frame + at].insert({owner, (va >> 12U) + at});
        }
        va += range.Bytes();
      }
    }
  }
  return world;
}

void ExpectInverse(const ReverseIndex& index, const ByFrame& truth) {
  const auto check = [&](std::uint64_t frame) {
    Mappings got;
    index.ForEach(Pfn(frame).Base() + 0x123, [&](std::uint32_t owner, VirtAddr va) {
      EXPECT_EQ(va.value % kPageBytes, 0x123U);
      EXPECT_TRUE(got.insert({owner, va.value >> 12U}).second) << "twice";
    });
    const auto at = truth.find(frame);
    ASSERT_EQ(got, at == truth.end() ? Mappings() : at->second) << frame;
  };
  for (std::uint64_t frame = 0; frame < 2 * kFrames; ++frame) check(frame);
  for (const auto& [frame, mappings] : truth) check(frame);
}

TEST(ReverseIndex, IsTheInverseOfTheRanges) {
  std::mt19937_64 random(17);
  const auto memory = Memory();
  for (const std::size_t owners : {1U, 7U, 150U}) {
    const World world = MakeWorld(owners, random);
    const auto index = ReverseIndex::Build(*memory, world.owners, 1);
    ASSERT_TRUE(index);
    ExpectInverse(*index, world.truth);
  }
}

TEST(ReverseIndex, GivesWholeBlocks) {
  std::mt19937_64 random(19);
  const World world = MakeWorld(7, random);
  const auto index = ReverseIndex::Build(*Memory(), world.owners, 1);
  ASSERT_TRUE(index);
  std::set<std::uint64_t> blocks;
  for (const auto& [frame, mappings] : world.truth) {
    blocks.insert(frame / ReverseIndex::kBlockFrames);
  }
  ByFrame got;
  for (const std::uint64_t block : blocks) {
    index->ForEachInBlock(block, [&](std::uint32_t owner, std::uint64_t at, std::uint64_t frames,
                                     std::uint64_t page) {
      ASSERT_TRUE(frames > 0 && at + frames <= ReverseIndex::kBlockFrames);
      for (std::uint64_t i = 0; i < frames; ++i) {
        const std::uint64_t frame = block * ReverseIndex::kBlockFrames + at + i;
        EXPECT_TRUE(got[frame].insert({owner, page + i}).second) << "twice";
      }
    });
  }
  EXPECT_EQ(got, world.truth);
}

// A map of all memory in front of a sparse image's many pages: every look-up behind it went
// through all of them once.
TEST(ReverseIndex, FindsSparseFramesBehindAMapOfAllMemory) {
  SparseMemory pages;
  constexpr std::uint64_t kFar = std::uint64_t{1} << 40U, kPages = 200'000, kGap = 16 * kPageBytes;
  pages.AddPage(kFar);
  std::vector<std::vector<LeafRange>> owners(2);
  owners[0].push_back({VirtAddr(0xffff'8000'0000'0000U), PhysAddr(0), 2048, 30, 7});
  for (std::uint64_t i = 0; i < kPages; ++i) {
    owners[1].push_back({VirtAddr(i * kPageBytes), PhysAddr(kFar + i * kGap), 1, 12, 7});
  }
  const auto index = ReverseIndex::Build(*pages.Build(), owners, 1);
  ASSERT_TRUE(index);
  for (std::uint64_t i = 0; i < kPages; ++i) {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> got;
    const PhysAddr pa(kFar + i * kGap);
    index->ForEach(pa, [&](auto owner, VirtAddr va) { got.emplace_back(owner, va.value); });
    std::sort(got.begin(), got.end());
    ASSERT_EQ(got, (std::vector<std::pair<std::uint32_t, std::uint64_t>>{
                       {0, 0xffff'8000'0000'0000U + pa.value}, {1, i * kPageBytes}}));
  }
}

TEST(ReverseIndex, DoesNotDependOnThreads) {
  std::mt19937_64 random(18);
  const auto memory = Memory();
  World world;
  for (int i = 0; i < 3; ++i) {  // long enough for three threads
    auto& ranges = world.owners.emplace_back();
    for (std::uint64_t page = 0; page < 70'000; ++page) {
      ranges.push_back({VirtAddr(page << 13U), Pfn(random() % kFrames).Base(), 1, 12, 7});
    }
  }
  const auto one = ReverseIndex::Build(*memory, world.owners, 1);
  const auto three = ReverseIndex::Build(*memory, world.owners, 3);
  ASSERT_TRUE(one && three);
  EXPECT_EQ(one->Pieces(), 210'000U);
  for (std::uint64_t frame = 0; frame < kFrames; ++frame) {
    std::vector<std::pair<std::uint32_t, VirtAddr>> a, b;
    one->ForEach(Pfn(frame).Base(), [&](auto owner, VirtAddr va) { a.emplace_back(owner, va); });
    three->ForEach(Pfn(frame).Base(), [&](auto owner, VirtAddr va) { b.emplace_back(owner, va); });
    ASSERT_EQ(a, b);
    EXPECT_TRUE(std::is_sorted(a.begin(), a.end()));
  }
}

TEST(ReverseIndex, RefusesMoreMappingsThanAnImageJustifies) {
  SparseMemory pages;
  pages.AddPage(0);
  pages.AddPage(0x40000000);
  const auto memory = pages.Build();
  // 400 times the same GiB: 4096 pieces each.
  std::vector<std::vector<LeafRange>> owners(1);
  for (std::uint64_t i = 0; i < 400; ++i) {
    owners[0].push_back({VirtAddr(i << 31U), PhysAddr(0), 1, 30, 7});
  }
  const auto index = ReverseIndex::Build(*memory, owners, 1);
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace v2p::test

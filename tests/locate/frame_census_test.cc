// The census against a plain classification, frame by frame, of random (synthetic) mappings; and
// the rule itself on page tables that were made for it. SPDX-License-Identifier: Apache-2.0
#include "locate/frame_census.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "support/guest_tables.h"
#include "support/sparse_memory.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kKernelHalf = 0xffff'8000'0000'0000U;

// Who maps what and which frames are tables, and the index that the census is given of it.
struct World {
  std::vector<std::vector<LeafRange>> ranges;
  std::set<std::uint64_t> tables;
  OwnerIndex index;

  void Finish(const PhysicalMemory& memory) {
    for (const std::uint64_t frame : tables) index.tables.push_back({frame, 0, 1, VirtAddr()});
    auto built = ReverseIndex::Build(memory, ranges, 1);
    ASSERT_TRUE(built);
    index.index = std::move(*built);
  }
};

// Two systems: kernel, three processes and an orphan root; then kernel and a process. Every owner
// has random pages; every process also has some of its kernel's, at the kernel's addresses.
World RandomWorld(const std::vector<std::uint64_t>& frames, std::mt19937_64& random) {
  World world;
  world.index.owners = {{0, {}, {}}, {0, 0, {}},  {0, 1, {}}, {0, 2, {}},
                        {0, {}, 0},  {1, {}, {}}, {1, 0, {}}};
  std::size_t kernel = 0;
  for (std::uint32_t owner = 0; owner < world.index.owners.size(); ++owner) {
    const Owner& who = world.index.owners[owner];
    auto& ranges = world.ranges.emplace_back();
    const bool is_kernel = !who.process && !who.orphan;
    if (is_kernel) kernel = owner;
    std::uint64_t va = is_kernel ? kKernelHalf : 0x1000;
    for (int i = 0; i < 60; ++i) {
      va += random() % 3 * kPageBytes;
      const auto pages = static_cast<std::uint32_t>(1 + random() % 40);
      const std::uint64_t frame = frames[random() % frames.size()];
      ranges.push_back({VirtAddr(va), Pfn(frame).Base(), pages, 12, 7});
      va += pages * kPageBytes;
    }
    if (is_kernel) continue;
    for (const LeafRange& range : world.ranges[kernel]) {
      if (random() % 4 != 0) continue;
      LeafRange part = range;
      part.pages = static_cast<std::uint32_t>(1 + random() % range.pages);
      ranges.push_back(part);
    }
  }
  for (int i = 0; i < 50; ++i) world.tables.insert(frames[random() % frames.size()]);
  return world;
}

struct Plain {
  FrameClass cls = kAbsentFrame;
  std::set<std::uint32_t> sharers;
};

// The rule of the header, applied to one frame by going through all ranges.
Plain Classify(const World& world, const std::set<std::uint64_t>& present, std::uint64_t frame) {
  if (present.count(frame) == 0) return {};
  if (world.tables.count(frame) != 0) return {kTableFrame, {}};
  std::set<std::pair<std::size_t, std::uint64_t>> kernel_at;  // system, address
  std::set<std::uint32_t> processes;
  for (const bool kernels : {true, false}) {
    for (std::uint32_t owner = 0; owner < world.ranges.size(); ++owner) {
      const Owner& who = world.index.owners[owner];
      if (kernels != (!who.process && !who.orphan)) continue;
      for (const LeafRange& range : world.ranges[owner]) {
        const std::uint64_t begin = Pfn(range.pa).value;
        if (frame < begin || frame >= begin + range.pages) continue;
        const std::pair at(who.system, range.va.value + (frame - begin) * kPageBytes);
        if (kernels) {
          kernel_at.insert(at);
        } else if (kernel_at.count(at) == 0) {
          processes.insert(owner);
        }
      }
    }
  }
  if (processes.size() > 1) return {kSharedFrame, processes};
  if (processes.size() == 1) return {kFirstOwnerFrame + *processes.begin(), {}};
  return {kernel_at.empty() ? kUnmappedFrame : kKernelFrame, {}};
}

// Cells are disjoint and ascending, and what has none is absent. Gives the cell of each frame that
// is present.
std::map<std::uint64_t, std::size_t> CellsOf(const FrameCells& cells,
                                             const std::set<std::uint64_t>& present) {
  std::map<std::uint64_t, std::size_t> places;
  std::uint64_t next = 0;
  for (std::size_t cell = 0; cell < cells.Count(); ++cell) {
    const std::uint64_t first = cells.FirstFrame(cell), frames = cells.FramesOf(cell);
    EXPECT_GE(first, next);
    next = first + frames;
    const bool last = cell + 1 == cells.Count();
    EXPECT_TRUE(last ? next == cells.frames : frames == std::uint64_t{1} << cells.shift) << cell;
    for (auto at = present.lower_bound(first); at != present.end() && *at < next; ++at) {
      places[*at] = cell;
    }
  }
  EXPECT_EQ(places.size(), present.size());
  return places;
}

void ExpectPlain(const World& world, const std::set<std::uint64_t>& present,
                 const FrameCensus& census) {
  ASSERT_EQ(census.cells.frames, *present.rbegin() + 1);
  const auto places = CellsOf(census.cells, present);
  std::vector<std::uint64_t> counts(census.counts.size()), shares(census.shares.size());
  std::vector<std::map<FrameClass, std::uint64_t>> cells(census.cells.Count());
  for (const std::uint64_t frame : present) {
    const Plain plain = Classify(world, present, frame);
    ++counts[plain.cls];
    ++cells[places.at(frame)][plain.cls];
    for (const std::uint32_t owner : plain.sharers) ++shares[owner];
  }
  counts[kAbsentFrame] = census.cells.frames - present.size();
  EXPECT_EQ(census.counts, counts);
  EXPECT_EQ(census.shares, shares);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    std::uint64_t held = 0;
    for (const auto& [cls, frames] : cells[i]) held += frames;
    const std::uint64_t of_cell = census.cells.FramesOf(i);
    std::vector<std::tuple<std::uint64_t, FrameClass>> order;
    for (const auto& [cls, frames] : cells[i]) order.emplace_back(~frames, cls);
    std::sort(order.begin(), order.end());
    std::vector<FrameCount> parts;
    for (const auto& [inverse, cls] : order) parts.push_back({cls, ~inverse});
    if (parts.size() > FrameCensus::kMostOfACell) parts.resize(FrameCensus::kMostOfACell);
    if (held != of_cell && held != 0) parts.push_back({kAbsentFrame, of_cell - held});
    const auto got = census.PartsOf(i);
    ASSERT_EQ(std::vector<FrameCount>(got.begin(), got.end()), parts) << "cell " << i;
  }
}

// Dense with holes; several frames a cell; and a few pages over a TiB and more.
TEST(FrameCensus, IsThePlainClassification) {
  std::mt19937_64 random(23);
  const auto dense = [&](std::uint64_t span, unsigned kept) {
    std::set<std::uint64_t> frames;
    for (std::uint64_t i = 0; i < span; ++i) {
      if (random() % 100 < kept) frames.insert(i);
    }
    return frames;
  };
  std::set<std::uint64_t> sparse = dense(3000, 50);
  for (int i = 0; i < 500; ++i) sparse.insert((std::uint64_t{1} << 28U) + random() % 4000);
  sparse.insert((std::uint64_t{1} << 44U) - 1);
  // More holes than are left out, so that cells have to be large.
  std::set<std::uint64_t> folded;
  for (std::uint64_t i = 0; i < 40; ++i) {
    for (const std::uint64_t frame : dense(70, 90)) folded.insert(i * 100'003 + frame);
  }
  for (const auto& present : {dense(3001, 80), dense(70, 100), folded, sparse}) {
    SparseMemory pages;
    for (const std::uint64_t frame : present) pages.AddPage(frame * kPageBytes);
    const auto backing =
        present.size() % 2 == 0 || present == sparse ? Backing::kRuns : Backing::kBitmap;
    const auto memory = pages.Build(backing);
    World world = RandomWorld({present.begin(), present.end()}, random);
    world.Finish(*memory);
    for (const unsigned threads : {1U, 3U}) {
      const auto census = CountFrames(*memory, world.index, {threads, {}});
      ASSERT_TRUE(census);
      EXPECT_LE(census->cells.Count(), FrameCells::kMost);
      ExpectPlain(world, present, *census);
    }
  }
}

TEST(FrameCells, LeavesOutTheLargestHoles) {
  SparseMemory pages;
  const auto add = [&](std::uint64_t first, std::uint64_t frames) {
    for (std::uint64_t i = first; i < first + frames; ++i) pages.AddPage(i * kPageBytes);
  };
  add(70, 1000);                    // behind a hole of 70
  add(1100, 900);                   // of 30
  add(std::uint64_t{1} << 20U, 3);  // of a million
  const FrameCells cells = PlanCells(*pages.Build());
  EXPECT_EQ(cells.shift, 0U);
  EXPECT_EQ(cells.stretches,
            (std::vector<FrameCells::Stretch>{{0, 2048, 0}, {std::uint64_t{1} << 20U, 3, 2048}}));
  EXPECT_EQ(cells.Count(), 2051U);
  EXPECT_EQ(cells.FirstFrame(2047), 2047U);
  EXPECT_EQ(cells.FirstFrame(2048), std::uint64_t{1} << 20U);

  add(200'000, 300);  // and the hole at the beginning is the largest but one, without the first
  SparseMemory high;
  high.Merge(pages, std::uint64_t{1} << 40U);
  const FrameCells far = PlanCells(*high.Build());
  ASSERT_EQ(far.stretches.size(), 3U);
  EXPECT_EQ(far.stretches[0], (FrameCells::Stretch{(std::uint64_t{1} << 28U) + 64, 1984, 0}));
}

TEST(FrameCells, KeepsAModestHole) {
  SparseMemory pages;
  for (std::uint64_t i = 0; i < 1000; ++i) pages.AddPage((i < 600 ? i : i + 200) * kPageBytes);
  const FrameCells cells = PlanCells(*pages.Build());
  EXPECT_EQ(cells.stretches, (std::vector<FrameCells::Stretch>{{0, 1200, 0}}));
}

TEST(FrameCensus, CountsFramesThatAreThereInPart) {
  SparseMemory pages;
  for (std::uint64_t pa = 0; pa < 10 * kPageBytes; pa += kPageBytes) pages.AddPage(pa);
  // Two pieces of frame 2, one of them with all of 3 and the first byte of 4; 9's last byte.
  const auto memory = pages.BuildRanges({{0x2010, 0x2020}, {0x2ff0, 0x4001}, {0x9fff, 0xa000}});
  const auto census = CountFrames(*memory, {});
  ASSERT_TRUE(census);
  EXPECT_EQ(census->cells.frames, 10U);
  EXPECT_EQ(census->counts, (std::vector<std::uint64_t>{6, 4, 0, 0, 0}));
  ASSERT_EQ(census->cells.Count(), 10U);
  EXPECT_EQ(census->PartsOf(1).size(), 0U);
  EXPECT_EQ(census->PartsOf(4).front(), (FrameCount{kUnmappedFrame, 1}));
}

TEST(FrameCensus, HasNothingOfAnEmptyImage) {
  const auto census = CountFrames(*SparseMemory().Build(), {});
  ASSERT_TRUE(census);
  EXPECT_EQ(census->cells.frames, 0U);
  EXPECT_EQ(census->cells.Count(), 0U);
}

TEST(FrameCensus, CanBeInterrupted) {
  SparseMemory pages;
  pages.AddPage(0);
  const auto census =
      CountFrames(*pages.Build(), {}, {1, [](std::uint64_t, std::uint64_t) { return false; }});
  ASSERT_FALSE(census);
  EXPECT_EQ(census.error().kind, ErrorKind::kInterrupted);
}

// x64: a kernel that maps all memory, two processes, as BuildOwners reads them.
TEST(FrameCensus, GivesAProcessWhatTheDirectMapMapsToo) {
  SparseMemory pages;
  constexpr std::uint64_t kFrames = 512;
  for (std::uint64_t pa = 0; pa < kFrames * kPageBytes; pa += kPageBytes) pages.AddPage(pa);
  FrameSource frames(29, 0, 256 * kPageBytes);
  std::vector<System> systems(1);
  GuestTables kernel(pages, frames, {}, frames.Take());
  kernel.Map(kKernelHalf, 0, PageUse::kKernelData, true);  // 2 MiB: everything
  systems[0].kernel.root.table = PhysAddr(kernel.Root());
  const std::uint64_t shared = 300 * kPageBytes, user = 400 * kPageBytes;
  for (std::uint64_t pid = 1; pid <= 2; ++pid) {
    GuestTables process(pages, frames, {}, frames.Take());
    const std::uint64_t half = kKernelHalf >> 39U & 511U;
    process.PutEntry(process.Root(), half, kernel.Entry(kernel.Root(), half));
    process.Map(0x400000, shared, PageUse::kUserData);
    for (std::uint64_t i = 0; i < 3 * pid; ++i) {
      process.Map(0x500000 + i * kPageBytes, user + (16 * pid + i) * kPageBytes,
                  PageUse::kUserData);
    }
    Process& known = systems[0].processes.emplace_back();
    known.pid = pid;
    known.root = Root{ModeName::kX64, PhysAddr(process.Root()), {}};
  }
  const auto memory = pages.Build();
  const auto owners = BuildOwners(*memory, systems);
  ASSERT_TRUE(owners);
  const auto census = CountFrames(*memory, *owners);
  ASSERT_TRUE(census);
  // Tables: 3 of the kernel (PML4, PDPT, PD), 4 of each process.
  EXPECT_EQ(census->counts,
            (std::vector<std::uint64_t>{0, 0, 11, kFrames - 11 - 1 - 9, 1, 0, 3, 6}));
  EXPECT_EQ(census->shares, (std::vector<std::uint64_t>{0, 1, 1}));
}

}  // namespace
}  // namespace v2p::test

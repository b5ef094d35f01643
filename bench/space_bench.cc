// Whole address spaces and the way back: leaves enumerated by each kernel, the reverse index of 100
// processes, lookups in it. Tables and ranges are generated in memory (synthetic).
// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "support/memory_source.h"
#include "translate/leaves.h"
#include "translate/reverse_index.h"

namespace v2p::bench {
namespace {

constexpr std::uint64_t kFrames = 2'150'912;  // of an 8 GiB image with holes
constexpr std::uint64_t kTables = 16384;      // of the last level
constexpr std::uint64_t kPresentWritable = 0x63;

enum Kind : std::int64_t { kRandom, kRuns, kSparse };

// Page tables scattered over the frames of an image that holds nothing else.
struct Tables {
  explicit Tables(Kind kind) : random(7) {
    std::vector<std::uint64_t> frames(kFrames);
    std::iota(frames.begin(), frames.end(), 0U);
    std::shuffle(frames.begin(), frames.end(), random);
    frames.resize(kTables + kTables / 512 + 2);
    frames_of_tables = frames;
    std::vector<std::byte> bitmap(kFrames / 8 + 8);
    for (const std::uint64_t frame : frames) bitmap[frame / 8] |= std::byte(1U << (frame % 8));
    auto held = std::make_shared<std::vector<std::byte>>(std::move(bitmap));
    RankIndex index(*held, kFrames, FileOffset(0), frames.size(), held);
    std::vector<std::byte> pages(frames.size() * kPageBytes);
    Fill(kind, index, pages);
    memory = std::make_unique<PhysicalMemory>(
        std::make_shared<test::MemorySource>(std::move(pages)), std::move(index));
  }

  AddressSpace Space() const {
    return {*memory, {.mode = ModeName::kX64, .dtb = frames_of_tables[0] * kPageBytes}};
  }

  std::mt19937_64 random;
  std::vector<std::uint64_t> frames_of_tables;
  std::unique_ptr<PhysicalMemory> memory;
  std::int64_t present = 0;

 private:
  void Fill(Kind kind, const RankIndex& index, std::vector<std::byte>& pages) {
    const auto put = [&](std::size_t table, std::uint64_t i, std::uint64_t entry) {
      const auto at = index.Find(Pfn(frames_of_tables[table]).Base())->at.value;
      std::memcpy(pages.data() + at + i * 8, &entry, 8);
    };
    const auto entry_of = [&](std::size_t table) {
      return frames_of_tables[table] * kPageBytes | kPresentWritable;
    };
    put(0, 256, entry_of(1));
    for (std::uint64_t pd = 0; pd < kTables / 512; ++pd) {
      put(1, pd, entry_of(2 + pd));
      for (std::uint64_t i = 0; i < 512; ++i) {
        put(2 + pd, i, entry_of(2 + kTables / 512 + pd * 512 + i));
      }
    }
    std::uint64_t left = 0, frame = 0;
    for (std::uint64_t page = 0; page < kTables * 512; ++page) {
      if (kind == kRandom && random() % 2 == 0) continue;
      if (kind != kRandom && left == 0) {
        left = 1 + random() % (kind == kRuns ? 32 : 160);
        frame = random() % kFrames;
        const std::uint64_t gap = kind == kRuns ? left * 3 : left * 9;
        page += gap;
        if (page >= kTables * 512) break;
      }
      if (kind == kRandom) frame = random() % kFrames;
      put(2 + kTables / 512 + page / 512, page % 512, frame++ * kPageBytes | kPresentWritable);
      ++present;
      left -= left != 0 ? 1 : 0;
    }
  }
};

const Tables& Get(std::int64_t kind) {
  static const Tables random(kRandom), runs(kRuns), sparse(kSparse);
  return kind == kRandom ? random : kind == kRuns ? runs : sparse;
}

// Entries are all that were read, present or not.
void EnumerateAll(benchmark::State& state) {
  const Tables& tables = Get(state.range(0));
  LeafOptions options;
  options.kernel = static_cast<MaskKernel>(state.range(1));
  options.tables = 1U << 20U;
  if (!Runs(options.kernel)) return state.SkipWithError("not on this processor");
  std::vector<LeafRange> all;
  all.reserve(static_cast<std::size_t>(tables.present));
  std::int64_t pages = 0;
  LeafSink sink;
  sink.ranges = [&](std::span<const LeafRange> ranges) {
    all.insert(all.end(), ranges.begin(), ranges.end());
    return true;
  };
  for (auto _ : state) {
    all.clear();
    benchmark::DoNotOptimize(EnumerateLeaves(tables.Space(), options, sink).ranges);
  }
  for (const LeafRange& range : all) pages += range.pages;
  if (pages != tables.present) state.SkipWithError("wrong number of pages");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kTables * 512));
  state.counters["ranges"] = static_cast<double>(all.size());
  state.counters["pages"] = static_cast<double>(pages);
}
BENCHMARK(EnumerateAll)
    ->ArgNames({"kind", "kernel"})
    ->ArgsProduct({{kRandom, kRuns, kSparse}, {0, 1, 2}})
    ->Unit(benchmark::kMillisecond);

// Yardstick: the same tables read in the same order, and nothing else.
void ReadAll(benchmark::State& state) {
  const Tables& tables = Get(state.range(0));
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (std::size_t i = 2; i < tables.frames_of_tables.size(); ++i) {
      const FrameView view = tables.memory->Frame(Pfn(tables.frames_of_tables[i]));
      for (std::size_t at = 0; at < kPageBytes; at += 8) {
        std::uint64_t entry = 0;
        std::memcpy(&entry, view.data + at, 8);
        sum += entry;
      }
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kTables * 512));
}
BENCHMARK(ReadAll)->ArgName("kind")->Arg(kRandom)->Arg(kRuns)->Unit(benchmark::kMillisecond);

// 100 processes, 2.1 million frames, 4.2 million mappings: half private pages, half of libraries
// that 27 processes on average share.
struct Processes {
  explicit Processes(std::uint64_t longest_run) {
    std::mt19937_64 random(9);
    std::vector<std::uint64_t> starts;
    std::vector<std::uint32_t> lengths;
    const std::uint64_t shared_frames = 77'000;
    for (std::uint64_t frame = 0; frame < kFrames;) {
      const auto length = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(1 + random() % longest_run, kFrames - frame));
      starts.push_back(frame);
      lengths.push_back(length);
      frame += length;
    }
    owners.resize(100);
    std::vector<std::uint64_t> va(owners.size(), 0x10000);
    const auto add = [&](std::size_t owner, std::size_t run) {
      owners[owner].push_back(
          {VirtAddr(va[owner]), Pfn(starts[run]).Base(), lengths[run], kPageShift, 7});
      va[owner] += (lengths[run] + 1) * kPageBytes;
      mappings += lengths[run];
    };
    for (std::size_t run = 0; run < starts.size(); ++run) {
      if (starts[run] >= shared_frames) {
        add(random() % owners.size(), run);
        continue;
      }
      for (std::size_t owner = 0; owner < owners.size(); ++owner) {
        if (random() % 100 < 27) add(owner, run);
      }
    }
    // Of all frames, whose bytes nobody reads here.
    auto bitmap = std::make_shared<std::vector<std::byte>>(kFrames / 8, std::byte{0xff});
    memory = std::make_unique<PhysicalMemory>(
        std::make_shared<test::MemorySource>(std::vector<std::byte>(1)),
        RankIndex(*bitmap, kFrames, FileOffset(0), kFrames, bitmap));
  }

  std::vector<std::vector<LeafRange>> owners;
  std::uint64_t mappings = 0;
  std::unique_ptr<PhysicalMemory> memory;
};

const Processes& GetProcesses(std::int64_t longest_run) {
  static const Processes runs(7), singles(1);
  return longest_run == 1 ? singles : runs;
}

void BuildReverseIndex(benchmark::State& state) {
  const Processes& processes = GetProcesses(state.range(0));
  std::size_t bytes = 0;
  for (auto _ : state) {
    const auto index = ReverseIndex::Build(*processes.memory, processes.owners,
                                           static_cast<unsigned>(state.range(1)));
    bytes = index.value().HeapBytes();
  }
  state.counters["mappings"] = static_cast<double>(processes.mappings);
  state.counters["B/frame"] = static_cast<double>(bytes) / static_cast<double>(kFrames);
}
BENCHMARK(BuildReverseIndex)
    ->ArgNames({"longest run", "threads"})
    ->ArgsProduct({{7, 1}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

// Frames below 77,000 have 27 owners on average, the others one.
void LookUpOwners(benchmark::State& state) {
  const Processes& processes = GetProcesses(state.range(0));
  const auto index = ReverseIndex::Build(*processes.memory, processes.owners, 1).value();
  std::mt19937_64 random(4);
  std::vector<PhysAddr> frames(1U << 16U);
  for (PhysAddr& frame : frames) {
    frame = Pfn(state.range(1) != 0 ? random() % 77'000 : 77'000 + random() % (kFrames - 77'000))
                .Base();
  }
  std::uint64_t sum = 0;
  std::int64_t owners = 0;
  std::size_t i = 0;
  for (auto _ : state) {
    index.ForEach(frames[i++ % frames.size()], [&](std::uint32_t owner, VirtAddr va) {
      sum += owner + va.value;
      ++owners;
    });
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations());
  state.counters["owners"] = static_cast<double>(owners) / static_cast<double>(state.iterations());
}
BENCHMARK(LookUpOwners)->ArgNames({"longest run", "shared"})->ArgsProduct({{7, 1}, {0, 1}});

}  // namespace
}  // namespace v2p::bench

BENCHMARK_MAIN();

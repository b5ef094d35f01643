// Opening and page reads, from 64 MiB to a span of 1 TiB.
// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <filesystem>
#include <map>
#include <random>

#include "dump_image.h"
#include "dumpfmt/format.h"

namespace v2p::bench {
namespace {

std::string Folder() {
  const auto folder = std::filesystem::temp_directory_path() / "v2p-bench";
  std::filesystem::create_directories(folder);
  return folder.string();
}

const DumpImage& SparseImage(std::uint64_t mib) {
  static std::map<std::uint64_t, DumpImage> images;
  auto [it, fresh] = images.try_emplace(mib);
  if (fresh) it->second = MakeSparse(Folder(), mib);
  return it->second;
}

// The whole of opening: file, header, bitmap, index. The bitmap is in the page cache.
void Open(benchmark::State& state) {
  const DumpImage& dump = SparseImage(static_cast<std::uint64_t>(state.range(0)));
  double heap = 0;
  for (auto _ : state) {
    const auto image = OpenImage(dump.path, {});
    if (!image) return state.SkipWithError(image.error().OneLine().c_str());
    heap = static_cast<double>(image->memory->IndexHeapBytes());
    benchmark::DoNotOptimize(image->memory.get());
  }
  state.counters["heap_B_per_page"] = heap / static_cast<double>(dump.present_pages);
  state.counters["pages"] = static_cast<double>(dump.present_pages);
}
BENCHMARK(Open)
    ->Arg(64)
    ->Arg(1024)
    ->Arg(64 * 1024)
    ->Arg(1024 * 1024)
    ->Unit(benchmark::kMillisecond);

std::vector<Pfn> PresentFrames(const PhysicalMemory& memory, std::size_t count) {
  std::mt19937_64 random(5);
  const std::uint64_t frames = memory.End().value / kPageBytes;
  std::vector<Pfn> pfns;
  while (pfns.size() < count) {
    const Pfn pfn(random() % frames);
    if (memory.Contains(pfn.Base())) pfns.push_back(pfn);
  }
  return pfns;
}

// Frame number to bytes: the lookup alone, random frames.
void FrameLookup(benchmark::State& state) {
  const DumpImage& dump = SparseImage(static_cast<std::uint64_t>(state.range(0)));
  const auto image = OpenImage(dump.path, {});
  if (!image) return state.SkipWithError(image.error().OneLine().c_str());
  const auto pfns = PresentFrames(*image->memory, 1U << 16U);
  image->memory->WithCursor([&](auto cursor) {
    std::size_t i = 0;
    for (auto _ : state) {
      benchmark::DoNotOptimize(cursor.Find(pfns[i++ & 0xffffU].Base(), 8));
    }
  });
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(FrameLookup)->Arg(1024)->Arg(64 * 1024)->Arg(1024 * 1024);

// 4 KiB copied out of a page cache that is warm for the frames asked for.
void PageRead(benchmark::State& state) {
  const DumpImage& dump = SparseImage(1024);
  const auto image = OpenImage(dump.path, {});
  if (!image) return state.SkipWithError(image.error().OneLine().c_str());
  const auto pfns = PresentFrames(*image->memory, 1U << 12U);
  std::vector<std::byte> page(kPageBytes);
  for (const Pfn pfn : pfns) image->memory->Read(pfn.Base(), page);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(image->memory->Read(pfns[i++ & 0xfffU].Base(), page));
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kPageBytes));
}
BENCHMARK(PageRead);

}  // namespace
}  // namespace v2p::bench

BENCHMARK_MAIN();

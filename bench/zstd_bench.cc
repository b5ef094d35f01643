// zstd images: opening, random 4 KiB reads with a cold and a warm cache, packing.
// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "base/file_source.h"
#include "codec/zstd_pack.h"
#include "codec/zstd_source.h"
#include "support/memory_source.h"
#include "support/zstd_files.h"

namespace v2p::bench {
namespace {

constexpr std::size_t kImageBytes = 256U << 20U;

const test::MemorySource& Image() {
  static const test::MemorySource image(test::MemoryLike(kImageBytes, 1));
  return image;
}

std::string Path(const char* name) {
  const auto folder = std::filesystem::temp_directory_path() / "v2p-bench";
  std::filesystem::create_directories(folder);
  return (folder / name).string();
}

const std::string& Packed() {
  static const std::string path = [] {
    PackOptions options;
    options.force = true;
    const auto result = PackZstd(Image(), Path("image.zst"), options);
    if (!result) std::abort();
    return Path("image.zst");
  }();
  return path;
}

void OpenSeekable(benchmark::State& state) {
  const auto file = OpenFile(Packed());
  for (auto _ : state) benchmark::DoNotOptimize(OpenZstd(*file, {}));
}
BENCHMARK(OpenSeekable)->Unit(benchmark::kMicrosecond);

// `range` bytes are read at random: below 64 MiB they stay in the cache.
void Read4K(benchmark::State& state) {
  const auto source = OpenZstd(*OpenFile(Packed()), {});
  if (!source) return state.SkipWithError("cannot open");
  const auto range = static_cast<std::uint64_t>(state.range(0)) << 20U;
  std::vector<std::byte> page(4096);
  for (std::uint64_t at = 0; at < range; at += 1U << 20U) {
    benchmark::DoNotOptimize((*source)->ReadAt(at, page));
  }
  std::mt19937_64 random(3);
  for (auto _ : state) {
    benchmark::DoNotOptimize((*source)->ReadAt(random() % (range / 4096) * 4096, page));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Read4K)->Arg(32)->Arg(256)->Unit(benchmark::kMicrosecond);

void Pack(benchmark::State& state) {
  PackOptions options;
  options.force = true;
  options.threads = static_cast<unsigned>(state.range(0));
  for (auto _ : state) {
    const auto result = PackZstd(Image(), Path("pack.zst"), options);
    if (!result) return state.SkipWithError(result.error().OneLine().c_str());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kImageBytes));
}
BENCHMARK(Pack)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace v2p::bench

BENCHMARK_MAIN();

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

namespace v2p::bench {
namespace {

constexpr std::size_t kImageBytes = 256U << 20U;

// Pages of zeros, noise, a repeated word, text: a quarter each, at random.
std::vector<std::byte> MemoryLike() {
  std::mt19937 random(1);
  std::vector<std::byte> bytes(kImageBytes);
  for (std::size_t page = 0; page < kImageBytes; page += 4096) {
    const auto kind = random() % 4;
    const auto word = random();
    for (std::size_t i = 0; i < 4096 && kind != 0; ++i) {
      const auto value = kind == 1   ? random()
                         : kind == 2 ? word >> (8 * (i % 4))
                                     : 'a' + random() % 20;
      bytes[page + i] = static_cast<std::byte>(value);
    }
  }
  return bytes;
}

const test::MemorySource& Image() {
  static const test::MemorySource image(MemoryLike());
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

// Single walks with every level recorded, and batches of them; beside them a dependent load, the
// plain test translator and libaddrxlat, so that one run can be read on any machine.
// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <numeric>
#include <random>
#include <vector>

#include "dump_image.h"
#include "dumpfmt/format.h"
#include "peer_addrxlat.h"
#include "support/plain_translator.h"
#include "translate/address_space.h"
#include "translate/walker.h"

namespace v2p::bench {
namespace {

constexpr std::size_t kAddresses = std::size_t{1} << 20U;

// An opened image, its address space, and addresses in both orders, checked once.
struct Opened {
  explicit Opened(DumpImage made) : dump(std::move(made)), random(dump.addresses) {
    image = OpenImage(dump.path, {}).value();
    space =
        std::make_unique<AddressSpace>(*image.memory, AddressSpaceSpec{ModeName::kX64, dump.dtb});
    sorted = random;
    std::sort(sorted.begin(), sorted.end());
    Walker walker(*space);
    for (std::size_t i = 0; i < random.size(); ++i) {
      if (walker.Translate(random[i]).pa != dump.answers[i]) throw std::runtime_error("wrong walk");
    }
  }

  const std::vector<VirtAddr>& Addresses(bool in_order) const { return in_order ? sorted : random; }

  DumpImage dump;
  Image image;
  std::unique_ptr<AddressSpace> space;
  std::vector<VirtAddr> random, sorted;
};

enum Size : std::int64_t { kOneGib = 1, kEightGib = 8 };

const Opened& Get(std::int64_t gib) {
  const auto folder = std::filesystem::temp_directory_path() / "v2p-bench";
  std::filesystem::create_directories(folder);
  if (gib == kEightGib) {
    static const Opened eight(MakeEightGib(folder.string(), kAddresses));
    return eight;
  }
  static const Opened one(MakeOneGib(folder.string(), kAddresses));
  return one;
}

// Arguments of most benchmarks: image, and whether addresses come in order.
void Images(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"gib", "sorted"});
  for (const std::int64_t gib : {kOneGib, kEightGib}) {
    for (const std::int64_t in_order : {0, 1}) bench->Args({gib, in_order});
  }
}

template <class Translate>
void EachAddress(benchmark::State& state, const Opened& opened, Translate translate) {
  const auto& addresses = opened.Addresses(state.range(1) != 0);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(translate(addresses[i++ & (kAddresses - 1)]));
  }
  state.SetItemsProcessed(state.iterations());
}

void SingleWalk(benchmark::State& state) {
  const Opened& opened = Get(state.range(0));
  Walker walker(*opened.space);
  EachAddress(state, opened, [&](VirtAddr va) { return walker.Translate(va); });
}
BENCHMARK(SingleWalk)->Apply(Images);

void SingleWalkNoCache(benchmark::State& state) {
  const Opened& opened = Get(state.range(0));
  EachAddress(state, opened, [&](VirtAddr va) { return opened.space->Translate(va); });
}
BENCHMARK(SingleWalkNoCache)->Apply(Images);

// Batches of 4096, as a report takes them.
void BatchWalk(benchmark::State& state) {
  constexpr std::size_t kBatch = 4096;
  const Opened& opened = Get(state.range(0));
  const std::span addresses(opened.Addresses(state.range(1) != 0));
  Walker walker(*opened.space);
  std::vector<Walk> walks(kBatch);
  std::size_t at = 0;
  for (auto _ : state) {
    walker.Translate(addresses.subspan(at, kBatch), walks);
    benchmark::DoNotOptimize(walks.data());
    benchmark::ClobberMemory();
    at = (at + kBatch) % kAddresses;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(BatchWalk)->Apply(Images);

// Results of eight bytes, a million addresses at a time; last argument: threads.
void ResolveMillion(benchmark::State& state) {
  const Opened& opened = Get(state.range(0));
  const auto& addresses = opened.Addresses(state.range(1) != 0);
  std::vector<WalkResult> results(kAddresses);
  const auto threads = static_cast<unsigned>(state.range(2));
  Walker walker(*opened.space);
  for (auto _ : state) {
    if (threads == 1) {
      walker.Resolve(addresses, results);
    } else {
      ResolveParallel(*opened.space, addresses, results, threads);
    }
    benchmark::DoNotOptimize(results.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kAddresses));
}
BENCHMARK(ResolveMillion)
    ->ArgNames({"gib", "sorted", "threads"})
    ->ArgsProduct({{kOneGib, kEightGib}, {0, 1}, {1, 2}})
    ->UseRealTime();

// Yardstick: the second translator of the tests, through PhysicalMemory::Read.
void PlainTestWalk(benchmark::State& state) {
  const Opened& opened = Get(state.range(0));
  const PhysicalMemory& memory = *opened.image.memory;
  const test::PlainRead read = [&](std::uint64_t pa,
                                   unsigned bytes) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto raw = std::as_writable_bytes(std::span(&value, 1)).first(bytes);
    if (memory.Read(PhysAddr(pa), raw) != bytes) return std::nullopt;
    return value;
  };
  EachAddress(state, opened, [&](VirtAddr va) {
    return test::PlainTranslate("x64", read, opened.dump.dtb, std::nullopt, va.value);
  });
}
BENCHMARK(PlainTestWalk)->Apply(Images);

#ifdef V2P_HAVE_ADDRXLAT
// Peer: libaddrxlat of libkdumpfile on the same mapping; it records the last step only.
void AddrxlatWalk(benchmark::State& state) {
  const Opened& opened = Get(state.range(0));
  AddrxlatPeer peer(*opened.image.memory, opened.dump.dtb);
  if (peer.Translate(opened.dump.addresses[0].value) != opened.dump.answers[0].value) {
    return state.SkipWithError("the peer is wrong");
  }
  EachAddress(state, opened, [&](VirtAddr va) { return peer.Translate(va.value); });
}
BENCHMARK(AddrxlatWalk)->Apply(Images);
#endif

// Yardstick: latency of a load whose address the load before it gave, in KiB of memory.
void DependentLoad(benchmark::State& state) {
  constexpr std::size_t kLine = 64 / sizeof(std::uint32_t);
  const auto lines = static_cast<std::size_t>(state.range(0)) * 1024 / 64;
  std::vector<std::uint32_t> order(lines);
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(3));
  std::vector<std::uint32_t> next(lines * kLine);
  for (std::size_t i = 0; i < lines; ++i) {
    next[order[i] * kLine] = static_cast<std::uint32_t>(order[(i + 1) % lines] * kLine);
  }
  std::uint32_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(at = next[at]);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(DependentLoad)->ArgName("KiB")->Arg(16)->Arg(256)->Arg(4 << 10)->Arg(64 << 10);

}  // namespace
}  // namespace v2p::bench

BENCHMARK_MAIN();

// The whole of v2p in one table: opening, walks, leaves, the reverse index and lookups in it, on a
// generated 1 GiB dump, on 8 GiB with 100 processes, and on the image that V2P_BENCH_IMAGE names.
// Beside each figure stand the bytes of memory it cannot do without and what that is of the
// machine's bandwidth, measured in the same run. One thread unless said; medians.
// Usage: suite_bench [ROUNDS]
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <random>
#include <vector>

#include "base/threads.h"
#include "dump_image.h"
#include "dumpfmt/format.h"
#include "locate/locator.h"
#include "locate/owners.h"
#include "median.h"
#include "translate/leaves.h"
#include "translate/walker.h"

namespace v2p::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kAddresses = std::size_t{1} << 20U;
constexpr double kLine = 64;  // bytes that a miss fetches

int rounds = 7;

// Median of seconds.
template <class Work>
double Time(Work work) {
  std::vector<double> seconds;
  for (int i = 0; i < rounds; ++i) {
    const auto start = Clock::now();
    work();
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  return Median(std::move(seconds));
}

// Keeps a result, and with it the work, from being optimised away.
void Use(std::uint64_t value) {
  [[maybe_unused]] static volatile std::uint64_t sink;
  sink = value;
}

// What the machine gives: bytes a second in order, seconds a load whose address another gave.
struct Machine {
  double bandwidth = 0;
  double latency = 0;
};

Machine Measure() {
  constexpr std::size_t kWords = std::size_t{256} << 17U;  // 256 MiB
  std::vector<std::uint64_t> words(kWords, 1);
  const double in_order = Time([&] { Use(std::accumulate(words.begin(), words.end(), 0ULL)); });
  constexpr std::size_t kStep = 8;
  std::vector<std::uint32_t> order((std::size_t{64} << 20U) / 64);
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(3));
  for (std::size_t i = 0; i < order.size(); ++i) {
    words[order[i] * kStep] = order[(i + 1) % order.size()] * kStep;
  }
  const double chain = Time([&] {
    std::uint64_t at = order[0] * kStep;
    for (std::size_t i = 0; i < order.size(); ++i) at = words[at];
    Use(at);
  });
  return {kWords * 8.0 / in_order, chain / static_cast<double>(order.size())};
}

struct Subject {
  std::string title;
  std::string path;
  std::vector<System> systems;      // whose owners are indexed
  std::vector<VirtAddr> addresses;  // of the first one's kernel, in random order
  double open_bytes = 0;            // a bitmap, if there is one
};

System Given(const DumpImage& dump) {
  System system;
  system.kernel.root = {ModeName::kX64, PhysAddr(dump.dtb), {}};
  for (const std::uint64_t dtb : dump.processes) {
    Process& process = system.processes.emplace_back();
    process.pid = system.processes.size();
    process.root = Root{ModeName::kX64, PhysAddr(dtb), {}};
  }
  return system;
}

Subject OfDump(std::string title, DumpImage dump) {
  const double bitmap = static_cast<double>(dump.present_pages) / 8;
  return {std::move(title), dump.path, {Given(dump)}, std::move(dump.addresses), bitmap};
}

// Addresses out of all that the kernel's root maps, each page as likely as any other.
std::vector<VirtAddr> Draw(const PhysicalMemory& memory, const Root& root) {
  std::vector<VirtAddr> pages;
  LeafSink sink;
  sink.ranges = [&](std::span<const LeafRange> ranges) {
    for (const LeafRange& range : ranges) {
      for (std::uint64_t at = 0; at < std::min<std::uint64_t>(range.Bytes(), 1U << 30U);) {
        pages.push_back(range.va + at);
        at += kPageBytes;
      }
    }
    return pages.size() < (1U << 24U);
  };
  EnumerateLeaves(AddressSpace(memory, root.Spec()), {}, sink);
  std::mt19937_64 random(5);
  std::vector<VirtAddr> addresses;
  while (!pages.empty() && addresses.size() < kAddresses) {
    addresses.push_back(pages[random() % pages.size()] + random() % kPageBytes);
  }
  return addresses;
}

std::optional<Subject> OfImage(const std::string& path) {
  const auto image = OpenImage(path, {});
  if (!image || !image->memory) return std::nullopt;
  LocateOptions options;
  options.processes = true;
  Findings findings = Locate(*image->memory, image->facts, options);
  if (findings.systems.empty()) return std::nullopt;
  auto addresses = Draw(*image->memory, findings.systems[0].kernel.root);
  return Subject{path, path, std::move(findings.systems), std::move(addresses), 0};
}

class Table {
 public:
  Table(const Machine& machine, const Subject& subject)
      : machine_(machine), subject_(subject), image_(OpenImage(subject.path, {}).value()) {}

  void Print() {
    fmt::print("\n{}\n{:<34}{:>14}{:>16}{:>14}\n", subject_.title, "", "", "bytes needed",
               "of bandwidth");
    Open();
    Walks();
    Leaves();
    Owners();
  }

 private:
  // `seconds` for `units`, of which each needs `bytes`.
  void Row(std::string_view name, std::string_view unit, double units, double seconds,
           double bytes) const {
    const double share = units * bytes / seconds / machine_.bandwidth * 100;
    fmt::print("{:<34}{:>9.1f} M/s{:>9.0f} a {:<8}{:>9.0f} %\n", name, units / seconds / 1e6, bytes,
               unit, share);
  }
  void RowOnce(std::string_view name, double seconds, double bytes) const {
    fmt::print("{:<34}{:>10.3f} ms{:>11.1f} MB{:>14.0f} %\n", name, seconds * 1e3, bytes / 1e6,
               bytes / seconds / machine_.bandwidth * 100);
  }

  AddressSpace Space() const { return {*image_.memory, subject_.systems[0].kernel.root.Spec()}; }

  void Open() const {
    const double seconds = Time([&] { Use(OpenImage(subject_.path, {})->memory->PresentBytes()); });
    RowOnce("open", seconds, subject_.open_bytes);
  }

  void Walks() const {
    const AddressSpace space = Space();
    Walker walker(space);
    const auto count = static_cast<double>(subject_.addresses.size());
    const auto single = [&] {
      std::uint64_t sum = 0;
      for (const VirtAddr va : subject_.addresses) sum += walker.Translate(va).pa.value;
      Use(sum);
    };
    // The line of the last entry; address and result of a batch come and go in order.
    Row("single walk, random", "walk", count, Time(single), kLine + 8);
    auto sorted = subject_.addresses;
    std::sort(sorted.begin(), sorted.end());
    std::vector<WalkResult> results(sorted.size());
    const auto all = [&](const std::vector<VirtAddr>& addresses, unsigned threads) {
      return Time([&] {
        if (threads == 1) {
          walker.Resolve(addresses, results);
        } else {
          ResolveParallel(space, addresses, results, threads);
        }
      });
    };
    Row("batch of 1 M, random", "address", count, all(subject_.addresses, 1), kLine + 16);
    Row("batch of 1 M, random, two threads", "address", count, all(subject_.addresses, 2),
        kLine + 16);
    std::size_t lines = 1;
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      lines += sorted[i].value >> 15U != sorted[i - 1].value >> 15U ? 1 : 0;  // eight pages a line
    }
    const double sorted_bytes = static_cast<double>(lines) * kLine / count + 16;
    Row("batch of 1 M, sorted", "address", count, all(sorted, 1), sorted_bytes);
    Row("batch of 1 M, sorted, two threads", "address", count, all(sorted, 2), sorted_bytes);
  }

  void Leaves() const {
    LeafSummary summary;
    const double seconds = Time([&] { summary = EnumerateLeaves(Space(), {}, {}); });
    const double entries = static_cast<double>(summary.tables) * 512;
    Row("leaves of the kernel's root", "entry", entries, seconds, 8);
  }

  void Owners() const {
    std::optional<OwnerIndex> index;
    for (const unsigned threads : {1U, 2U}) {
      OwnerOptions options;
      options.threads = threads;
      const double seconds = Time([&] {
        index.reset();
        index = std::move(BuildOwners(*image_.memory, subject_.systems, options)).value();
      });
      // Tables once; each piece is written as a range, read twice, and written as a word.
      const double bytes = static_cast<double>(index->tables.size()) * kPageBytes +
                           static_cast<double>(index->index.Pieces()) * (3 * sizeof(LeafRange) + 8);
      RowOnce(threads == 1 ? "reverse index of all owners" : "the same, two threads", seconds,
              bytes);
    }
    fmt::print("    {} owners, {} tables, {} pieces, {:.1f} B a frame\n", index->owners.size(),
               index->tables.size(), index->index.Pieces(),
               static_cast<double>(index->index.HeapBytes()) /
                   static_cast<double>(PagesIn(image_.memory->PresentBytes())));
    LookUp(*index);
  }

  void LookUp(const OwnerIndex& index) const {
    std::mt19937_64 random(4);
    std::vector<PhysAddr> frames;
    while (frames.size() < 1U << 17U) {
      const PhysAddr pa(random() % image_.memory->End().value);
      if (image_.memory->Contains(pa)) frames.push_back(pa);
    }
    std::uint64_t owners = 0;
    const double seconds = Time([&] {
      owners = 0;
      for (const PhysAddr pa : frames) index.index.ForEach(pa, [&](auto, VirtAddr) { ++owners; });
      Use(owners);
    });
    const double count = static_cast<double>(frames.size());
    const double block = static_cast<double>(index.index.Pieces()) /
                         (static_cast<double>(image_.memory->End().value) / kPageBytes) * 64 * 8;
    Row("owners of a random frame", "lookup", count, seconds, kLine + std::max(kLine, block));
    fmt::print("    {:.1f} owners a frame\n", static_cast<double>(owners) / count);
  }

  const Machine& machine_;
  const Subject& subject_;
  Image image_;
};

int Run() {
  const auto folder = std::filesystem::temp_directory_path() / "v2p-suite";
  std::filesystem::create_directories(folder);
  const Machine machine = Measure();
  fmt::print("machine: {:.1f} GB/s in order, {:.0f} ns a dependent load in 64 MiB; medians of {}\n",
             machine.bandwidth / 1e9, machine.latency * 1e9, rounds);
  Table(machine, OfDump("1 GiB", MakeOneGib(folder.string(), kAddresses))).Print();
  Table(machine, OfDump("8 GiB, 100 processes", MakeEightGib(folder.string(), kAddresses, 100)))
      .Print();
  std::filesystem::remove_all(folder);
  const char* const guest = std::getenv("V2P_BENCH_IMAGE");
  if (guest == nullptr) return 0;
  const auto subject = OfImage(guest);
  if (!subject) {
    fmt::print("left out: no system was found in {}\n", guest);
    return 1;
  }
  Table(machine, *subject).Print();
  return 0;
}

}  // namespace
}  // namespace v2p::bench

int main(int argc, char** argv) {
  if (argc > 1) v2p::bench::rounds = std::max(1, std::atoi(argv[1]));
  return v2p::bench::Run();
}

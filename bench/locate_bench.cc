// The search for page table roots: GiB of image a second, by detector and for the whole pass, warm
// and cold, with one thread and with two; the first answer of the tool, and all processes. Usage:
// locate_bench [GIB [ROUNDS]]; V2P_BENCH_IMAGE names a further image to scan.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "dumpfmt/format.h"
#include "locate/locator.h"
#include "locate/survey.h"
#include "median.h"
#include "support/windows_image.h"
#include "support/zstd_files.h"

namespace {

using v2p::bench::Median;

constexpr double kGib = 1U << 30U;
constexpr v2p::PhysAddr kEverywhere{~std::uint64_t{0} >> 8U};

double Seconds(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Pages of zeros, text, noise and repeated words, no two stretches of 64 MiB in the same order.
void WriteImage(const std::string& path, double gib) {
  constexpr std::size_t kTile = 64U << 20U;
  const v2p::test::Bytes tile = v2p::test::MemoryLike(kTile, 1);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  const auto put = [&](std::size_t from, std::size_t to) {
    out.write(reinterpret_cast<const char*>(tile.data()) + from,
              static_cast<std::streamsize>(to - from));
  };
  for (std::size_t i = 0; i < static_cast<std::size_t>(gib * kGib / kTile); ++i) {
    const std::size_t turn = i * 7919 % (kTile / 4096) * 4096;
    put(turn, kTile);
    put(0, turn);
  }
}

// A synthetic Windows whose root is in low memory, into a file of other memory.
void PlantWindows(const std::string& path) {
  v2p::test::WindowsRecipe recipe;
  recipe.root = 0x1AD000;
  recipe.processes = v2p::test::UsualProcesses();
  const v2p::test::WindowsImage windows = v2p::test::BuildWindows(recipe);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  for (const std::uint64_t at : windows.memory.Pages()) {
    file.seekp(static_cast<std::streamoff>(at));
    file.write(reinterpret_cast<const char*>(windows.memory.PageAt(at)), 4096);
  }
}

// Of a whole process of the tool that ends well.
double RunTool(std::vector<std::string> words) {
  words.insert(words.begin(), {V2P_BINARY, "-q"});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  const auto start = std::chrono::steady_clock::now();
  pid_t child = 0;
  int status = -1;
  if (posix_spawn(&child, argv[0], &quiet, nullptr, argv.data(), environ) == 0) {
    waitpid(child, &status, 0);
  }
  posix_spawn_file_actions_destroy(&quiet);
  if (status != 0) {
    std::fprintf(stderr, "v2p fails on the generated image\n");
    std::exit(1);
  }
  return Seconds(start);
}

void PrintTool(const std::string& path, int rounds) {
  std::vector<double> answer, processes;
  for (int i = 0; i < rounds; ++i) {
    answer.push_back(RunTool({"--dump", path, "fffff78000000014"}));
    processes.push_back(RunTool({"ps", "--dump", path}));
  }
  fmt::print("  the tool, with a Windows in it: first answer {:.1f} ms, ps {:.2f} s\n",
             Median(answer) * 1e3, Median(processes));
}

// Out of the page cache, then back in one pass in order, as read-ahead likes it.
void Evict(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  fdatasync(fd);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
}

double ReadInOrder(const std::string& path) {
  const auto start = std::chrono::steady_clock::now();
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::vector<char> buffer(256U << 10U);
  double bytes = 0;
  while (fd >= 0) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got <= 0) break;
    bytes += static_cast<double>(got);
  }
  if (fd >= 0) close(fd);
  return bytes / kGib / Seconds(start);
}

double Faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_minflt + usage.ru_majflt);
}

v2p::Image Open(const std::string& path) {
  v2p::OpenOptions options;
  auto image = v2p::OpenImage(path, options);
  if (!image || !image->memory) {
    std::fprintf(stderr, "%s does not open\n", path.c_str());
    std::exit(1);
  }
  return std::move(*image);
}

struct Rate {
  double fresh = 0;   // GiB/s with a mapping of its own: faults included
  double mapped = 0;  // GiB/s again through the same mapping
  double faults = 0;  // a GiB, of the fresh one
};

Rate Scan(const std::string& path, std::span<const v2p::Detector> detectors, unsigned threads,
          int rounds) {
  std::vector<double> fresh, mapped, faults;
  for (int i = 0; i < rounds; ++i) {
    const v2p::Image image = Open(path);
    v2p::Survey survey(*image.memory, v2p::RamOf(*image.memory, image.facts), threads);
    for (auto* times : {&fresh, &mapped}) {
      v2p::Sightings seen;
      const double before = Faults();
      const auto start = std::chrono::steady_clock::now();
      const std::uint64_t bytes = survey.Scan(detectors, v2p::PhysAddr(0), kEverywhere, seen);
      const double gib = static_cast<double>(bytes) / kGib;
      times->push_back(gib / Seconds(start));
      if (times == &fresh) faults.push_back((Faults() - before) / gib);
    }
  }
  return {Median(fresh), Median(mapped), Median(faults)};
}

void PrintRow(const std::string& path, std::string_view what,
              std::span<const v2p::Detector> detectors, int rounds) {
  const Rate one = Scan(path, detectors, 1, rounds);
  const Rate two = Scan(path, detectors, 2, rounds);
  fmt::print("  {:<20} {:8.1f} {:8.1f}   {:8.1f} {:8.1f}   {:8.0f}\n", what, one.fresh, one.mapped,
             two.fresh, two.mapped, one.faults);
}

void PrintCold(const std::string& path, int rounds) {
  std::vector<double> scan, whole, read;
  for (int i = 0; i < rounds; ++i) {
    Evict(path);
    read.push_back(ReadInOrder(path));
    for (auto [times, detectors] :
         {std::pair(&scan, v2p::RootDetectors()), std::pair(&whole, v2p::AllDetectors())}) {
      Evict(path);
      times->push_back(Scan(path, detectors, 2, 1).fresh);
    }
  }
  fmt::print("  cold: read(2) in order {:.2f} GiB/s, roots {:.2f}, all detectors {:.2f}\n",
             Median(read), Median(scan), Median(whole));
}

void Measure(const std::string& path, int rounds) {
  Evict(path);
  ReadInOrder(path);
  fmt::print("\n{} ({:.2f} GiB), GiB/s, medians of {}\n", path,
             static_cast<double>(std::filesystem::file_size(path)) / kGib, rounds);
  fmt::print("  {:<20} {:>8} {:>8}   {:>8} {:>8}   {:>8}\n", "", "1 thread", "mapped", "2",
             "mapped", "faults/GiB");
  PrintRow(path, "roots", v2p::RootDetectors(), rounds);
  PrintRow(path, "all detectors", v2p::AllDetectors(), rounds);
  for (const v2p::Detector& detector : v2p::AllDetectors()) {
    PrintRow(path, detector.name, std::span(&detector, 1), rounds);
  }
  PrintCold(path, std::min(rounds, 3));
  const v2p::Image image = Open(path);
  const auto start = std::chrono::steady_clock::now();
  const v2p::Findings findings = v2p::Locate(*image.memory, image.facts);
  fmt::print("  search: {} systems after {:.1f} ms\n", findings.systems.size(),
             Seconds(start) * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  const double gib = argc > 1 ? std::atof(argv[1]) : 8;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  const auto folder = std::filesystem::temp_directory_path() / "v2p-bench";
  std::filesystem::create_directories(folder);
  const std::string path = folder / "locate.raw";
  WriteImage(path, gib);
  Measure(path, rounds);
  PlantWindows(path);
  PrintTool(path, rounds);
  std::filesystem::remove(path);
  if (const char* image = std::getenv("V2P_BENCH_IMAGE")) Measure(image, rounds);
}

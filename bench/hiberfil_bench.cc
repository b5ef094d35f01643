// Hibernation files of 4 GiB: indexing in GB/s of file, warm and cold, and the first answer of the
// tool; in seconds that pass and of processor time. Usage: hiberfil_bench [GIB [ROUNDS]]
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "dumpfmt/format.h"
#include "median.h"
#include "support/layout.h"

namespace {

using v2p::bench::Median;

using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kTables = 0x1000;  // frames of the four page tables, and of the leaf

// Sets as Windows writes them: mostly 16 pages in a few runs, compressed to 12 to 40 KiB. Their
// bytes are noise: indexing never looks at them. The tables stand in the middle, as they are.
class Writer {
 public:
  Writer(const std::string& path, std::uint64_t bytes)
      : out_(path, std::ios::binary | std::ios::trunc), bytes_(bytes), noise_(1U << 20U) {
    for (std::byte& b : noise_) b = static_cast<std::byte>(random_());
  }

  void Write() {
    const v2p::test::Layout layout("hiberfil");
    Bytes head(8 * kPage);
    const auto put = [&](const char* field, std::uint64_t value) {
      layout.Put(head, 0, field, value);
    };
    v2p::test::PutText(head, 0, "HIBR");
    put("modern64.LengthSelf", 0x3E0);
    put("modern64.PageSize", kPage);
    put("modern64_3E0.FirstKernelRestorePage", 8);
    Put(head);
    while (at_ < bytes_ / 2) PutNoise();
    PutTables();
    while (at_ < bytes_) PutNoise();
    put("modern64_3E0.KernelPagesProcessed", pages_);
    out_.seekp(0);
    out_.write(reinterpret_cast<const char*>(head.data()),
               static_cast<std::streamsize>(head.size()));
  }

 private:
  void Put(std::span<const std::byte> bytes) {
    out_.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    at_ += bytes.size();
  }

  void PutHead(std::span<const std::array<std::uint64_t, 2>> runs, std::size_t stored) {
    Bytes head;
    v2p::test::PutLe(head, 0, 4, runs.size() | stored << 8U | std::uint64_t{8} << 28U);
    for (const auto& [first, count] : runs) {
      v2p::test::PutLe(head, head.size(), 8, first << 4U | (count - 1));
      pages_ += count;
    }
    Put(head);
  }

  void PutNoise() {
    std::vector<std::array<std::uint64_t, 2>> runs;
    for (std::uint64_t left = 16; left > 0;) {
      const std::uint64_t count = random_() % 3 == 0 ? 1 + random_() % left : left;
      runs.push_back({frame_, count});
      left -= count;
      frame_ += count + (random_() % 4 == 0 ? random_() % 64 : 1);
    }
    const std::size_t stored = 12U * 1024 + random_() % (28U * 1024);
    PutHead(runs, stored);
    Put(std::span(noise_).subspan(random_() % (noise_.size() - stored), stored));
  }

  // One 4 KiB page at virtual address 0.
  void PutTables() {
    Bytes tables(4 * kPage);
    for (std::uint64_t i = 0; i < 4; ++i) {
      v2p::test::PutLe(tables, i * kPage, 8, (kTables + i + 1) << 12U | 0x63);
    }
    const std::array<std::uint64_t, 2> run = {kTables, 4};
    PutHead(std::span(&run, 1), tables.size());
    Put(tables);
  }

  std::ofstream out_;
  std::uint64_t bytes_;
  std::mt19937_64 random_{1};
  Bytes noise_;
  std::uint64_t at_ = 0;
  std::uint64_t pages_ = 0;
  std::uint64_t frame_ = 0x100000;
};

// What other programs take from the machine is in the first, not in the second.
struct Cost {
  double wall = 0;
  double cpu = 0;
};

double Seconds(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double CpuSeconds(const rusage& usage) {
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double OwnCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return CpuSeconds(usage);
}

double Median(const std::vector<Cost>& costs, double Cost::*which) {
  std::vector<double> values;
  for (const Cost& cost : costs) values.push_back(cost.*which);
  return Median(std::move(values));
}

void DropFromCache(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  fdatasync(fd);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
}

double AnonymousMib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::strtod(line.c_str() + 8, nullptr) / 1024;
  }
  return 0;
}

v2p::Image Open(const std::string& path) {
  auto image = v2p::OpenImage(path, {});
  if (!image || !image->memory || image->facts.missing_pages != 0) {
    std::fprintf(stderr, "the generated file does not open\n");
    std::exit(1);
  }
  return std::move(*image);
}

Cost FirstAnswer(const std::string& path) {
  const std::string root = fmt::format("{:#x}", kTables << 12U);
  const std::vector<std::string> words = {V2P_BINARY, "-q",     "--dump", path, "--dtb",
                                          root,       "--mode", "x64",    "0"};
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  const auto start = std::chrono::steady_clock::now();
  pid_t child = 0;
  int status = -1;
  rusage usage{};
  if (posix_spawn(&child, argv[0], &quiet, nullptr, argv.data(), environ) == 0) {
    wait4(child, &status, 0, &usage);
  }
  posix_spawn_file_actions_destroy(&quiet);
  if (status != 0) {
    std::fprintf(stderr, "v2p does not answer\n");
    std::exit(1);
  }
  return {Seconds(start), CpuSeconds(usage)};
}

Cost OpenCost(const std::string& path) {
  const double before = OwnCpuSeconds();
  const auto start = std::chrono::steady_clock::now();
  Open(path);
  return {Seconds(start), OwnCpuSeconds() - before};
}

void PrintIndex(const char* name, const std::vector<Cost>& costs, double bytes, double sets) {
  const double wall = Median(costs, &Cost::wall);
  const double cpu = Median(costs, &Cost::cpu);
  fmt::print("{}    {:6.1f} GB/s {:10.0f} sets/s; of processor time {:6.1f} GB/s\n", name,
             bytes / 1e9 / wall, sets / wall, bytes / 1e9 / cpu);
}

}  // namespace

int main(int argc, char** argv) {
  const double gib = argc > 1 ? std::atof(argv[1]) : 4;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 9;
  const auto folder = std::filesystem::temp_directory_path() / "v2p-bench";
  std::filesystem::create_directories(folder);
  const std::string path = folder / "hiberfil.sys";
  Writer(path, static_cast<std::uint64_t>(gib * (1U << 30U))).Write();
  const double bytes = static_cast<double>(std::filesystem::file_size(path));
  std::vector<Cost> warm;
  std::vector<Cost> cold;
  std::vector<Cost> answer;
  for (int i = 0; i < rounds; ++i) {
    DropFromCache(path);
    cold.push_back(OpenCost(path));
    warm.push_back(OpenCost(path));
    answer.push_back(FirstAnswer(path));
  }
  const double before = AnonymousMib();
  const v2p::Image image = Open(path);
  const double held = AnonymousMib() - before;
  double sets = 0;
  for (const v2p::Fact& fact : image.facts.details) {
    if (fact.key == "sets") sets = static_cast<double>(std::get<std::uint64_t>(fact.value));
  }
  const double pages = static_cast<double>(image.memory->PresentBytes() / kPage);
  fmt::print("{:.2f} GB, {:.0f} sets, {:.0f} pages, medians of {}\n", bytes / 1e9, sets, pages,
             rounds);
  PrintIndex("index, warm", warm, bytes, sets);
  PrintIndex("index, cold", cold, bytes, sets);
  fmt::print("first answer   {:6.3f} s, warm, the whole process; {:.3f} s of processor time\n",
             Median(answer, &Cost::wall), Median(answer, &Cost::cpu));
  fmt::print("opened image   {:6.1f} MiB of anonymous memory, {:.1f} bytes a page\n", held,
             held * (1U << 20U) / pages);
  std::filesystem::remove(path);
}

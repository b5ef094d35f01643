// Whole processes: v2p answering one address of a sparse 64 GiB dump, in turn with a program that
// does nothing. Prints medians of wall time and peak memory, and how far v2p stands above the
// floor. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "dump_image.h"
#include "median.h"

namespace {

using v2p::bench::Median;

struct Run {
  double wall_ms = 0;
  double peak_mib = 0;
};

Run Time(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_WRONLY, 0);
  }
  const auto start = std::chrono::steady_clock::now();
  pid_t child = 0;
  int status = -1;
  rusage usage{};
  if (posix_spawn(&child, argv[0], &quiet, nullptr, argv.data(), environ) == 0) {
    wait4(child, &status, 0, &usage);
  }
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
  posix_spawn_file_actions_destroy(&quiet);
  if (status != 0) {
    std::fprintf(stderr, "%s failed\n", argv[0]);
    std::exit(1);
  }
  return {wall.count(), static_cast<double>(usage.ru_maxrss) / 1024};
}

Run Medians(const std::vector<Run>& runs) {
  std::vector<double> wall;
  std::vector<double> peak;
  for (const Run& run : runs) {
    wall.push_back(run.wall_ms);
    peak.push_back(run.peak_mib);
  }
  return {Median(wall), Median(peak)};
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 200;
  const auto folder = std::filesystem::temp_directory_path() / "v2p-bench";
  std::filesystem::create_directories(folder);
  const auto image = v2p::bench::MakeSparse(folder.string(), 64 * 1024);
  const std::vector<std::string> v2p = {V2P_BINARY, "-q", "--dump", image.path,
                                        "0xfffff80012345678"};
  const std::vector<std::string> noop = {V2P_NOOP};
  Time(v2p);
  std::vector<Run> ours;
  std::vector<Run> floor;
  for (int i = 0; i < rounds; ++i) {  // in turn, so that a drifting machine drifts for both
    ours.push_back(Time(v2p));
    floor.push_back(Time(noop));
  }
  const Run a = Medians(ours);
  const Run b = Medians(floor);
  std::printf("%-34s %8s %10s\n", "process, median", "wall ms", "peak MiB");
  std::printf("%-34s %8.2f %10.1f\n", "v2p, one address of 64 GiB", a.wall_ms, a.peak_mib);
  std::printf("%-34s %8.2f %10.1f\n", "static program that does nothing", b.wall_ms, b.peak_mib);
  std::printf("%-34s %8.2f\n", "above the floor", a.wall_ms - b.wall_ms);
}

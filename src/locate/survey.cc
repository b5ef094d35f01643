// Showing memory to detectors: threads take windows of addresses, results are put in order.
// SPDX-License-Identifier: Apache-2.0
#include "locate/survey.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

#include "locate/page_runs.h"

namespace v2p {
namespace {

constexpr std::uint64_t kWindow = 4U << 20U;
constexpr std::size_t kWindowsAtOnce = 64;
// All detectors read a slice before the next: it stays in the second-level cache.
constexpr std::size_t kSlice = 256U << 10U;
// Where few pages pass a prefilter, a thread costs as much as this many bytes.
constexpr std::uint64_t kWorthAThread = 8U << 20U;

struct Window {
  PhysAddr begin, end;
  Sightings seen;
  std::uint64_t shown = 0;
};

// Windows that begin with present memory, up to a number.
std::vector<Window> NextWindows(const PhysicalMemory& memory, PhysAddr& from, PhysAddr end) {
  std::vector<Window> windows;
  while (windows.size() < kWindowsAtOnce) {
    const auto at = memory.FirstPresent(from, end);
    if (!at) break;
    const PhysAddr begin(at->value & ~(kPageBytes - 1));
    from = PhysAddr(std::min((at->value / kWindow + 1) * kWindow, end.value));
    windows.push_back({std::max(begin, PhysAddr(0)), from, {}, 0});
  }
  return windows;
}

class Round {
 public:
  Round(const PhysicalMemory& memory, std::span<const Detector> detectors, const RamBounds& ram,
        std::span<Window> windows)
      : memory_(memory), detectors_(detectors), ram_(ram), windows_(windows) {}

  void Run(unsigned threads) {
    std::vector<std::thread> helpers;
    try {
      while (helpers.size() + 1 < threads) helpers.emplace_back([this] { Work(); });
    } catch (const std::system_error&) {  // no more threads: those there are will do
    }
    Work();
    for (std::thread& helper : helpers) helper.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void Work() {
    try {
      PageRuns runs(memory_);
      for (std::size_t i = next_++; i < windows_.size(); i = next_++) Look(runs, windows_[i]);
    } catch (...) {  // memory ran out
      if (!failed_.exchange(true)) failure_ = std::current_exception();
    }
  }

  void Look(PageRuns& runs, Window& window) {
    runs.ForEach(window.begin, window.end, [&](const PageRun& run) {
      for (std::size_t at = 0; at < run.bytes.size(); at += kSlice) {
        const PageRun slice{run.at + at,
                            run.bytes.subspan(at, std::min(kSlice, run.bytes.size() - at))};
        for (const Detector& detector : detectors_) detector.detect(slice, ram_, window.seen);
      }
      window.shown += run.bytes.size();
    });
  }

  const PhysicalMemory& memory_;
  std::span<const Detector> detectors_;
  const RamBounds& ram_;
  std::span<Window> windows_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::exception_ptr failure_;
};

}  // namespace

RamBounds RamOf(const PhysicalMemory& memory, const ImageFacts& facts) {
  constexpr std::uint64_t kNoEnd = std::uint64_t{1} << 52U;  // what a table entry can name
  return {facts.missing_pages != 0 ? kNoEnd : memory.End().value};
}

Survey::Survey(const PhysicalMemory& memory, const RamBounds& ram, unsigned threads)
    : memory_(&memory),
      threads_(std::max(1U, threads != 0 ? threads : std::thread::hardware_concurrency())),
      ram_(ram) {}

std::uint64_t Survey::Scan(std::span<const Detector> detectors, PhysAddr begin, PhysAddr end,
                           Sightings& into) {
  std::uint64_t shown = 0;
  PhysAddr from((begin.value + (kPageBytes - 1)) & ~(kPageBytes - 1));
  end = PhysAddr(std::min(end, memory_->End()).value & ~(kPageBytes - 1));
  while (from < end) {
    auto windows = NextWindows(*memory_, from, end);
    if (windows.empty()) break;
    const std::uint64_t bytes = windows.size() * kWindow;
    const auto threads = static_cast<unsigned>(
        std::min<std::uint64_t>(threads_, std::max<std::uint64_t>(1, bytes / kWorthAThread)));
    Round(*memory_, detectors, ram_, windows).Run(threads);
    for (const Window& window : windows) {
      into.Append(window.seen);
      shown += window.shown;
    }
  }
  return shown;
}

}  // namespace v2p

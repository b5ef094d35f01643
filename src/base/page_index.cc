// Building of the page index: sorting, and frames that come more than once.
// SPDX-License-Identifier: Apache-2.0
#include "base/page_index.h"

#include <algorithm>
#include <limits>
#include <queue>

namespace v2p {
namespace {

std::uint64_t EndOf(const StoredRun& run) { return run.first + run.pages; }

bool Before(const StoredRun& a, const StoredRun& b) {
  return a.first != b.first ? a.first < b.first : a.position < b.position;
}

struct After {
  bool operator()(const StoredRun& a, const StoredRun& b) const { return Before(b, a); }
};

StoredRun Tail(const StoredRun& run, std::uint64_t from) {
  const auto cut = static_cast<std::uint32_t>(from - run.first);
  return {from, run.position + cut, run.pages - cut};
}

bool Overlaps(const std::vector<StoredRun>& sorted) {
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i].first < EndOf(sorted[i - 1])) return true;
  }
  return false;
}

// Sweeps upwards over sorted runs. Where two meet, the lower position keeps the frames; what
// sticks out of the other behind it waits for its turn.
std::vector<StoredRun> WithoutRepeats(const std::vector<StoredRun>& sorted) {
  std::priority_queue<StoredRun, std::vector<StoredRun>, After> waiting({}, sorted);
  std::vector<StoredRun> kept;
  while (!waiting.empty()) {
    const StoredRun next = waiting.top();
    waiting.pop();
    if (kept.empty() || EndOf(kept.back()) <= next.first) {
      kept.push_back(next);
      continue;
    }
    StoredRun& last = kept.back();
    if (last.position < next.position) {
      if (EndOf(next) > EndOf(last)) waiting.push(Tail(next, EndOf(last)));
      continue;
    }
    if (EndOf(last) > EndOf(next)) waiting.push(Tail(last, EndOf(next)));
    last.pages = static_cast<std::uint32_t>(next.first - last.first);
    if (last.pages == 0) kept.pop_back();
    kept.push_back(next);
  }
  return kept;
}

std::uint64_t SumOfPages(const std::vector<StoredRun>& runs) {
  std::uint64_t pages = 0;
  for (const StoredRun& run : runs) pages += run.pages;
  return pages;
}

}  // namespace

void AppendRun(std::vector<StoredRun>& runs, const StoredRun& run) {
  if (!runs.empty()) {
    StoredRun& last = runs.back();
    if (EndOf(last) == run.first && last.position + std::uint64_t{last.pages} == run.position &&
        last.pages <= std::numeric_limits<std::uint32_t>::max() - run.pages) {
      last.pages += run.pages;
      return;
    }
  }
  runs.push_back(run);
}

PageIndex::PageIndex(std::vector<StoredRun> runs) {
  std::erase_if(runs, [](const StoredRun& run) { return run.pages == 0; });
  if (!std::is_sorted(runs.begin(), runs.end(), Before)) {
    std::sort(runs.begin(), runs.end(), Before);
  }
  if (Overlaps(runs)) {
    repeated_pages_ = SumOfPages(runs);
    runs = WithoutRepeats(runs);
    repeated_pages_ -= SumOfPages(runs);
  }
  present_pages_ = SumOfPages(runs);
  Pack(runs);
  if (!keys_.empty()) BuildDirectory();
}

void PageIndex::Pack(const std::vector<StoredRun>& runs) {
  keys_.reserve(runs.size());
  positions_.reserve(runs.size());
  for (const StoredRun& run : runs) {
    for (std::uint64_t done = 0; done < run.pages; done += kMostPages) {
      const std::uint64_t pages = std::min(run.pages - done, kMostPages);
      keys_.push_back((run.first + done) << kCountBits | (pages - 1));
      positions_.push_back(run.position + static_cast<std::uint32_t>(done));
    }
  }
}

// One cell for about four runs: a byte a run, and two or three steps of bisection.
void PageIndex::BuildDirectory() {
  const std::uint64_t first = First(0);
  const std::uint64_t span = First(keys_.size() - 1) - first;
  while ((span >> directory_shift_) > keys_.size() / 4) ++directory_shift_;
  const std::size_t cells = static_cast<std::size_t>(span >> directory_shift_) + 1;
  directory_.reserve(cells + 1);
  std::size_t run = 0;
  for (std::size_t cell = 0; cell <= cells; ++cell) {
    while (run < keys_.size() && (First(run) - first) >> directory_shift_ < cell) ++run;
    directory_.push_back(static_cast<std::uint32_t>(run));
  }
}

std::optional<PhysAddr> PageIndex::FirstPresent(PhysAddr from, PhysAddr end) const {
  if (from >= end) return std::nullopt;
  if (Find(from)) return from;
  const std::size_t i = Upper(from.value >> kPageShift);
  if (i == keys_.size()) return std::nullopt;
  const PhysAddr begin = Pfn(First(i)).Base();
  return begin < end ? std::optional(begin) : std::nullopt;
}

std::size_t PageIndex::HeapBytes() const {
  return keys_.capacity() * sizeof(std::uint64_t) + positions_.capacity() * sizeof(std::uint32_t) +
         directory_.capacity() * sizeof(std::uint32_t);
}

}  // namespace v2p

// Building of the extent index.
// SPDX-License-Identifier: Apache-2.0
#include "base/run_index.h"

#include <algorithm>

namespace v2p {
namespace {

// Up to about 42 runs a plain bisection is as fast as any index (measured, doc/performance.md).
constexpr std::size_t kDirectoryFromRuns = 43;

bool Continues(const Extent& a, const Extent& b) {
  return a.End() == b.begin && a.at + a.bytes == b.at;
}

}  // namespace

RunIndex::RunIndex(std::vector<Extent> extents) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  for (const Extent& run : extents) {
    if (run.bytes == 0) continue;
    present_bytes_ += run.bytes;
    if (!runs_.empty() && Continues(runs_.back(), run)) {
      runs_.back().bytes += run.bytes;
    } else {
      runs_.push_back(run);
    }
  }
  runs_.shrink_to_fit();
  starts_.reserve(runs_.size());
  for (const Extent& run : runs_) starts_.push_back(run.begin.value);
  if (runs_.size() >= kDirectoryFromRuns) BuildDirectory();
}

std::optional<std::size_t> RunIndex::FirstOverlap(const std::vector<Extent>& sorted) {
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i].begin.value - sorted[i - 1].begin.value < sorted[i - 1].bytes) return i;
  }
  return std::nullopt;
}

void RunIndex::BuildDirectory() {
  const std::uint64_t span = starts_.back() - starts_.front();
  directory_shift_ = kPageShift;
  while ((span >> directory_shift_) >= 2 * starts_.size()) ++directory_shift_;
  const std::size_t cells = static_cast<std::size_t>(span >> directory_shift_) + 1;
  directory_.reserve(cells + 1);
  std::size_t run = 0;
  for (std::size_t cell = 0; cell <= cells; ++cell) {
    while (run < starts_.size() && ((starts_[run] - starts_[0]) >> directory_shift_) < cell) ++run;
    directory_.push_back(static_cast<std::uint32_t>(run));
  }
}

std::size_t RunIndex::HeapBytes() const {
  return runs_.capacity() * sizeof(Extent) + starts_.capacity() * sizeof(std::uint64_t) +
         directory_.capacity() * sizeof(std::uint32_t);
}

}  // namespace v2p

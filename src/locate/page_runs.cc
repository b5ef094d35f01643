// Whole pages of memory, from the mapping where there is one.
// SPDX-License-Identifier: Apache-2.0
#include "locate/page_runs.h"

#include <algorithm>

namespace v2p {
namespace {

// Of a file this far apart in a window, nothing is announced: it is not read in order.
constexpr std::uint64_t kMostAnnounced = 64U << 20U;

PhysAddr PageDown(PhysAddr pa) { return PhysAddr(pa.value & ~(kPageBytes - 1)); }

}  // namespace

PageRuns::PageRuns(const PhysicalMemory& memory)
    : memory_(memory), mapped_(memory.Source().Mapped()) {
  if (mapped_.empty()) copy_.resize(kCopyBytes);
}

// The window of the file that holds these addresses, when they lie together.
void PageRuns::Announce(PhysAddr begin, PhysAddr end) const {
  if (mapped_.empty()) return;
  const auto first = memory_.FirstPresent(begin, end);
  const auto from = first ? memory_.Find(*first) : std::nullopt;
  const auto to = memory_.Find(end - 1);
  if (!from) return;
  const std::uint64_t last = to ? to->at.value : from->at.value + (end - *first);
  if (last < from->at.value || last - from->at.value > kMostAnnounced) return;
  memory_.Source().WillScan(from->at.value, last - from->at.value + 1);
}

// How many bytes from `at` stand one after the other in the source.
std::uint64_t PageRuns::Stretch(PhysAddr at, std::uint64_t most) const {
  const auto begin = memory_.Find(at);
  if (!begin) return 0;
  std::uint64_t bytes = begin->bytes;
  while (bytes < most) {
    const auto next = memory_.Find(at + bytes);
    if (!next || next->at.value != begin->at.value + bytes) break;
    bytes += next->bytes;
  }
  return std::min(bytes, most);
}

std::optional<PageRun> PageRuns::Copy(PhysAddr at, std::uint64_t bytes) {
  copy_.resize(std::max<std::size_t>(copy_.size(), kPageBytes));
  const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, copy_.size()));
  const auto out = std::span(copy_).first(want & ~(kPageBytes - 1));
  const std::size_t whole = memory_.Read(at, out) & ~(kPageBytes - 1);
  if (whole != 0) return PageRun{at, out.first(whole)};
  const auto page = out.first(kPageBytes);  // a damaged block further on fails a long read
  if (out.size() == kPageBytes || memory_.Read(at, page) != kPageBytes) return std::nullopt;
  return PageRun{at, page};
}

std::optional<PageRun> PageRuns::Next(PhysAddr begin, PhysAddr end) {
  while (const auto first = memory_.FirstPresent(begin, end)) {
    const PhysAddr at = PageDown(*first + (kPageBytes - 1));
    if (at >= end) break;
    const std::uint64_t whole = Stretch(at, end - at) & ~(kPageBytes - 1);
    if (!mapped_.empty() && whole != 0) {
      return PageRun{at, mapped_.subspan(memory_.Find(at)->at.value, whole)};
    }
    // A page may be whole though its pieces stand apart.
    if (auto run = Copy(at, mapped_.empty() ? end - at : kPageBytes)) return run;
    begin = at + kPageBytes;
  }
  return std::nullopt;
}

}  // namespace v2p

// Showing memory to detectors.
// SPDX-License-Identifier: Apache-2.0
#include "locate/survey.h"

#include <algorithm>
#include <vector>

namespace v2p {

Survey::Survey(const PhysicalMemory& memory, unsigned threads)
    : memory_(&memory), threads_(threads), ram_{memory.End().value} {}

std::uint64_t Survey::Scan(std::span<const Detector> detectors, PhysAddr begin, PhysAddr end,
                           Sightings& into) {
  std::uint64_t shown = 0;
  std::vector<std::byte> page(kPageBytes);
  memory_->ForEachExtent([&](const Extent& extent) {
    (void)threads_;
    const std::uint64_t from =
        std::max<std::uint64_t>((extent.begin.value + 0xFFF) & ~0xFFFULL, begin.value);
    const std::uint64_t to =
        std::min<std::uint64_t>((extent.begin.value + extent.bytes) & ~0xFFFULL, end.value);
    for (std::uint64_t at = from; at < to; at += kPageBytes) {
      if (memory_->Read(PhysAddr(at), page) != page.size()) continue;
      for (const Detector& detector : detectors) detector.detect({PhysAddr(at), page}, ram_, into);
      shown += kPageBytes;
    }
  });
  return shown;
}

}  // namespace v2p

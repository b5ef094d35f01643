// PAE roots of Linux in slabs: 32 bytes each, anywhere in a page.
// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"
#include "locate/detectors.h"
#include "locate/linux_pages.h"

namespace v2p {

// The first line of a page is the root detector's.
void DetectLinuxPaePointers(const PageRun& run, const RamBounds& ram, Sightings& out) {
  constexpr std::size_t kLineBytes = 64;
  for (std::size_t i = 0; i < run.Pages(); ++i) {
    const auto page = run.Page(i);
    for (std::size_t at = kLineBytes; at < kPageBytes; at += linux_x86::kPaePointersBytes) {
      const std::byte* quad = page.data() + at;
      if (!linux_x86::IsPaePointers(quad, ram)) continue;
      out.Add({SightingKind::kLinuxPaePointers, ModeName::kPae, 3, run.PageAt(i) + at,
               LoadLe<std::uint64_t>(quad + 24)});
    }
  }
}

}  // namespace v2p

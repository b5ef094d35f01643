// KUSER_SHARED_DATA by its content: two cache lines a page.
// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"
#include "locate/detectors.h"
#include "locate/shared_data.h"

namespace v2p {
namespace {

// ":\" in UTF-16 behind the drive letter of NtSystemRoot.
constexpr std::size_t kColonAt = 0x32;
constexpr std::uint32_t kColonBackslash = 0x005C'003A;

}  // namespace

void DetectUserSharedData(const PageRun& run, const RamBounds& /*ram*/, Sightings& out) {
  for (std::size_t i = 0; i < run.Pages(); ++i) {
    const auto page = run.Page(i);
    if (LoadLe<std::uint32_t>(page.data() + kColonAt) != kColonBackslash) continue;
    if (const auto data = ParseSharedData(page)) {
      out.Add({SightingKind::kUserSharedData, ModeName::kX64, 0, run.PageAt(i), data->build});
    }
  }
}

}  // namespace v2p

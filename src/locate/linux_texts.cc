// What says "Linux" in plain text: VMCOREINFO and the banner; and PAE roots in slabs.
// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "base/bytes.h"
#include "locate/byte_search.h"
#include "locate/detectors.h"
#include "locate/linux_pages.h"

namespace v2p {
namespace {

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// kernel/crash_core.c writes the release first; an ELF note has its name before it.
constexpr std::string_view kRelease = "OSRELEASE=";
constexpr std::string_view kNoteName = "VMCOREINFO";
constexpr std::size_t kNoteHead = 24;                   // three words and the name, padded
constexpr std::string_view kBanner = "Linux version ";  // init/version.c, linux_banner

bool IsVmcoreinfo(std::string_view text) {
  return text.find("\nPAGESIZE=") != std::string_view::npos &&
         text.find("\nSYMBOL(swapper_pg_dir)=") != std::string_view::npos;
}

void SeeVmcoreinfo(std::string_view page, std::size_t at, PhysAddr page_at, Sightings& out) {
  if (!IsVmcoreinfo(page.substr(at))) return;
  constexpr std::size_t kNameField = 12;
  const bool in_note =
      at >= kNameField && page.substr(at - kNameField, kNoteName.size()) == kNoteName;
  out.Add({SightingKind::kVmcoreinfo, ModeName::kX64, 0, page_at + at, in_note ? 1U : 0U});
}

void SeeBanner(std::string_view page, std::size_t at, PhysAddr page_at, Sightings& out) {
  const std::size_t digit = at + kBanner.size();
  if (digit >= page.size() || page[digit] < '0' || page[digit] > '9') return;
  out.Add({SightingKind::kLinuxBanner, ModeName::kX64, 0, page_at + at, 0});
}

// The first line of the page is the root detector's.
void SeePaePointers(std::span<const std::byte> page, PhysAddr at, const RamBounds& ram,
                    Sightings& out) {
  for (std::size_t i = 64; i < page.size(); i += linux_x86::kPaePointersBytes) {
    const std::byte* quad = page.data() + i;
    if (!linux_x86::IsPaePointers(quad, ram)) continue;
    out.Add({SightingKind::kLinuxPaePointers, ModeName::kPae, 3, at + i,
             LoadLe<std::uint64_t>(quad + 24)});
  }
}

}  // namespace

void DetectVmcoreinfoPage(std::span<const std::byte> page, PhysAddr at, Sightings& out) {
  for (const std::size_t start : {std::size_t{0}, kNoteHead}) {
    if (HasText(page, start, kRelease)) SeeVmcoreinfo(Text(page), start, at, out);
  }
}

void DetectLinuxTexts(const PageRun& run, const RamBounds& ram, Sightings& out) {
  ForEachInPages(run, kRelease, [&](std::size_t page, std::size_t at) {
    if (at == 0 || at == kNoteHead) return;
    SeeVmcoreinfo(Text(run.Page(page)), at, run.PageAt(page), out);
  });
  ForEachInPages(run, kBanner, [&](std::size_t page, std::size_t at) {
    SeeBanner(Text(run.Page(page)), at, run.PageAt(page), out);
  });
  for (std::size_t i = 0; i < run.Pages(); ++i) {
    SeePaePointers(run.Page(i), run.PageAt(i), ram, out);
  }
}

}  // namespace v2p

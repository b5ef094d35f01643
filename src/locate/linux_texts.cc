// What says "Linux" in plain text: VMCOREINFO and the banner.
// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "base/bytes.h"
#include "locate/linux_pages.h"
#include "locate/marked_content.h"

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

void Look(const MarkedPlace& place, Sightings& out) {
  if (!HasText(place.page, place.at, kRelease)) return;
  const std::string_view page = Text(place.page);
  if (!IsVmcoreinfo(page.substr(place.at))) return;
  constexpr std::size_t kNameField = 12;
  const bool in_note =
      place.at >= kNameField && page.substr(place.at - kNameField, kNoteName.size()) == kNoteName;
  out.Add(
      {SightingKind::kVmcoreinfo, ModeName::kX64, 0, place.page_at + place.at, in_note ? 1U : 0U});
}

}  // namespace

// Starts of pages are the root detector's.
void SeeVmcoreinfo(const MarkedPlace& place, Sightings& out) {
  if (place.at != 0 && place.at != kNoteHead) Look(place, out);
}

void SeeLinuxBanner(const MarkedPlace& place, Sightings& out) {
  if (!HasText(place.page, place.at, kBanner)) return;
  const std::string_view page = Text(place.page);
  const std::size_t digit = place.at + kBanner.size();
  if (digit >= page.size() || page[digit] < '0' || page[digit] > '9') return;
  out.Add({SightingKind::kLinuxBanner, ModeName::kX64, 0, place.page_at + place.at, 0});
}

void DetectVmcoreinfoPage(std::span<const std::byte> page, PhysAddr at, Sightings& out) {
  for (const std::size_t start : {std::size_t{0}, kNoteHead}) Look({page, at, start}, out);
}

}  // namespace v2p

// Searches in a kernel image.
// SPDX-License-Identifier: Apache-2.0
#include "locate/linux_memory.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace v2p {
namespace {

constexpr std::string_view kBanner = "Linux version ";  // init/version.c, linux_banner
constexpr std::size_t kMostBannerBytes = 512;

bool Printable(char c) { return c >= ' ' && c != 0x7F; }

// The text at `at`, if it goes on as a banner does: a version number, then to the end of a line.
std::optional<std::string> BannerAt(const PhysicalMemory& memory, PhysAddr at) {
  std::string text(kMostBannerBytes, '\0');
  text.resize(memory.Read(at, std::as_writable_bytes(std::span(text.data(), text.size()))));
  if (text.size() <= kBanner.size()) return std::nullopt;
  const char digit = text[kBanner.size()];
  if (digit < '0' || digit > '9') return std::nullopt;
  const auto end = std::find_if_not(text.begin(), text.end(), Printable);
  if (end == text.end() || (*end != '\n' && *end != '\0')) return std::nullopt;
  text.erase(end, text.end());
  return text;
}

// Bytes of the banner's beginning that may hang over from one page into the next are not looked
// for: a banner there is still found by its copy in the log or not at all.
template <class See>
void ForEachBanner(std::span<const std::byte> page, See see) {
  const std::byte* from = page.data();
  const std::byte* const end = page.data() + page.size();
  while (from < end) {
    const void* hit =
        memmem(from, static_cast<std::size_t>(end - from), kBanner.data(), kBanner.size());
    if (hit == nullptr) return;
    from = static_cast<const std::byte*>(hit);
    if (!see(static_cast<std::uint64_t>(from - page.data()))) return;
    ++from;
  }
}

template <class Pointer>
bool HoldsPointer(std::span<const std::byte> page, Pointer wanted) {
  bool found = false;
  for (std::size_t i = 0; i + sizeof(Pointer) <= page.size(); i += sizeof(Pointer)) {
    found |= LoadLe<Pointer>(page.data() + i) == wanted;
  }
  return found;
}

}  // namespace

std::optional<Table64> ReadTable64(const PhysicalMemory& memory, PhysAddr at) {
  Table64 table;
  const auto bytes = std::as_writable_bytes(std::span(table));
  if (memory.Read(at, bytes) != bytes.size()) return std::nullopt;
  return table;
}

bool VisitPages(const PhysicalMemory& memory, PhysAddr begin, std::uint64_t bytes,
                const std::function<bool(PhysAddr, std::span<const std::byte>)>& visit) {
  bool all = true;
  for (std::uint64_t at = 0; at < bytes; at += kPageBytes) {
    const PhysAddr page = begin + at;
    const FrameView view = memory.Frame(Pfn(page));
    if (view.begin != 0 || view.end != kPageBytes) {
      all = false;
      continue;
    }
    if (!visit(page, std::span(view.data, kPageBytes))) return all;
  }
  return all;
}

LinuxBanner FindLinuxBanner(const PhysicalMemory& memory, const LinuxLayout& layout) {
  LinuxBanner banner;
  const auto see_page = [&](PhysAddr at, std::span<const std::byte> page) {
    ForEachBanner(page, [&](std::uint64_t offset) {
      const auto text = BannerAt(memory, at + offset);
      if (!text) return true;
      banner = {Search::kFound, at + offset, *text};
      return false;
    });
    return banner.search != Search::kFound;
  };
  const bool all = VisitPages(memory, layout.image_at, layout.image_bytes, see_page);
  if (all && banner.search != Search::kFound) banner.search = Search::kMissing;
  return banner;
}

std::string ReleaseOf(const std::string& banner) {
  if (banner.size() < kBanner.size()) return {};
  return banner.substr(kBanner.size(), banner.find(' ', kBanner.size()) - kBanner.size());
}

Search FindRootReference(const PhysicalMemory& memory, const LinuxLayout& layout, PhysAddr root) {
  const std::uint64_t wanted = layout.Image(root).value;
  bool found = false;
  const bool all = VisitPages(
      memory, layout.image_at, layout.image_bytes, [&](PhysAddr, std::span<const std::byte> page) {
        found = layout.PointerBytes() == 8
                    ? HoldsPointer<std::uint64_t>(page, wanted)
                    : HoldsPointer<std::uint32_t>(page, static_cast<std::uint32_t>(wanted));
        return !found;
      });
  if (found) return Search::kFound;
  return all ? Search::kMissing : Search::kUnknown;
}

}  // namespace v2p

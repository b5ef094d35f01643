// Looking through the pages of a kernel image in physical memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/physical_memory.h"
#include "locate/linux_layout.h"

namespace v2p {

/// A page of 64-bit entries, in order.
using Table64 = std::array<std::uint64_t, 512>;
std::optional<Table64> ReadTable64(const PhysicalMemory& memory, PhysAddr at);

/// Shows every page of [begin, begin + bytes) that the image holds whole, until `visit` returns
/// false. Returns whether all pages were there.
bool VisitPages(const PhysicalMemory& memory, PhysAddr begin, std::uint64_t bytes,
                const std::function<bool(PhysAddr, std::span<const std::byte>)>& visit);

/// Whether something was looked for and found; kUnknown when pages it may be in are absent.
enum class Search : std::uint8_t { kFound, kMissing, kUnknown };

struct LinuxBanner {
  Search search = Search::kUnknown;
  PhysAddr at;
  std::string text;  ///< "Linux version ..." to the end of the line, raw bytes
};

/// The banner in the image of `layout`.
LinuxBanner FindLinuxBanner(const PhysicalMemory& memory, const LinuxLayout& layout);

/// The release in a banner: its third word.
std::string ReleaseOf(const std::string& banner);

/// Whether some pointer in the image holds the image's address of `root`: init_mm.pgd does.
Search FindRootReference(const PhysicalMemory& memory, const LinuxLayout& layout, PhysAddr root);

}  // namespace v2p

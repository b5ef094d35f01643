// Pages that have the shape of a Linux kernel's root tables, judged by a line or two of each.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "locate/detectors.h"
#include "locate/linux_pages.h"

namespace v2p {
namespace {

constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kLineEntries = 8;

std::uint64_t EntryAt(const std::byte* page, std::size_t i) {
  return LoadLe<std::uint64_t>(page + i * sizeof(std::uint64_t));
}

const std::byte* LineAt(const std::byte* page, std::size_t first_entry) {
  return page + first_entry * sizeof(std::uint64_t);
}

// Linux Documentation/x86/x86_64/mm.rst: of the last eight entries of a root 508 holds the CPU
// entry areas, 509 the LDT remap of some kernels, 510 espfix and 511 the kernel image; the four
// before are a hole. A five-level root and its p4d have 511 alone.
bool LooksLikeTop64(const std::byte* page, const RamBounds& ram) {
  if (!linux_x86::IsTable(EntryAt(page, 511), ram)) return false;
  const std::uint64_t hole =
      EntryAt(page, 504) | EntryAt(page, 505) | EntryAt(page, 506) | EntryAt(page, 507);
  if (hole != 0) return false;
  for (std::size_t i = 508; i < 511; ++i) {
    const std::uint64_t entry = EntryAt(page, i);
    if (entry != 0 && !linux_x86::IsTable(entry, ram)) return false;
  }
  return true;
}

bool AllZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

void DetectTop64(std::span<const std::byte> page, PhysAddr at, const RamBounds& ram,
                 Sightings& out) {
  if (!LooksLikeTop64(page.data(), ram)) return;
  out.Add({SightingKind::kLinuxTop64, ModeName::kX64, 511, at, EntryAt(page.data(), 511)});
  // head_64.S, level3_kernel_pgt: the kernel image and the fixmap, nothing else.
  const std::uint64_t text = EntryAt(page.data(), 510);
  if (linux_x86::IsTable(text, ram) && AllZero(page.first(510 * sizeof(std::uint64_t)))) {
    out.Add({SightingKind::kLinuxKernelText, ModeName::kX64, 510, at, text});
  }
}

// head_32.S, swapper_pg_dir: a page of its own whose first entries are the four of PAE. Those of
// processes come from a slab and can be anywhere: they are found by content.
void DetectPaePointers(std::span<const std::byte> page, PhysAddr at, const RamBounds& ram,
                       Sightings& out) {
  for (std::size_t i = 0; i < kLineBytes; i += linux_x86::kPaePointersBytes) {
    const std::byte* quad = page.data() + i;
    if (!linux_x86::IsPaePointers(quad, ram)) continue;
    out.Add({SightingKind::kLinuxPaePointers, ModeName::kPae, 3, at + i, EntryAt(quad, 3)});
  }
}

// The direct map of a 32-bit kernel without PAE is made of 4 MiB pages: the line of the directory
// in which it begins holds frames 0, 1, 2, ... but where the kernel's text was split.
bool LooksLikeDirectMap(const std::byte* line) {
  constexpr unsigned kEntries = kLineBytes / sizeof(std::uint32_t);
  constexpr unsigned kEnough = 4;
  unsigned linear = 0;
  for (unsigned i = 2; i < kEntries; ++i) {
    const auto entry = LoadLe<std::uint32_t>(line + i * sizeof(std::uint32_t));
    if ((entry & 1U) == 0) return false;
    linear += (entry & linux_x86::kLarge) != 0 && entry >> 22U == i ? 1U : 0U;
  }
  return linear >= kEnough;
}

// Fixmaps end at the top of the address space (arch/x86/include/asm/fixmap.h): the last entry of
// every directory is a table. Its line has been read already.
bool HasFixmap(std::span<const std::byte> page) {
  constexpr std::size_t kLast = 0x3FF * sizeof(std::uint32_t);
  return (LoadLe<std::uint32_t>(page.data() + kLast) & (linux_x86::kLarge | 3)) == 3;
}

void DetectDirectory(std::span<const std::byte> page, PhysAddr at, Sightings& out) {
  if (!HasFixmap(page)) return;
  for (const std::uint32_t split : linux_x86::kSplits) {
    const std::size_t slot = split >> 22U;
    const std::byte* line = page.data() + slot * sizeof(std::uint32_t);
    if (!LooksLikeDirectMap(line)) continue;
    out.Add({SightingKind::kLinuxDirectory, ModeName::kX86, static_cast<std::uint16_t>(slot), at,
             LoadLe<std::uint32_t>(line + 2 * sizeof(std::uint32_t))});
    return;
  }
}

// A root on ARM64 has at least a table in its last 16 entries (fixmap and vmemmap since Linux 5.4,
// the stack of a process) or in those before the middle (before 5.4), and few in all.
bool LooksLikeArm64Line(const std::byte* line, const RamBounds& ram, bool& any) {
  for (std::size_t i = 0; i < kLineEntries; ++i) {
    const std::uint64_t entry = EntryAt(line, i);
    if (entry == 0) continue;
    if (!linux_arm64::IsTable(entry, ram)) return false;
    any = true;
  }
  return true;
}

std::optional<std::size_t> Arm64Entries(const std::byte* page, const RamBounds& ram) {
  constexpr std::size_t kMostEntries = 128;
  std::size_t count = 0;
  for (std::size_t i = 0; i < 512; ++i) {
    const std::uint64_t entry = EntryAt(page, i);
    if (entry == 0) continue;
    if (!linux_arm64::IsTable(entry, ram) || ++count > kMostEntries) return std::nullopt;
  }
  return count;
}

void DetectArm64Root(std::span<const std::byte> page, PhysAddr at, const RamBounds& ram,
                     Sightings& out) {
  const std::byte* p = page.data();
  bool any = false;
  if (!LooksLikeArm64Line(LineAt(p, 504), ram, any) ||
      !LooksLikeArm64Line(LineAt(p, 496), ram, any)) {
    return;
  }
  if (!any && !LooksLikeArm64Line(LineAt(p, 248), ram, any)) return;
  if (!any) return;
  const auto count = Arm64Entries(p, ram);
  if (!count) return;
  out.Add({SightingKind::kLinuxArm64Root, ModeName::kArm64, 0, at, *count});
}

}  // namespace

void DetectLinuxRoots(const PageRun& run, const RamBounds& ram, Sightings& out) {
  for (std::size_t i = 0; i < run.Pages(); ++i) {
    const auto page = run.Page(i);
    const PhysAddr at = run.PageAt(i);
    DetectTop64(page, at, ram, out);
    DetectArm64Root(page, at, ram, out);
    DetectDirectory(page, at, out);
    DetectPaePointers(page, at, ram, out);
    DetectVmcoreinfoPage(page, at, out);
  }
}

}  // namespace v2p

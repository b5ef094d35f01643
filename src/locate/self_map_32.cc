// Roots of 32-bit Windows: page directories that name themselves, with PAE and without.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "locate/detectors.h"
#include "locate/self_map.h"

namespace v2p {
namespace {

constexpr std::uint64_t kPresentWritable = 3;
constexpr std::uint64_t kLarge = 0x80;

// PAE (Intel SDM vol. 3, 4.4): the directory of the top GiB holds all four directories in its first
// entries, which maps the tables at 0xC0000000 (WinDbg, !pte on PAE systems). Bits [62:52] are
// reserved.
constexpr std::uint64_t kPaeFrame = 0x000F'FFFF'FFFF'F000;
constexpr std::uint64_t kPaeReserved = 0x7FF0'0000'0000'0000;
constexpr unsigned kTopDirectory = 3;

// Without PAE the directory maps itself at 0xC0000000 and 0xC0300000: entry 0x300.
constexpr std::size_t kSelfSlot = 0x300;
constexpr std::size_t kTopSlot = 0x3FF;  // KUSER_SHARED_DATA at 0xFFDF0000, the KPCR of old systems
constexpr std::uint32_t kX86Frame = 0xFFFF'F000;

bool IsPaeTable(std::uint64_t entry, const RamBounds& ram) {
  return (entry & (kPaeReserved | kLarge | kPresentWritable)) == kPresentWritable &&
         ram.MayHoldTable(PhysAddr(entry & kPaeFrame));
}

// The fourth entry is this page; the three before are directories of their own. The rest of a
// directory is anything, but a leaf table of a linear map goes on counting.
bool IsTopDirectory(std::span<const std::byte> page, PhysAddr pa, const RamBounds& ram) {
  const std::uint64_t self = Entry64(page, kTopDirectory);
  if ((self & kPaeFrame) != pa.value || !IsPaeTable(self, ram)) return false;
  for (unsigned i = 0; i < kTopDirectory; ++i) {
    const std::uint64_t entry = Entry64(page, i);
    if (!IsPaeTable(entry, ram)) return false;
    for (unsigned j = i + 1; j <= kTopDirectory; ++j) {
      if ((entry & kPaeFrame) == (Entry64(page, j) & kPaeFrame)) return false;
    }
  }
  unsigned linear = 0;
  for (unsigned k = 1; k <= 4; ++k) {
    linear += (Entry64(page, kTopDirectory + k) & kPaeFrame) == pa.value + k * kPageBytes ? 1 : 0;
  }
  return linear < 3;
}

// The PDPT that a loader leaves behind: four directories in the pages that follow, nothing else
// (MemProcFS vmmwininit.c, memflow-win32 start_block).
bool IsBootPointers(std::span<const std::byte> page, PhysAddr pa) {
  for (unsigned i = 0; i < 4; ++i) {
    if (Entry64(page, i) != ((pa + (i + 1) * kPageBytes).value | 1U)) return false;
  }
  return std::all_of(page.begin() + 32, page.end(), [](std::byte b) { return b == std::byte{0}; });
}

bool IsX86Directory(std::span<const std::byte> page, PhysAddr pa) {
  const std::uint32_t self = Entry32(page, kSelfSlot);
  if ((self & (kX86Frame | kLarge | kPresentWritable)) != (pa.value | kPresentWritable))
    return false;
  if ((Entry32(page, kTopSlot) & 1U) == 0) return false;
  if (Pfn(pa).value % 1024 != kSelfSlot) return true;
  unsigned linear = 0;
  for (std::uint32_t k = 1; k <= 4; ++k) {
    const auto bytes = static_cast<std::uint32_t>(k * kPageBytes);
    const auto at = static_cast<std::uint32_t>(pa.value);
    linear += (Entry32(page, kSelfSlot + k) & kX86Frame) == at + bytes ? 1 : 0;
    linear += (Entry32(page, kSelfSlot - k) & kX86Frame) == at - bytes ? 1 : 0;
  }
  return linear < 3;
}

}  // namespace

void DetectSelfMap32(const PageRun& run, const RamBounds& ram, Sightings& out) {
  for (std::size_t i = 0; i < run.Pages(); ++i) {
    const auto page = run.Page(i);
    const PhysAddr pa = run.PageAt(i);
    if (IsTopDirectory(page, pa, ram)) {
      out.Add({SightingKind::kPaeDirectory, ModeName::kPae, kTopDirectory, pa,
               Entry64(page, kTopDirectory)});
    }
    if (Entry64(page, 0) == ((pa + kPageBytes).value | 1U) && IsBootPointers(page, pa)) {
      out.Add({SightingKind::kPaePointers, ModeName::kPae, 0, pa, Entry64(page, 3)});
    }
    if (pa.value <= kX86Frame && IsX86Directory(page, pa)) {
      out.Add(
          {SightingKind::kX86Directory, ModeName::kX86, kSelfSlot, pa, Entry32(page, kSelfSlot)});
    }
  }
}

}  // namespace v2p

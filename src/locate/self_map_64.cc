// Roots of 64-bit Windows: PML4, PML5 and ARM64 level 0 tables with a self entry.
// SPDX-License-Identifier: Apache-2.0
#include "locate/detectors.h"
#include "locate/self_map.h"

namespace v2p {
namespace {

constexpr std::size_t kEntries = 512;
constexpr unsigned kFirstKernelSlot = 256;
constexpr unsigned kTopSlot = 0x1FF;
constexpr unsigned kMostBadEntries =
    2;  // smear of a live acquisition; MemProcFS tolerates some too

// Intel SDM vol. 3, 4.5: frame in [51:12]; present, writable, not a large page. Bits above 51 are
// protection keys and software's: Windows uses them.
constexpr std::uint64_t kFrameX64 = 0x000F'FFFF'FFFF'F000;
constexpr std::uint64_t kPresentWritable = 3;
constexpr std::uint64_t kLarge = 0x80;

// Arm ARM D8.3: a table has 0b11 in [1:0], the frame in [47:12]. Windows reads it as a page too:
// AF is set, AP is "EL1, read-write", PXN and UXN are set (LeechCore and MemProcFS, mm_arm64.c).
// Bit 5 (NS) occurs.
constexpr std::uint64_t kFrameArm64 = 0x0000'FFFF'FFFF'F000;
constexpr std::uint64_t kAccessFlag = 1U << 10U;
constexpr std::uint64_t kAccessRights = 0xC0;
constexpr std::uint64_t kNeverExecute = 0x0060'0000'0000'0000;

std::uint64_t Frame(std::uint64_t entry, ModeName mode) {
  return entry & (mode == ModeName::kArm64 ? kFrameArm64 : kFrameX64);
}

bool IsTable(std::uint64_t entry, ModeName mode) {
  if ((entry & kPresentWritable) != kPresentWritable) return false;
  return mode == ModeName::kArm64 || (entry & kLarge) == 0;
}

bool NamesPage(std::uint64_t entry, PhysAddr pa, ModeName mode) {
  if (!IsTable(entry, mode) || Frame(entry, mode) != pa.value) return false;
  if (mode != ModeName::kArm64) return true;
  return (entry & kAccessFlag) != 0 && (entry & kAccessRights) == 0 &&
         (entry & kNeverExecute) == kNeverExecute;
}

// A leaf table of a direct or identity map covers itself at slot pfn % 512, among neighbours that
// count up. A real root has few such neighbours by chance; the false ones seen had four to eight.
bool IsLinearMap(std::span<const std::byte> page, PhysAddr pa, unsigned slot, ModeName mode) {
  const std::uint64_t pfn = Pfn(pa).value;
  if (slot != pfn % kEntries) return false;
  unsigned linear = 0;
  for (int k = -4; k <= 4; ++k) {
    const int other = static_cast<int>(slot) + k;
    if (k == 0 || other < 0 || other >= static_cast<int>(kEntries)) continue;
    const std::uint64_t expected = (pfn + static_cast<std::uint64_t>(std::int64_t{k}))
                                   << kPageShift;
    const std::uint64_t entry = Entry64(page, static_cast<std::size_t>(other));
    if ((entry & 1U) != 0 && Frame(entry, mode) == expected) ++linear;
  }
  return linear >= 3;
}

// Large or impossible entries have no place in a root.
bool IsClean(std::span<const std::byte> page, const RamBounds& ram, ModeName mode) {
  unsigned bad = 0;
  for (std::size_t i = 0; i < kEntries && bad <= kMostBadEntries; ++i) {
    const std::uint64_t entry = Entry64(page, i);
    if ((entry & 1U) == 0) continue;
    const bool large = mode == ModeName::kArm64 ? (entry & 2U) == 0 : (entry & kLarge) != 0;
    if (large || !ram.MayHoldTable(PhysAddr(Frame(entry, mode)))) ++bad;
  }
  return bad <= kMostBadEntries;
}

bool IsTableInRam(std::uint64_t entry, const RamBounds& ram) {
  // The masks of x64 and ARM64 differ above bit 47, where no frame is.
  return IsTable(entry, ModeName::kX64) && ram.MayHoldTable(PhysAddr(Frame(entry, ModeName::kX64)));
}

bool Report(const PageRun& run, std::size_t i, const RamBounds& ram, ModeName mode,
            SightingKind kind, Sightings& out) {
  const auto self = FindSelfEntry(run.Page(i), run.PageAt(i), mode);
  if (!self || self->slot == kSharedDataSlot || self->slot == kKernelSlot) return false;
  if (!IsClean(run.Page(i), ram, mode)) return false;
  out.Add({kind, mode, static_cast<std::uint16_t>(self->slot), run.PageAt(i), self->value});
  return true;
}

}  // namespace

std::optional<SelfEntry> FindSelfEntry(std::span<const std::byte> page, PhysAddr pa,
                                       ModeName mode) {
  std::optional<SelfEntry> found;
  for (unsigned slot = kFirstKernelSlot; slot < kEntries; ++slot) {
    const std::uint64_t entry = Entry64(page, slot);
    if (!NamesPage(entry, pa, mode)) continue;
    if (found) return std::nullopt;
    found = SelfEntry{slot, entry};
  }
  if (found && IsLinearMap(page, pa, found->slot, mode)) return std::nullopt;
  return found;
}

// Two cache lines a page: a kernel's root has tables in both slots, a user-mode shadow only that
// of the kernel's image, for its entry points. A PML5 has its one kernel table in the top slot
// instead.
void DetectSelfMap64(const PageRun& run, const RamBounds& ram, Sightings& out) {
  for (std::size_t i = 0; i < run.Pages(); ++i) {
    const auto page = run.Page(i);
    const std::uint64_t shared_data = Entry64(page, kSharedDataSlot);
    const std::uint64_t kernel = Entry64(page, kKernelSlot);
    if ((shared_data & kernel & kPresentWritable) == kPresentWritable) {
      if (!IsTableInRam(shared_data, ram) || !IsTableInRam(kernel, ram)) continue;
      // ARM64's form asks for more: what has it is hardly x64's.
      if (Report(run, i, ram, ModeName::kArm64, SightingKind::kSelfMap64, out)) continue;
      Report(run, i, ram, ModeName::kX64, SightingKind::kSelfMap64, out);
      continue;
    }
    if ((shared_data & 1U) == 0 && IsTableInRam(kernel, ram) &&
        Report(run, i, ram, ModeName::kX64, SightingKind::kUserShadow64, out)) {
      continue;
    }
    if (IsTableInRam(Entry64(page, kTopSlot), ram)) {
      Report(run, i, ram, ModeName::kX64La57, SightingKind::kSelfMapLa57, out);
    }
  }
}

}  // namespace v2p

// Where ntoskrnl may begin: below addresses known to be inside, else wherever tables map a page in
// the range that kernels are loaded to.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <unordered_set>

#include "locate/kernel_image.h"
#include "locate/windows_space.h"
#include "translate/paging_mode.h"

namespace v2p {
namespace {

// A kernel is less than 32 MiB; between its headers and a hint, pages may be gone (MemProcFS
// vmmwininit.c).
constexpr std::uint64_t kMostBelow = 32U << 20U;
// Bounds the work on hostile tables: 8 GiB of 4 KiB pages in the range, and far more images than
// there are drivers.
constexpr std::uint64_t kMostPages = 2U << 20U;
constexpr std::uint64_t kMostTables = 1U << 14U;
constexpr std::uint64_t kMostImages = 1U << 11U;
constexpr std::uint16_t kImageMagic = 0x5A4D;  // "MZ"

class Search {
 public:
  Search(VirtualReader& reader, unsigned slot)
      : reader_(reader), slot_(slot), space_(SpaceOf(reader.TheRoot().mode)) {}

  KernelSearch Below(VirtAddr hint) {
    VirtAddr at(hint.value & ~(kPageBytes - 1));
    const std::uint64_t lowest =
        std::max(space_.kernel_low.value, at.value > kMostBelow ? at.value - kMostBelow : 0);
    for (; at.value >= lowest; at = at - kPageBytes) {
      if (Try(at)) return Result();
    }
    return Result();
  }

  KernelSearch Everywhere() {
    if (space_.pointer_bytes == 4) {
      for (VirtAddr at = space_.kernel_low; at < space_.kernel_high; at = at + kPageBytes) {
        if (Try(at)) break;
      }
    } else {
      Table(space_.kernel_low, 39);
    }
    return Result();
  }

 private:
  KernelSearch Result() const { return {image_, incomplete_}; }

  bool Try(VirtAddr at) {
    const auto found = reader_.Find(at);
    if (found.reach == Reach::kNotInImage) incomplete_ = true;
    return found.reach == Reach::kReached && TryPage(at, found.pa);
  }

  // `pa` is where the page at `at` seems to be. Most pages begin no image: a look at two bytes
  // tells, without a walk.
  bool TryPage(VirtAddr at, PhysAddr pa) {
    std::array<std::byte, 2> magic;
    if (reader_.Memory().Read(pa, magic) != magic.size()) {
      incomplete_ = true;
      return false;
    }
    if (LoadLe<std::uint16_t>(magic.data()) != kImageMagic) return false;
    if (++images_ <= kMostImages) image_ = KernelImageAt(reader_, at);
    return image_.has_value();
  }

  // Where the self map shows the table whose entries span 2^(shift - 9) bytes each from `base`.
  VirtAddr TableAt(VirtAddr base, unsigned shift) const {
    const bool five = reader_.TheRoot().mode == ModeName::kX64La57;
    const unsigned top = five ? 48 : 39;
    const std::uint64_t bits = (std::uint64_t{1} << (top + 9)) - 1;
    std::uint64_t va = base.value & bits & ~((std::uint64_t{1} << shift) - 1);
    for (unsigned level = shift; level > 12; level -= 9) {
      va = va >> 9U | std::uint64_t{slot_} << top;
    }
    return VirtAddr((va & bits & ~(kPageBytes - 1)) | ~bits);
  }

  // Visits what the table at level `shift` (39: the one that kernel_low's root entry names) maps.
  // True when the kernel was found or the search has cost enough.
  bool Table(VirtAddr base, unsigned shift) {
    std::array<std::byte, kPageBytes> table;
    const auto found = reader_.Find(TableAt(base, shift));
    if (found.reach == Reach::kNotInImage) incomplete_ = true;
    if (found.reach != Reach::kReached || !IsNew(found.pa, shift)) return false;
    if (reader_.Memory().Read(found.pa, table) != table.size()) {
      incomplete_ = true;
      return false;
    }
    if (++tables_ > kMostTables) return true;
    const PagingLevel& level = LevelOf(shift - 9);
    for (std::uint64_t i = 0; i < 512; ++i) {
      const auto entry = LoadLe<std::uint64_t>(table.data() + i * 8);
      if ((entry & kEntryPresent) == 0) continue;
      const VirtAddr at = base + (i << level.shift);
      if (level.shift == kPageShift) {
        if (++pages_ > kMostPages || TryPage(at, PhysAddr(entry & level.frame_mask))) return true;
      } else if (Mode(reader_.TheRoot().mode).IsLarge(entry)) {
        if (LargePage(at, level, entry)) return true;
      } else if (Table(at, level.shift)) {
        return true;
      }
    }
    return false;
  }

  // No kernel names a table or a large page twice in this range; hostile ones do so without end.
  bool IsNew(PhysAddr pa, unsigned shift) { return known_.insert(pa.value | shift).second; }

  const PagingLevel& LevelOf(unsigned shift) const {
    const auto levels = Mode(reader_.TheRoot().mode).Levels();
    return *std::find_if(levels.begin(), levels.end(),
                         [&](const PagingLevel& level) { return level.shift == shift; });
  }

  // Kernels up to Windows 7 begin anywhere in a 2 MiB page; none is in a larger one.
  bool LargePage(VirtAddr at, const PagingLevel& level, std::uint64_t entry) {
    if (level.shift > 21) return false;
    const PhysAddr pa(level.LargePage(entry));
    if (!IsNew(pa, level.shift)) return false;
    if (!reader_.Memory().FirstPresent(pa, pa + level.PageBytes())) {
      incomplete_ = true;
      return false;
    }
    for (std::uint64_t offset = 0; offset < level.PageBytes(); offset += kPageBytes) {
      if (++pages_ > kMostPages || TryPage(at + offset, pa + offset)) return true;
    }
    return false;
  }

  VirtualReader& reader_;
  unsigned slot_;
  const WindowsSpace& space_;
  std::optional<KernelImage> image_;
  bool incomplete_ = false;
  std::uint64_t tables_ = 0;
  std::uint64_t pages_ = 0;
  std::uint64_t images_ = 0;
  std::unordered_set<std::uint64_t> known_;
};

}  // namespace

KernelSearch FindKernelImage(VirtualReader& reader, unsigned slot,
                             std::span<const VirtAddr> hints) {
  for (const VirtAddr hint : hints) {
    const WindowsSpace& space = SpaceOf(reader.TheRoot().mode);
    if (hint < space.kernel_low || hint > space.kernel_high) continue;
    if (auto found = Search(reader, slot).Below(hint); found.image) return found;
  }
  return Search(reader, slot).Everywhere();
}

}  // namespace v2p

// Where ntoskrnl may begin: below addresses known to be inside, else wherever tables map a page in
// the range that kernels are loaded to.
// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "locate/kernel_image.h"
#include "locate/windows_space.h"
#include "translate/paging_mode.h"

namespace v2p {
namespace {

// A kernel is less than 32 MiB; between its headers and a hint, pages may be gone (MemProcFS
// vmmwininit.c).
constexpr std::uint64_t kMostBelow = 32U << 20U;
// Bounds the work on hostile tables: 16 GiB of 4 KiB pages in the range.
constexpr std::uint64_t kMostPages = 4U << 20U;
constexpr std::uint64_t kMostTables = 1U << 15U;

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
    if (found.reach != Reach::kReached) return false;
    image_ = KernelImageAt(reader_, at);
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
    const Reach reach = reader_.Read(TableAt(base, shift), table);
    if (reach == Reach::kNotInImage) incomplete_ = true;
    if (reach != Reach::kReached) return false;
    if (++tables_ > kMostTables) return true;
    const unsigned entry_shift = shift - 9;
    for (std::uint64_t i = 0; i < 512; ++i) {
      const auto entry = LoadLe<std::uint64_t>(table.data() + i * 8);
      if ((entry & kEntryPresent) == 0) continue;
      const VirtAddr at = base + (i << entry_shift);
      if (entry_shift == 12 || Mode(reader_.TheRoot().mode).IsLarge(entry)) {
        if (Pages(at, entry_shift)) return true;
      } else if (Table(at, entry_shift)) {
        return true;
      }
    }
    return false;
  }

  // Kernels up to Windows 7 begin anywhere in a 2 MiB page; none is in a larger one.
  bool Pages(VirtAddr at, unsigned shift) {
    if (shift > 21) return false;
    for (const VirtAddr end = at + (std::uint64_t{1} << shift); at < end; at = at + kPageBytes) {
      if (++pages_ > kMostPages || Try(at)) return true;
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

// Fixed addresses of Windows, and what a root page tells by itself.
// SPDX-License-Identifier: Apache-2.0
#include "locate/windows_space.h"

#include <array>

#include "base/bytes.h"
#include "locate/self_map.h"
#include "translate/paging_mode.h"

namespace v2p {
namespace {

// ntddk.h, KI_USER_SHARED_DATA; the range of the kernel image as MemProcFS vmmwininit.c searches
// it; KPROCESS.DirectoryTableBase in the symbols of every build.
constexpr WindowsSpace kSpace64 = {
    .shared_data = VirtAddr(0xFFFF'F780'0000'0000),
    .kernel_low = VirtAddr(0xFFFF'F800'0000'0000),
    .kernel_high = VirtAddr(0xFFFF'F87F'FFFF'FFFF),
    .system_low = VirtAddr(0xFFFF'8000'0000'0000),
    .process_root = 0x28,
    .machine = 0x8664,
};
constexpr WindowsSpace kSpaceArm64 = [] {
  WindowsSpace space = kSpace64;
  space.machine = 0xAA64;
  return space;
}();
constexpr WindowsSpace kSpace32 = {
    .shared_data = VirtAddr(0xFFDF'0000),
    .kernel_low = VirtAddr(0x8000'0000),
    .kernel_high = VirtAddr(0x8FFF'FFFF),
    .system_low = VirtAddr(0x8000'0000),
    .process_root = 0x18,
    .machine = 0x014C,
    .pointer_bytes = 4,
};

constexpr std::uint64_t kFrame = 0x000F'FFFF'FFFF'F000;
constexpr unsigned kX86SelfSlot = 0x300;
constexpr unsigned kPaeTop = 3;

using Page = std::array<std::byte, kPageBytes>;

bool ReadPage(const PhysicalMemory& memory, PhysAddr at, Page& page) {
  return memory.Read(at, page) == page.size();
}

unsigned CountPresent(const Page& page, std::size_t entries, std::size_t width) {
  unsigned present = 0;
  for (std::size_t i = 0; i < entries; ++i) {
    present += std::to_integer<unsigned>(page[i * width] & std::byte{1});
  }
  return present;
}

// Two frames as one number: the tables of KUSER_SHARED_DATA and of the kernel image.
std::uint64_t KernelHalf(const Page& pml4) {
  const std::uint64_t a = Entry64(pml4, kSharedDataSlot) & kFrame;
  const std::uint64_t b = Entry64(pml4, kKernelSlot) & kFrame;
  return a * 0x9E37'79B9'7F4A'7C15U + b;
}

WindowsRootPage Look64(const PhysicalMemory& memory, const Root& root) {
  WindowsRootPage result;
  Page page;
  if (!ReadPage(memory, root.table, page)) return result;
  const auto self = FindSelfEntry(page, root.table, root.mode);
  result.shape = self ? RootShape::kSelfMap : RootShape::kNoSelfMap;
  if (!self) return result;
  result.slot = self->slot;
  result.user_entries = CountPresent(page, 256, 8);
  if (root.mode == ModeName::kX64La57) {
    const std::uint64_t top = Entry64(page, 0x1FF);
    if ((top & 1U) == 0 || !ReadPage(memory, PhysAddr(top & kFrame), page)) return result;
  }
  result.kernel_half = KernelHalf(page);
  result.has_shared_data = (Entry64(page, kSharedDataSlot) & 1U) != 0;
  return result;
}

// The four directories of a PDPT; nothing when it is absent or one of them is missing.
std::optional<std::array<PhysAddr, 4>> Directories(const PhysicalMemory& memory, PhysAddr pdpt) {
  std::array<std::byte, 32> raw;
  if (memory.Read(pdpt, raw) != raw.size()) return std::nullopt;
  std::array<PhysAddr, 4> tables;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const auto entry = LoadLe<std::uint64_t>(raw.data() + 8 * i);
    if ((entry & 1U) == 0) tables[i] = PhysAddr();
    if ((entry & 1U) != 0) tables[i] = PhysAddr(entry & kFrame);
  }
  return tables;
}

WindowsRootPage LookPae(const PhysicalMemory& memory, const Root& root) {
  WindowsRootPage result;
  const auto tables = Directories(memory, root.table);
  Page top;
  if (!tables) return result;
  result.shape = RootShape::kNoSelfMap;
  for (const PhysAddr table : *tables) {
    if (table == PhysAddr()) return result;
  }
  if (!ReadPage(memory, (*tables)[kPaeTop], top)) {
    result.shape = RootShape::kAbsent;
    return result;
  }
  for (std::size_t i = 0; i < tables->size(); ++i) {
    const std::uint64_t entry = Entry64(top, i);
    if ((entry & 1U) == 0 || (entry & kFrame) != (*tables)[i].value) return result;
  }
  result.shape = RootShape::kSelfMap;
  result.slot = kPaeTop;
  result.kernel_half = Entry64(top, 0x1FF) & kFrame;
  result.has_shared_data = true;
  Page low;
  for (unsigned i = 0; i < 2; ++i) {
    if (ReadPage(memory, (*tables)[i], low)) result.user_entries += CountPresent(low, 512, 8);
  }
  return result;
}

WindowsRootPage LookX86(const PhysicalMemory& memory, const Root& root) {
  WindowsRootPage result;
  Page page;
  if (!ReadPage(memory, root.table, page)) return result;
  result.shape = RootShape::kNoSelfMap;
  const auto self = Entry32(page, kX86SelfSlot);
  if ((self & 0xFFFF'F083U) != (root.table.value | 3U)) return result;
  result.shape = RootShape::kSelfMap;
  result.slot = kX86SelfSlot;
  result.kernel_half = Entry32(page, 0x3FF) & 0xFFFF'F000U;
  result.has_shared_data = true;
  result.user_entries = CountPresent(page, 512, 4);
  return result;
}

std::uint64_t Repeat(std::uint64_t slot, std::initializer_list<unsigned> shifts) {
  std::uint64_t va = 0;
  for (const unsigned shift : shifts) va |= slot << shift;
  return va;
}

}  // namespace

const WindowsSpace& SpaceOf(ModeName mode) {
  if (mode == ModeName::kArm64) return kSpaceArm64;
  return Mode(mode).va_bits == 32 ? kSpace32 : kSpace64;
}

PhysAddr MaskRoot(std::uint64_t value, ModeName mode) {
  return PhysAddr(value & Mode(mode).root_mask);
}

WindowsRootPage LookAtRoot(const PhysicalMemory& memory, const Root& root) {
  if (root.mode == ModeName::kPae) return LookPae(memory, root);
  if (root.mode == ModeName::kX86) return LookX86(memory, root);
  return Look64(memory, root);
}

std::optional<RoundTrip> SelfMapRoundTrip(const PhysicalMemory& memory, const Root& root,
                                          unsigned slot) {
  switch (root.mode) {
    case ModeName::kX86:
      return RoundTrip{VirtAddr(0xC030'0000), root.table};
    case ModeName::kPae: {
      const auto tables = Directories(memory, root.table);
      if (!tables) return std::nullopt;
      return RoundTrip{VirtAddr(0xC060'0000), (*tables)[0]};
    }
    case ModeName::kX64La57:
      return RoundTrip{VirtAddr(Repeat(slot, {48, 39, 30, 21, 12}) | 0xFE00'0000'0000'0000),
                       root.table};
    case ModeName::kX64:
    case ModeName::kArm64:
      break;
  }
  return RoundTrip{VirtAddr(Repeat(slot, {39, 30, 21, 12}) | 0xFFFF'0000'0000'0000), root.table};
}

}  // namespace v2p

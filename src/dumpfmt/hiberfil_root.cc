// Self entries of x64 and PAE roots.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_root.h"

#include <array>
#include <cstddef>

#include "base/bytes.h"

namespace v2p::hiberfil {
namespace {

// Intel SDM volume 3, 4.4 and 4.5: the frame of an entry, and its present bit.
constexpr std::uint64_t kFrame = 0x000F'FFFF'FFFF'F000;
constexpr std::uint64_t kPresent = 1;

std::uint64_t Entry(std::span<const std::byte> table, std::size_t i) {
  return LoadLe<std::uint64_t>(table.data() + i * 8);
}

bool Leads(std::uint64_t entry, std::uint64_t to) {
  return (entry & kPresent) != 0 && (entry & kFrame) == to;
}

// Since Windows 10 1607 the entry has no fixed place, but it is in the upper half.
bool HasSelfEntry64(const PhysicalMemory& memory, std::uint64_t root) {
  std::array<std::byte, kPageBytes> table;
  if (memory.Read(PhysAddr(root), table) != table.size()) return false;
  for (std::size_t i = 256; i < 512; ++i) {
    if (Leads(Entry(table, i), root)) return true;
  }
  return false;
}

// The tables are at 0xC0000000: the last of the four page directories begins with all four.
bool HasSelfEntryPae(const PhysicalMemory& memory, std::uint64_t root) {
  std::array<std::byte, 32> pointers;
  std::array<std::byte, 32> directory;
  if (memory.Read(PhysAddr(root), pointers) != pointers.size()) return false;
  if (memory.Read(PhysAddr(Entry(pointers, 3) & kFrame), directory) != directory.size()) {
    return false;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint64_t pointer = Entry(pointers, i);
    if ((pointer & kPresent) == 0 || !Leads(Entry(directory, i), pointer & kFrame)) return false;
  }
  return true;
}

}  // namespace

bool HasSelfEntry(const PhysicalMemory& memory, const CpuFacts& cpu) {
  if (cpu.mode == ModeName::kPae) {
    return HasSelfEntryPae(memory, *cpu.cr3 & ~std::uint64_t{0x1F});
  }
  return cpu.mode != ModeName::kX86 && HasSelfEntry64(memory, *cpu.cr3 & kFrame);
}

}  // namespace v2p::hiberfil

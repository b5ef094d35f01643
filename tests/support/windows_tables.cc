// Roots of Windows. Self maps: WinDbg's !pte; where things are: Windows Internals, "Virtual address
// space layouts", and the images named in the locator's documents.
// SPDX-License-Identifier: Apache-2.0
#include "support/windows_tables.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kFrame = 0x0000'FFFF'FFFF'F000;
constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63;
constexpr unsigned kX86SelfSlot = 0x300;
constexpr std::uint64_t kPaeTop = 0xC000'0000;

// A slot of the kernel half that nothing else uses.
std::uint64_t PoolSlot(std::mt19937_64& random, unsigned slot) {
  for (;;) {
    const std::uint64_t candidate = 0x100 + random() % 0xE0;
    if (candidate != slot) return candidate;
  }
}

}  // namespace

WindowsPlaces PlacesOf(ModeName mode, unsigned build, unsigned slot, bool large_kernel,
                       std::uint64_t seed) {
  std::mt19937_64 random(seed ^ 0x91ACE5);
  WindowsPlaces places{};
  const bool is_new = build >= 10240;
  if (mode == ModeName::kX86 || mode == ModeName::kPae) {
    places.shared_data = 0xFFDF'0000;
    places.kernel_base = build < 6000 ? 0x804D'7000 : 0x8280'0000 + random() % 0x200 * 0x1000;
    if (large_kernel) places.kernel_base = 0x8280'0000;
    places.pool = 0x8500'0000 + random() % 0x400 * 0x10000;
    places.processor = build < 6000 ? 0xFFDF'F000 : 0x807C'8000;
    places.peb = 0x7000'0000;
    return places;
  }
  places.shared_data = 0xFFFF'F780'0000'0000;
  places.kernel_base = 0xFFFF'F800'0000'0000;
  places.kernel_base += is_new ? random() % 0x3'F000 << 21 : 0x0260'0000;
  if (!is_new && !large_kernel) places.kernel_base += random() % 0x200 * 0x1000;
  places.processor = places.kernel_base + 0x1000'0000;
  places.pool =
      is_new ? 0xFFFF'0000'0000'0000 | PoolSlot(random, slot) << 39 : 0xFFFF'FA80'0000'0000;
  places.pool += random() % 0x8000 * 0x10'0000;
  places.peb = 0x0000'00A0'1C00'0000 + random() % 0x1000 * 0x1'0000;
  return places;
}

void AddSelfMap(GuestTables& tables, unsigned slot) {
  switch (tables.TheMode()) {
    case ModeName::kX86:
      return tables.PutEntry(tables.Root(), kX86SelfSlot,
                             tables.EntryOfTable(tables.Root(), false));
    case ModeName::kPae: {
      const std::uint64_t top = tables.TableOnTheWay(kPaeTop, 1);
      for (std::uint64_t i = 0; i < 4; ++i) {
        const std::uint64_t directory = tables.Entry(tables.Root(), i) & kFrame;
        tables.PutEntry(top, i, tables.EntryOfTable(directory, false));
      }
      return;
    }
    default:
      tables.PutEntry(tables.Root(), slot, tables.EntryOfTable(tables.Root(), false));
  }
}

void ShareKernelHalf(GuestTables& system, GuestTables& process, unsigned slot) {
  const auto copy = [&](std::uint64_t from, std::uint64_t to, std::uint64_t first,
                        std::uint64_t last) {
    for (std::uint64_t i = first; i <= last; ++i) process.PutEntry(to, i, system.Entry(from, i));
  };
  if (system.TheMode() == ModeName::kPae) {
    for (const std::uint64_t va : {std::uint64_t{0x8000'0000}, kPaeTop}) {
      copy(system.TableOnTheWay(va, 1), process.TableOnTheWay(va, 1), 0, 511);
    }
  } else if (system.TheMode() == ModeName::kX86) {
    copy(system.Root(), process.Root(), 0x200, 0x3FF);
  } else {
    copy(system.Root(), process.Root(), 0x100, 0x1FF);
  }
  AddSelfMap(process, slot);
}

void ShareUserHalf(GuestTables& process, GuestTables& shadow) {
  for (std::uint64_t i = 0; i < 256; ++i) {
    const std::uint64_t entry = process.Entry(process.Root(), i);
    shadow.PutEntry(shadow.Root(), i, entry);
    if (entry != 0) process.PutEntry(process.Root(), i, entry | kNoExecute);
  }
}

void AddDirectories(SparseMemory& memory, FrameSource& frames, std::uint64_t root,
                    bool behind_the_root) {
  for (std::uint64_t i = 0; i < 4; ++i) {
    const std::uint64_t directory = behind_the_root ? root + (i + 1) * kGuestPage : frames.Take();
    frames.Reserve(directory);
    memory.AddPage(directory);
    memory.Put64(root + 8 * i, GuestTables::EntryOfDirectory(directory));
  }
}

}  // namespace v2p::test

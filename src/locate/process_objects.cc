// EPROCESS by a signature that needs no offset table: KPROCESS begins in all builds, 32-bit and
// 64-bit, with a DISPATCHER_HEADER, the always empty ProfileListHead and DirectoryTableBase (public
// symbols of ntoskrnl, Windows XP to 11).
// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"
#include "locate/detectors.h"
#include "locate/list_search.h"

namespace v2p {
namespace {

constexpr std::uint8_t kProcessType = 3;  // wdm.h, KOBJECTS: ProcessObject
constexpr std::size_t kSignalStateAt = 0x04;
constexpr std::size_t kWaitListAt = 0x08;
// Flags beside the type are small numbers; the third byte was a size in dwords until 19041.
constexpr std::uint8_t kMostFlags = 0x3F;

struct Form {
  std::size_t align;
  std::size_t list;     // ProfileListHead
  std::size_t root;     // DirectoryTableBase
  std::size_t pointer;  // bytes
  std::uint64_t kernel_low;
  std::uint64_t no_root_bits;  // that no DirectoryTableBase has
  SightingKind kind;
  ModeName mode;
};

constexpr Form kForm64 = {16,
                          0x18,
                          0x28,
                          8,
                          0xFFFF'8000'0000'0000,
                          0xFFF0'0000'0000'0000,
                          SightingKind::kProcessObject64,
                          ModeName::kX64};
constexpr Form kForm32 = {
    8, 0x10, 0x18, 4, 0x8000'0000, 0x1F, SightingKind::kProcessObject32, ModeName::kX86};

std::uint64_t Load(const Form& form, const std::byte* p) {
  return form.pointer == 8 ? LoadLe<std::uint64_t>(p) : LoadLe<std::uint32_t>(p);
}

bool IsHeader(const Form& form, const std::byte* p) {
  if (LoadLe<std::uint8_t>(p) != kProcessType) return false;
  if (LoadLe<std::uint8_t>(p + 1) > kMostFlags || LoadLe<std::uint8_t>(p + 3) > kMostFlags) {
    return false;
  }
  if (LoadLe<std::uint32_t>(p + kSignalStateAt) > 1) return false;
  return Load(form, p + kWaitListAt) >= form.kernel_low &&
         Load(form, p + kWaitListAt + form.pointer) >= form.kernel_low;
}

bool IsRoot(const Form& form, std::uint64_t value, const RamBounds& ram) {
  constexpr std::uint64_t kFlags = 0xFFF;  // PCID
  if ((value & form.no_root_bits) != 0) return false;
  return ram.MayHoldTable(PhysAddr(form.pointer == 8 ? value & ~kFlags : value));
}

// `list` is where an empty list stands in the page.
void Look(const Form& form, std::span<const std::byte> page, PhysAddr pa, std::size_t list,
          const RamBounds& ram, Sightings& out) {
  if (list < form.list || (list - form.list) % form.align != 0) return;
  const std::size_t at = list - form.list;
  if (at + form.root + form.pointer > page.size()) return;
  const std::byte* p = page.data() + at;
  const std::uint64_t head = Load(form, p + form.list);
  if (head < form.kernel_low || !IsHeader(form, p)) return;
  if (!IsRoot(form, Load(form, p + form.root), ram)) return;
  out.Add({form.kind, form.mode, 0, pa + at, head - form.list});
}

}  // namespace

void DetectProcessObjects(const PageRun& run, const RamBounds& ram, Sightings& out) {
  ForEachEmptyList64(run, [&](std::size_t page, std::size_t at) {
    Look(kForm64, run.Page(page), run.PageAt(page), at, ram, out);
  });
  ForEachEmptyList32(run, [&](std::size_t page, std::size_t at) {
    Look(kForm32, run.Page(page), run.PageAt(page), at, ram, out);
  });
}

}  // namespace v2p

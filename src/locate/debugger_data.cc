// KDDEBUGGER_DATA64 by its tag: plain in crash dumps and wherever a debugger is attached, encoded
// otherwise. Offsets: wdbgexts.h, DBGKD_DEBUG_DATA_HEADER64 and KDDEBUGGER_DATA64.
// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"
#include "locate/marked_content.h"

namespace v2p {
namespace {

constexpr std::size_t kTagAt = 0x10;
constexpr std::size_t kSizeAt = 0x14;
constexpr std::size_t kKernBaseAt = 0x18;
constexpr std::size_t kHeadBytes = 0x20;
constexpr std::uint32_t kLeast = 0x200, kMost = 0x400;  // Windows 2000: 0x208, 10: 0x380

// Half of the 64-bit space, or the upper half of the 32-bit one with its sign or without.
bool IsKernelPage(std::uint64_t va) {
  if (va % kPageBytes != 0) return false;
  return va >= 0xFFFF'8000'0000'0000 || (va >= 0x8000'0000 && va < 0x1'0000'0000);
}

}  // namespace

void SeeDebuggerData(const MarkedPlace& place, Sightings& out) {
  const auto page = place.page;
  if (place.at < kTagAt) return;
  const std::size_t at = place.at - kTagAt;
  if (at + kHeadBytes > page.size()) return;
  const auto size = LoadLe<std::uint32_t>(page.data() + at + kSizeAt);
  const auto base = LoadLe<std::uint64_t>(page.data() + at + kKernBaseAt);
  if (size < kLeast || size > kMost || size % 8 != 0 || !IsKernelPage(base)) return;
  out.Add({SightingKind::kDebuggerData, ModeName::kX64, 0, place.page_at + at, base});
}

}  // namespace v2p

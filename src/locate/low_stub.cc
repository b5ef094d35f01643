// PROCESSOR_START_BLOCK in low memory. Offsets: WinObjEx64 (hfiref0x) and MemProcFS vmmwininit.c;
// the three descriptors of the GDT are those of any long-mode trampoline.
// SPDX-License-Identifier: Apache-2.0
#include "locate/low_stub.h"

#include "base/bytes.h"
#include "locate/detectors.h"

namespace v2p {
namespace {

constexpr std::uint64_t kFirstPage = 0x1000;
constexpr std::uint64_t kLastPage = 0x9F000;

constexpr std::byte kNearJump{0xE9};
constexpr std::size_t kCode64At = 0x28, kData32At = 0x38, kCode32At = 0x48;
constexpr std::uint64_t kCode64 = 0x0020'9B00'0000'0000;
constexpr std::uint64_t kData32 = 0x00CF'9300'0000'FFFF;
constexpr std::uint64_t kCode32 = 0x00CF'9B00'0000'FFFF;
constexpr std::size_t kTargetAt = 0x70;
constexpr std::size_t kSelfMapAt = 0x78;
constexpr std::size_t kCr3At = 0xA0;
constexpr std::size_t kCr4At = 0xA8;
constexpr std::uint64_t kKernelTarget = 0xFFFF'F800'0000'0000;
constexpr std::uint64_t kKernelTargetMask = 0xFFFF'F800'0000'0003;
constexpr std::uint64_t kCr3Mask = 0x000F'FFFF'FFFF'F000;

}  // namespace

std::optional<LowStub> ParseLowStub(std::span<const std::byte> page, PhysAddr at) {
  if (at.value < kFirstPage || at.value > kLastPage) return std::nullopt;
  if (page[0] != kNearJump || page[3] != std::byte{0}) return std::nullopt;
  const auto u64 = [&](std::size_t offset) { return LoadLe<std::uint64_t>(page.data() + offset); };
  const bool descriptors =
      u64(kCode64At) == kCode64 && u64(kData32At) == kData32 && u64(kCode32At) == kCode32;
  // The block is 0x600 bytes and a little; other sizes count only with the right descriptors.
  if (!descriptors && page[2] != std::byte{6}) return std::nullopt;
  if ((u64(kTargetAt) & kKernelTargetMask) != kKernelTarget) return std::nullopt;
  const std::uint64_t cr3 = u64(kCr3At);
  if (cr3 == 0 || (cr3 & ~kCr3Mask) != 0) return std::nullopt;
  return LowStub{cr3, u64(kCr4At), VirtAddr(u64(kTargetAt)), VirtAddr(u64(kSelfMapAt))};
}

void DetectLowStub(const PageRun& run, const RamBounds& ram, Sightings& out) {
  if (run.at.value > kLastPage) return;
  for (std::size_t i = 0; i < run.Pages(); ++i) {
    const auto stub = ParseLowStub(run.Page(i), run.PageAt(i));
    if (!stub || !ram.MayHoldTable(PhysAddr(stub->cr3))) continue;
    out.Add({SightingKind::kLowStub, ModeName::kX64, 0, run.PageAt(i), stub->cr3});
  }
}

}  // namespace v2p

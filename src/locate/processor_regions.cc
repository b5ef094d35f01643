// KPCR by its pointers to itself and to the KPRCB inside it. Offsets: symbols of ntoskrnl, _KPCR
// (x64: Self 0x18, CurrentPrcb 0x20, Prcb 0x180; x86: SelfPcr 0x1C, Prcb 0x20, PrcbData 0x120), as
// Volatility's kpcrscan uses them.
// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"
#include "locate/detectors.h"

namespace v2p {
namespace {

constexpr std::size_t kSelf64At = 0x18, kPrcb64At = 0x20;
constexpr std::uint64_t kPrcbIn64 = 0x180;
constexpr std::size_t kSelf32At = 0x1C, kPrcb32At = 0x20;
constexpr std::uint32_t kPrcbIn32 = 0x120;
constexpr std::size_t kStep = 64;  // both are aligned to a cache line at least
constexpr std::uint64_t kKernel64 = 0xFFFF'8000'0000'0000;
constexpr std::uint32_t kKernel32 = 0x8000'0000;

}  // namespace

void DetectProcessorRegions(const PageRun& run, const RamBounds& /*ram*/, Sightings& out) {
  for (std::size_t at = 0; at < run.bytes.size(); at += kStep) {
    const std::byte* p = run.bytes.data() + at;
    const auto self64 = LoadLe<std::uint64_t>(p + kSelf64At);
    if (LoadLe<std::uint64_t>(p + kPrcb64At) == self64 + kPrcbIn64) {
      if (self64 >= kKernel64 && (self64 & 0xFFFU) == at % kPageBytes) {
        out.Add({SightingKind::kProcessorRegion, ModeName::kX64, 0, run.at + at, self64});
      }
      continue;
    }
    const auto self32 = LoadLe<std::uint32_t>(p + kSelf32At);
    if (LoadLe<std::uint32_t>(p + kPrcb32At) != self32 + kPrcbIn32) continue;
    if (self32 >= kKernel32 && (self32 & 0xFFFU) == at % kPageBytes) {
      out.Add({SightingKind::kProcessorRegion, ModeName::kX86, 0, run.at + at, self32});
    }
  }
}

}  // namespace v2p

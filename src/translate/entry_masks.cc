// Masks of tables by plain code, and the choice of kernels.
// SPDX-License-Identifier: Apache-2.0
#include "translate/entry_masks.h"

#include "base/address.h"
#include "base/bytes.h"

namespace v2p {

#ifdef __x86_64__
MaskTable MaskSse41Wide, MaskSse41Narrow;  // entry_masks_sse41.cc
MaskTable MaskAvx2Wide, MaskAvx2Narrow;    // entry_masks_avx2.cc
#endif

namespace {

constexpr std::size_t kWordBits = 64;

template <class Entry>
constexpr std::size_t kWords = kPageBytes / sizeof(Entry) / kWordBits;

template <class Entry>
void MaskPlain(const std::byte* table, const EntryRule& rule, EntryMasks& masks) {
  const auto check = static_cast<Entry>(rule.check);
  const auto want = static_cast<Entry>(rule.want);
  const auto same = static_cast<Entry>(rule.same);
  Entry before = 0;
  for (std::size_t word = 0; word < kWords<Entry>; ++word) {
    std::uint64_t page = 0;
    std::uint64_t next = 0;
    for (std::size_t i = 0; i < kWordBits; ++i) {
      const auto entry = LoadLe<Entry>(table + (word * kWordBits + i) * sizeof(Entry));
      const Entry now = entry & same;
      page |= std::uint64_t{(entry & check) == want} << i;
      next |= std::uint64_t{static_cast<Entry>(now - before) == kPageBytes} << i;
      before = now;
    }
    masks.page[word] = page;
    masks.next[word] = next;
  }
  masks.next[0] &= ~std::uint64_t{1};
}

}  // namespace

bool Runs(MaskKernel kernel) {
#ifdef __x86_64__
  if (kernel == MaskKernel::kAvx2) return __builtin_cpu_supports("avx2") != 0;
  if (kernel == MaskKernel::kSse41) return __builtin_cpu_supports("sse4.1") != 0;
#endif
  return kernel == MaskKernel::kPlain;
}

MaskKernel BestMaskKernel() {
  for (const MaskKernel kernel : {MaskKernel::kAvx2, MaskKernel::kSse41}) {
    if (Runs(kernel)) return kernel;
  }
  return MaskKernel::kPlain;
}

MaskTable* MasksOf(MaskKernel kernel, unsigned entry_bytes) {
  const bool narrow = entry_bytes == 4;
#ifdef __x86_64__
  if (kernel == MaskKernel::kAvx2) return narrow ? MaskAvx2Narrow : MaskAvx2Wide;
  if (kernel == MaskKernel::kSse41) return narrow ? MaskSse41Narrow : MaskSse41Wide;
#endif
  return narrow ? MaskPlain<std::uint32_t> : MaskPlain<std::uint64_t>;
}

}  // namespace v2p

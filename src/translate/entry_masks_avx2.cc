// Masks of tables by AVX2. What is compared with the entry before is loaded a second time, one
// entry lower: loads are cheap here, moves between lanes are not.
// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "translate/entry_masks_loop.h"

namespace v2p {
namespace {

struct Avx8 {
  static constexpr std::size_t kLanes = 4;
  using Entry = std::uint64_t;
  __m256i check, want, same, step;

  explicit Avx8(const EntryRule& rule)
      : check(_mm256_set1_epi64x(static_cast<long long>(rule.check))),
        want(_mm256_set1_epi64x(static_cast<long long>(rule.want))),
        same(_mm256_set1_epi64x(static_cast<long long>(rule.same))),
        step(_mm256_set1_epi64x(kPageBytes)) {}
  V2P_MASKS_INLINE void Masks(const std::byte* at, const std::byte* before, unsigned& page,
                              unsigned& next) const {
    const __m256i now = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i old = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(before));
    const __m256i grown =
        _mm256_sub_epi64(_mm256_and_si256(now, same), _mm256_and_si256(old, same));
    const __m256i is_page = _mm256_cmpeq_epi64(_mm256_and_si256(now, check), want);
    const __m256i is_next = _mm256_cmpeq_epi64(grown, step);
    page = static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(is_page)));
    next = static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(is_next)));
  }
};

struct Avx4 {
  static constexpr std::size_t kLanes = 8;
  using Entry = std::uint32_t;
  __m256i check, want, same, step;

  explicit Avx4(const EntryRule& rule)
      : check(_mm256_set1_epi32(static_cast<int>(rule.check))),
        want(_mm256_set1_epi32(static_cast<int>(rule.want))),
        same(_mm256_set1_epi32(static_cast<int>(rule.same))),
        step(_mm256_set1_epi32(kPageBytes)) {}
  V2P_MASKS_INLINE void Masks(const std::byte* at, const std::byte* before, unsigned& page,
                              unsigned& next) const {
    const __m256i now = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i old = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(before));
    const __m256i grown =
        _mm256_sub_epi32(_mm256_and_si256(now, same), _mm256_and_si256(old, same));
    const __m256i is_page = _mm256_cmpeq_epi32(_mm256_and_si256(now, check), want);
    const __m256i is_next = _mm256_cmpeq_epi32(grown, step);
    page = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(is_page)));
    next = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(is_next)));
  }
};

}  // namespace

void MaskAvx2Wide(const std::byte* table, const EntryRule& rule, EntryMasks& masks) {
  MaskVectors(table, Avx8(rule), masks);
}
void MaskAvx2Narrow(const std::byte* table, const EntryRule& rule, EntryMasks& masks) {
  MaskVectors(table, Avx4(rule), masks);
}

}  // namespace v2p

// Masks of tables by SSE4.1. What is compared with the entry before is loaded a second time, one
// entry lower: loads are cheap here, moves between lanes are not.
// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "translate/entry_masks_loop.h"

namespace v2p {
namespace {

struct Sse8 {
  static constexpr std::size_t kLanes = 2;
  using Entry = std::uint64_t;
  __m128i check, want, same, step;

  explicit Sse8(const EntryRule& rule)
      : check(_mm_set1_epi64x(static_cast<long long>(rule.check))),
        want(_mm_set1_epi64x(static_cast<long long>(rule.want))),
        same(_mm_set1_epi64x(static_cast<long long>(rule.same))),
        step(_mm_set1_epi64x(kPageBytes)) {}
  V2P_MASKS_INLINE void Masks(const std::byte* at, const std::byte* before, unsigned& page,
                              unsigned& next) const {
    const __m128i now = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i old = _mm_loadu_si128(reinterpret_cast<const __m128i*>(before));
    const __m128i grown = _mm_sub_epi64(_mm_and_si128(now, same), _mm_and_si128(old, same));
    const __m128i is_page = _mm_cmpeq_epi64(_mm_and_si128(now, check), want);
    const __m128i is_next = _mm_cmpeq_epi64(grown, step);
    page = static_cast<unsigned>(_mm_movemask_pd(_mm_castsi128_pd(is_page)));
    next = static_cast<unsigned>(_mm_movemask_pd(_mm_castsi128_pd(is_next)));
  }
};

struct Sse4 {
  static constexpr std::size_t kLanes = 4;
  using Entry = std::uint32_t;
  __m128i check, want, same, step;

  explicit Sse4(const EntryRule& rule)
      : check(_mm_set1_epi32(static_cast<int>(rule.check))),
        want(_mm_set1_epi32(static_cast<int>(rule.want))),
        same(_mm_set1_epi32(static_cast<int>(rule.same))),
        step(_mm_set1_epi32(kPageBytes)) {}
  V2P_MASKS_INLINE void Masks(const std::byte* at, const std::byte* before, unsigned& page,
                              unsigned& next) const {
    const __m128i now = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i old = _mm_loadu_si128(reinterpret_cast<const __m128i*>(before));
    const __m128i grown = _mm_sub_epi32(_mm_and_si128(now, same), _mm_and_si128(old, same));
    const __m128i is_page = _mm_cmpeq_epi32(_mm_and_si128(now, check), want);
    const __m128i is_next = _mm_cmpeq_epi32(grown, step);
    page = static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(is_page)));
    next = static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(is_next)));
  }
};

}  // namespace

void MaskSse41Wide(const std::byte* table, const EntryRule& rule, EntryMasks& masks) {
  MaskVectors(table, Sse8(rule), masks);
}
void MaskSse41Narrow(const std::byte* table, const EntryRule& rule, EntryMasks& masks) {
  MaskVectors(table, Sse4(rule), masks);
}

}  // namespace v2p

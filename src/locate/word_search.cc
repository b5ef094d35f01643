// Vector kernels of the search for marked words, and the choice between them.
// SPDX-License-Identifier: Apache-2.0
#include "locate/word_search.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace v2p {
namespace {

// Index of the first matching qword in [from, count), else `count`.
using FindWord = std::size_t(const std::byte* p, std::size_t from, std::size_t count,
                             const WordMarks& marks);

std::size_t FindWordPlain(const std::byte* p, std::size_t from, std::size_t count,
                          const WordMarks& marks) {
  for (std::size_t i = from; i < count; ++i) {
    const auto word = LoadLe<std::uint64_t>(p + i * 8);
    if (std::any_of(marks.begin(), marks.end(), [&](const WordMark& m) { return m.Matches(word); }))
      return i;
  }
  return count;
}

#ifdef __x86_64__

struct MarkVectors {
  __m256i value[kWordMarks], mask[kWordMarks];
};

[[gnu::target("avx2")]] inline __m256i MatchesIn32(const std::byte* p, const MarkVectors& marks) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  __m256i any = _mm256_setzero_si256();
  for (std::size_t i = 0; i < kWordMarks; ++i) {
    const __m256i masked = _mm256_and_si256(words, marks.mask[i]);
    any = _mm256_or_si256(any, _mm256_cmpeq_epi64(masked, marks.value[i]));
  }
  return any;
}

[[gnu::target("avx2")]] std::size_t FindWordAvx2(const std::byte* p, std::size_t from,
                                                 std::size_t count, const WordMarks& marks) {
  MarkVectors vectors;
  for (std::size_t i = 0; i < kWordMarks; ++i) {
    vectors.value[i] = _mm256_set1_epi64x(static_cast<long long>(marks[i].value));
    vectors.mask[i] = _mm256_set1_epi64x(static_cast<long long>(marks[i].mask));
  }
  std::size_t i = from;
  for (; i + 8 <= count; i += 8) {
    const __m256i low = MatchesIn32(p + i * 8, vectors);
    const __m256i high = MatchesIn32(p + i * 8 + 32, vectors);
    const __m256i any = _mm256_or_si256(low, high);
    if (_mm256_testz_si256(any, any) != 0) continue;
    const auto bits = static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(low)) |
                                            _mm256_movemask_pd(_mm256_castsi256_pd(high)) << 4);
    return i + static_cast<std::size_t>(std::countr_zero(bits));
  }
  return FindWordPlain(p, i, count, marks);
}

FindWord* const g_find_word = __builtin_cpu_supports("avx2") ? FindWordAvx2 : FindWordPlain;

#else

constexpr FindWord* g_find_word = FindWordPlain;

#endif

}  // namespace

std::size_t FindMarkedWord(std::span<const std::byte> bytes, const WordMarks& marks,
                           std::size_t from) {
  const std::size_t count = bytes.size() / 8;
  const std::size_t first = (from + 7) / 8;
  if (first >= count) return bytes.size();
  const std::size_t found = g_find_word(bytes.data(), first, count, marks);
  return found < count ? found * 8 : bytes.size();
}

}  // namespace v2p

// Vector kernels of the search, and the choice between them.
// SPDX-License-Identifier: Apache-2.0
#include "locate/byte_search.h"

#include <bit>
#include <cstring>

#include "base/bytes.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace v2p {
namespace {

// The kernels give the first i in [from, count) for which the test holds, else `count`.

// Whether p[i] is `first` and p[i + gap] is `last`.
using FindEnds = std::size_t(const std::byte* p, std::size_t from, std::size_t count,
                             std::size_t gap, std::byte first, std::byte last);
// Whether qwords i and i + 1 are equal and not below `least`.
using FindPair = std::size_t(const std::byte* p, std::size_t from, std::size_t count,
                             std::uint64_t least);

std::size_t FindEndsPlain(const std::byte* p, std::size_t from, std::size_t count, std::size_t gap,
                          std::byte first, std::byte last) {
  for (std::size_t i = from; i < count; ++i) {
    if (p[i] == first && p[i + gap] == last) return i;
  }
  return count;
}

std::size_t FindPairPlain(const std::byte* p, std::size_t from, std::size_t count,
                          std::uint64_t least) {
  for (std::size_t i = from; i < count; ++i) {
    const auto value = LoadLe<std::uint64_t>(p + i * 8);
    if (value >= least && LoadLe<std::uint64_t>(p + i * 8 + 8) == value) return i;
  }
  return count;
}

#ifdef __x86_64__

std::size_t FirstBit(std::uint32_t mask) {
  return static_cast<std::size_t>(std::countr_zero(mask));
}

// SSE2 is in every x86-64 processor.
std::uint32_t EndsIn16(const std::byte* p, std::size_t gap, __m128i first, __m128i last) {
  const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + gap));
  const __m128i both = _mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(both));
}

std::size_t FindEndsSse2(const std::byte* p, std::size_t from, std::size_t count, std::size_t gap,
                         std::byte first, std::byte last) {
  const __m128i firsts = _mm_set1_epi8(std::to_integer<char>(first));
  const __m128i lasts = _mm_set1_epi8(std::to_integer<char>(last));
  std::size_t i = from;
  for (; i + 16 <= count; i += 16) {
    const std::uint32_t mask = EndsIn16(p + i, gap, firsts, lasts);
    if (mask != 0) return i + FirstBit(mask);
  }
  return FindEndsPlain(p, i, count, gap, first, last);
}

[[gnu::target("avx2")]] std::size_t FindEndsAvx2(const std::byte* p, std::size_t from,
                                                 std::size_t count, std::size_t gap,
                                                 std::byte first, std::byte last) {
  const __m256i firsts = _mm256_set1_epi8(std::to_integer<char>(first));
  const __m256i lasts = _mm256_set1_epi8(std::to_integer<char>(last));
  std::size_t i = from;
  for (; i + 64 <= count; i += 64) {
    const auto* at = reinterpret_cast<const __m256i*>(p + i);
    const auto* end = reinterpret_cast<const __m256i*>(p + i + gap);
    const __m256i low = _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_loadu_si256(at), firsts),
                                         _mm256_cmpeq_epi8(_mm256_loadu_si256(end), lasts));
    const __m256i high = _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_loadu_si256(at + 1), firsts),
                                          _mm256_cmpeq_epi8(_mm256_loadu_si256(end + 1), lasts));
    const __m256i any = _mm256_or_si256(low, high);
    if (_mm256_testz_si256(any, any) != 0) continue;
    const auto mask = static_cast<std::uint32_t>(_mm256_movemask_epi8(low));
    if (mask != 0) return i + FirstBit(mask);
    return i + 32 + FirstBit(static_cast<std::uint32_t>(_mm256_movemask_epi8(high)));
  }
  return FindEndsSse2(p, i, count, gap, first, last);
}

// Both have the top bit set, so that a signed comparison orders them. Sign bits are the result.
[[gnu::target("avx2")]] std::size_t FindPairAvx2(const std::byte* p, std::size_t from,
                                                 std::size_t count, std::uint64_t least) {
  const __m256i limit = _mm256_set1_epi64x(static_cast<long long>(least));
  std::size_t i = from;
  for (; i + 8 <= count; i += 8) {
    const auto* at = reinterpret_cast<const __m256i*>(p + i * 8);
    const auto* next = reinterpret_cast<const __m256i*>(p + i * 8 + 8);
    const __m256i a = _mm256_loadu_si256(at);
    const __m256i b = _mm256_loadu_si256(at + 1);
    const __m256i low = _mm256_and_si256(_mm256_cmpeq_epi64(a, _mm256_loadu_si256(next)), a);
    const __m256i high = _mm256_and_si256(_mm256_cmpeq_epi64(b, _mm256_loadu_si256(next + 1)), b);
    if (_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_or_si256(low, high))) == 0) continue;
    const __m256i low_hit = _mm256_andnot_si256(_mm256_cmpgt_epi64(limit, a), low);
    const __m256i high_hit = _mm256_andnot_si256(_mm256_cmpgt_epi64(limit, b), high);
    const int mask = _mm256_movemask_pd(_mm256_castsi256_pd(low_hit)) |
                     _mm256_movemask_pd(_mm256_castsi256_pd(high_hit)) << 4;
    if (mask != 0) return i + FirstBit(static_cast<std::uint32_t>(mask));
  }
  return FindPairPlain(p, i, count, least);
}

FindEnds* const g_find_ends = __builtin_cpu_supports("avx2") ? FindEndsAvx2 : FindEndsSse2;
FindPair* const g_find_pair = __builtin_cpu_supports("avx2") ? FindPairAvx2 : FindPairPlain;

#else

constexpr FindEnds* g_find_ends = FindEndsPlain;
constexpr FindPair* g_find_pair = FindPairPlain;

#endif

}  // namespace

std::size_t FindBytes(std::span<const std::byte> bytes, std::string_view needle, std::size_t from) {
  if (needle.size() < 2 || bytes.size() < needle.size()) return kNotFound;
  const std::size_t gap = needle.size() - 1;
  const std::size_t count = bytes.size() - gap;
  const auto ends = std::as_bytes(std::span(needle));
  for (std::size_t i = from; i < count; ++i) {
    i = g_find_ends(bytes.data(), i, count, gap, ends.front(), ends.back());
    if (i < count && std::memcmp(bytes.data() + i, needle.data(), gap) == 0) return i;
  }
  return kNotFound;
}

std::size_t FindEqualPair(std::span<const std::byte> bytes, std::uint64_t least, std::size_t from) {
  const std::size_t qwords = bytes.size() / 8;
  if (qwords < 2 || from / 8 >= qwords - 1) return kNotFound;
  const std::size_t i = g_find_pair(bytes.data(), from / 8, qwords - 1, least);
  return i < qwords - 1 ? i * 8 : kNotFound;
}

}  // namespace v2p

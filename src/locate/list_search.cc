// Vector kernels of the search for empty lists, and the choice between them.
// SPDX-License-Identifier: Apache-2.0
#include "locate/list_search.h"

#include <bit>

#include "base/bytes.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace v2p {
namespace {

// The kernels give the first qword i in [from, count) that begins a list, else `count`.
using FindList = std::size_t(const std::byte* p, std::size_t from, std::size_t count);

constexpr std::size_t kInPage = kPageBytes - 1;

std::size_t FindPlain64(const std::byte* p, std::size_t from, std::size_t count) {
  for (std::size_t i = from; i < count; ++i) {
    const auto value = LoadLe<std::uint64_t>(p + i * 8);
    if (value >> 63U == 0 || (value & kInPage) != (i * 8 & kInPage)) continue;
    if (LoadLe<std::uint64_t>(p + i * 8 + 8) == value) return i;
  }
  return count;
}

std::size_t FindPlain32(const std::byte* p, std::size_t from, std::size_t count) {
  for (std::size_t i = from; i < count; ++i) {
    const auto value = LoadLe<std::uint32_t>(p + i * 8);
    if (value >> 31U == 0 || (value & kInPage) != (i * 8 & kInPage)) continue;
    if (LoadLe<std::uint32_t>(p + i * 8 + 4) == value) return i;
  }
  return count;
}

#ifdef __x86_64__

// Equal pairs are rare but for fillings, which the offset in the page then tells from lists. Sign
// bits are the result.
[[gnu::target("avx2")]] std::uint32_t Congruent(__m256i value, __m256i equal, std::size_t offset) {
  const __m256i mask = _mm256_set1_epi64x(kInPage);
  const __m256i offsets = _mm256_add_epi64(_mm256_set1_epi64x(static_cast<long long>(offset)),
                                           _mm256_setr_epi64x(0, 8, 16, 24));
  const __m256i expected = _mm256_and_si256(offsets, mask);
  const __m256i in_page = _mm256_and_si256(value, mask);
  const __m256i both = _mm256_and_si256(_mm256_cmpeq_epi64(in_page, expected), equal);
  return static_cast<std::uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(both)));
}

[[gnu::target("avx2")]] std::size_t FindAvx2In64(const std::byte* p, std::size_t from,
                                                 std::size_t count) {
  std::size_t i = from;
  for (; i + 8 <= count; i += 8) {
    const auto* at = reinterpret_cast<const __m256i*>(p + i * 8);
    const auto* next = reinterpret_cast<const __m256i*>(p + i * 8 + 8);
    const __m256i a = _mm256_loadu_si256(at);
    const __m256i b = _mm256_loadu_si256(at + 1);
    const __m256i low = _mm256_and_si256(_mm256_cmpeq_epi64(a, _mm256_loadu_si256(next)), a);
    const __m256i high = _mm256_and_si256(_mm256_cmpeq_epi64(b, _mm256_loadu_si256(next + 1)), b);
    if (_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_or_si256(low, high))) == 0) continue;
    const std::uint32_t mask = Congruent(a, low, i * 8) | Congruent(b, high, i * 8 + 32) << 4U;
    if (mask != 0) return i + static_cast<std::size_t>(std::countr_zero(mask));
  }
  return FindPlain64(p, i, count);
}

[[gnu::target("avx2")]] std::size_t FindAvx2In32(const std::byte* p, std::size_t from,
                                                 std::size_t count) {
  constexpr int kSwapHalves = 0xB1;
  const __m256i low_half = _mm256_set1_epi64x(0xFFFF'FFFF);
  std::size_t i = from;
  for (; i + 8 <= count; i += 8) {
    const auto* at = reinterpret_cast<const __m256i*>(p + i * 8);
    const __m256i a = _mm256_loadu_si256(at);
    const __m256i b = _mm256_loadu_si256(at + 1);
    const __m256i low =
        _mm256_and_si256(_mm256_cmpeq_epi32(a, _mm256_shuffle_epi32(a, kSwapHalves)), a);
    const __m256i high =
        _mm256_and_si256(_mm256_cmpeq_epi32(b, _mm256_shuffle_epi32(b, kSwapHalves)), b);
    if (_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_or_si256(low, high))) == 0) continue;
    const std::uint32_t mask = Congruent(_mm256_and_si256(a, low_half), low, i * 8) |
                               Congruent(_mm256_and_si256(b, low_half), high, i * 8 + 32) << 4U;
    if (mask != 0) return i + static_cast<std::size_t>(std::countr_zero(mask));
  }
  return FindPlain32(p, i, count);
}

FindList* const g_find_64 = __builtin_cpu_supports("avx2") ? FindAvx2In64 : FindPlain64;
FindList* const g_find_32 = __builtin_cpu_supports("avx2") ? FindAvx2In32 : FindPlain32;

#else

constexpr FindList* g_find_64 = FindPlain64;
constexpr FindList* g_find_32 = FindPlain32;

#endif

std::size_t Find(FindList* find, std::span<const std::byte> pages, std::size_t from,
                 std::size_t count) {
  if (from / 8 >= count) return kNotFound;
  const std::size_t i = find(pages.data(), from / 8, count);
  return i < count ? i * 8 : kNotFound;
}

}  // namespace

std::size_t FindEmptyList64(std::span<const std::byte> pages, std::size_t from) {
  const std::size_t qwords = pages.size() / 8;
  return Find(g_find_64, pages, from, qwords == 0 ? 0 : qwords - 1);
}

std::size_t FindEmptyList32(std::span<const std::byte> pages, std::size_t from) {
  return Find(g_find_32, pages, from, pages.size() / 8);
}

}  // namespace v2p

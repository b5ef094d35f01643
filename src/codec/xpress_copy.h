// Copying of matches: bytes from `distance` back, which repeat when the match is longer than that.
// Included by the kernels only: everything here is inlined, for the processor each is built for.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#ifdef __SSSE3__
#include <immintrin.h>
#endif

namespace v2p::xpress {

/// How far behind the end of a match the fast copies may write, and behind its source read.
inline constexpr std::size_t kCopySlack = 64;

template <class T>
[[gnu::always_inline]] inline T Load(const std::uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// <bit> may leave functions behind that the linker shares with files for lesser processors.
[[gnu::always_inline]] inline std::uint64_t RotateLeft(std::uint64_t value, unsigned n) {
  return value << (n & 63U) | value >> (-n & 63U);
}
[[gnu::always_inline]] inline unsigned LeadingZeros(std::uint64_t not_zero) {
  return static_cast<unsigned>(__builtin_clzll(not_zero));
}
[[gnu::always_inline]] inline unsigned TrailingZeros(std::uint32_t not_zero) {
  return static_cast<unsigned>(__builtin_ctz(not_zero));
}

/// Eight bytes at a time, for any processor.
struct ScalarCopy {
  [[gnu::always_inline]] static void Eight(std::uint8_t* out, const std::uint8_t* from) {
    const auto value = Load<std::uint64_t>(from);
    std::memcpy(out, &value, sizeof value);
  }

  /// 16 literals or more, not overlapping.
  [[gnu::always_inline]] static void Sixteen(std::uint8_t* out, const std::uint8_t* from) {
    Eight(out, from);
    Eight(out + 8, from + 8);
  }

  /// A match of up to 16 bytes.
  [[gnu::always_inline]] static void Short(std::uint8_t* out, std::size_t distance) {
    Long(out, distance, 16);
  }

  /// A match of `length` bytes.
  [[gnu::always_inline]] static void Long(std::uint8_t* out, std::size_t distance,
                                          std::size_t length) {
    const std::uint8_t* from = out - distance;
    std::uint8_t* const end = out + length;
    // Each copy of a short period doubles what can be copied at once.
    for (; distance < 8; distance *= 2) {
      Eight(out, from);
      out += distance;
    }
    from = out - distance;
    for (; out < end; out += 8, from += 8) Eight(out, from);
  }
};

#ifdef __SSSE3__
/// Sixteen bytes at a time; a byte shuffle repeats short periods.
struct ShuffleCopy {
  /// Row d repeats the first d bytes of a vector.
  alignas(16) static constexpr std::array<std::array<std::uint8_t, 16>, 17> kRepeat = [] {
    std::array<std::array<std::uint8_t, 16>, 17> rows{};
    for (std::size_t d = 1; d < rows.size(); ++d) {
      for (std::size_t i = 0; i < 16; ++i) rows[d][i] = static_cast<std::uint8_t>(i % d);
    }
    return rows;
  }();

  [[gnu::always_inline]] static __m128i LoadVector(const std::uint8_t* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  }
  [[gnu::always_inline]] static void Store(std::uint8_t* p, __m128i value) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), value);
  }

  [[gnu::always_inline]] static __m128i Pattern(const std::uint8_t* out, std::size_t distance) {
    const std::size_t row = distance < 16 ? distance : 16;
    return _mm_shuffle_epi8(LoadVector(out - distance), LoadVector(kRepeat[row].data()));
  }

  [[gnu::always_inline]] static void Sixteen(std::uint8_t* out, const std::uint8_t* from) {
    Store(out, LoadVector(from));
  }

  [[gnu::always_inline]] static void Short(std::uint8_t* out, std::size_t distance) {
    Store(out, Pattern(out, distance));
  }

  [[gnu::always_inline]] static void Long(std::uint8_t* out, std::size_t distance,
                                          std::size_t length) {
    std::uint8_t* const end = out + length;
    if (distance >= 16) {
      for (; out < end; out += 16) Store(out, LoadVector(out - distance));
      return;
    }
    const __m128i pattern = Pattern(out, distance);
    const std::size_t step = 16 - 16 % distance;  // whole periods
    for (; out < end; out += 2 * step) {
      Store(out, pattern);
      Store(out + step, pattern);
    }
  }
};
#endif

/// A match of `length` bytes that fits into [out, end), without writing past `end`.
template <class Copy>
[[gnu::always_inline]] inline void CopyMatch(std::uint8_t* out, std::size_t distance,
                                             std::size_t length, const std::uint8_t* end) {
  const auto room = static_cast<std::size_t>(end - out);
  if (room > kCopySlack) {
    const std::size_t wide = length < room - kCopySlack ? length : room - kCopySlack;
    Copy::Long(out, distance, wide);
    out += wide;
    length -= wide;
  }
  for (; length != 0; --length, ++out) *out = *(out - distance);
}

}  // namespace v2p::xpress

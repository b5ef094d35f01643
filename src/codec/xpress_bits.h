// The bits of an LZ77+Huffman chunk, as the format counts them and as the fast loop reads them.
// Included by the kernels only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "codec/xpress_copy.h"

namespace v2p::xpress {

/// The format's own view ([MS-XCA] 2.2.4): 16 to 31 valid bits (32 at first) at the top of `bits`,
/// and one pointer that 16-bit words and the bytes of long lengths are both read from. A word is
/// appended whenever fewer than 16 bits are left; one that the input does not hold is zeros.
struct FormatBits {
  std::uint64_t bits = 0;
  unsigned count = 0;
  unsigned invented = 0;  ///< how many of `count` are zeros that the input does not hold
  const std::uint8_t* next = nullptr;

  [[gnu::always_inline]] static FormatBits Start(const std::uint8_t* next,
                                                 const std::uint8_t* end) {
    FormatBits format{.next = next};
    format.Append(end);
    format.Append(end);
    return format;
  }

  [[gnu::always_inline]] void Append(const std::uint8_t* end) {
    if (end - next >= 2) {
      bits |= std::uint64_t{Load<std::uint16_t>(next)} << (48 - count);
      next += 2;
    } else {
      next = end;  // half a word is none, and what follows the word is missing too
      invented += 16;
    }
    count += 16;
  }

  /// Consumes `n` bits, up to 15; false when the input does not hold them.
  [[gnu::always_inline]] bool Take(unsigned n, const std::uint8_t* end) {
    bits <<= n;
    count -= n;
    if (count < invented) return false;
    if (count < 16) Append(end);
    return true;
  }
};

/// Four words in the order in which their bits are used, highest first.
[[gnu::always_inline]] inline std::uint64_t LoadWords(const std::uint8_t* p) {
#ifdef __SSE2__
  const __m128i words = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_shufflelo_epi16(words, 0x1B)));
#else
  const auto words = RotateLeft(Load<std::uint64_t>(p), 32);
  return (words & 0x0000FFFF0000FFFFU) << 16U | (words >> 16U & 0x0000FFFF0000FFFFU);
#endif
}

/// Bits read ahead of the format, at least 48 after a refill. `count` means its low six bits.
struct WideBits {
  std::uint64_t bits;
  std::uint64_t count;
  const std::uint8_t* next;

  /// Loads 8 bytes from `next` and moves it by up to 6. The bits below `count` are then the ones
  /// that the next refill brings again.
  [[gnu::always_inline]] void Refill() {
    bits |= LoadWords(next) >> (count & 63U);
    next += ~count >> 3U & 6U;  // 2 * ((63 - count) / 16)
    count |= 48U;
  }

  /// Consumes as many bits as the low six bits of `entry` say.
  [[gnu::always_inline]] void Consume(std::uint32_t entry) {
    bits <<= entry & 63U;
    count -= entry;
  }

  /// Where the format's pointer is, once a bit was consumed: it has read at most 31 bits ahead.
  [[gnu::always_inline]] const std::uint8_t* FormatNext() const {
    return next + 2 - static_cast<std::ptrdiff_t>((count & 63U) / 16 * 2);
  }

  /// The format's view, once a bit was consumed; 16 bits or more must be left.
  [[gnu::always_inline]] FormatBits Format() const {
    const unsigned keep = 16 + static_cast<unsigned>(count % 16);
    return {bits & ~std::uint64_t{0} << (64 - keep), keep, 0, FormatNext()};
  }
};

}  // namespace v2p::xpress

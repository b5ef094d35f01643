// The lookup table of one Huffman chunk: from the next bits to a symbol with all that decoding it
// needs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "codec/xpress.h"

namespace v2p::xpress {

// [MS-XCA] 2.2.4: 512 symbols, a 4-bit code length each, codes of up to 15 bits.
inline constexpr std::size_t kSymbols = 512;
inline constexpr std::size_t kTableBytes = 256;
inline constexpr unsigned kMaxCodeBits = 15;

/// Two levels. An entry is four fields, lowest first:
///   8 bits   how many bits to consume (6 bits), and the two flags below
///   8 bits   the literal, or the length of the match
///   16 bits  0 for a literal; 1 << (number of offset bits) for a match
/// Entries without a flag consume code and offset together; kRareMatch consumes the code only.
struct HuffmanTable {
  static constexpr unsigned kFirstBits = 11;
  static constexpr std::uint32_t kLongCode = 0x40;   ///< look in `second`
  static constexpr std::uint32_t kRareMatch = 0x80;  ///< 17 bytes, or (length field 0) more follows
  static constexpr std::uint32_t kRare = kLongCode | kRareMatch;
  static constexpr std::uint32_t kFirstMatch = 0x10000;  ///< entries below it are literals

  // Filling writes four entries at a time, so there is room for three behind the last.
  std::array<std::uint32_t, (1U << kFirstBits) + 3> first;
  // At most 512 codes of at least 12 bits, each with 8 or fewer of the 15-bit values.
  std::array<std::uint32_t, (kSymbols << (kMaxCodeBits - kFirstBits - 1)) + 3> second;
  std::uint32_t first_long;  ///< 15 bits: the first value that `second` explains

  /// The entry for the bits at the top of `bits`, flag kLongCode resolved.
  std::uint32_t Find(std::uint64_t bits) const {
    const std::uint32_t entry = first[bits >> (64 - kFirstBits)];
    return (entry & kLongCode) == 0 ? entry : second[(bits >> (64 - kMaxCodeBits)) - first_long];
  }
};

/// Builds the table from the 256 bytes at `lengths`. kOversubscribed or kIncomplete when they are
/// not a complete code, as [MS-XCA] requires: then the table must not be used.
XpressFault BuildHuffmanTable(const std::uint8_t* lengths, HuffmanTable& table);

}  // namespace v2p::xpress

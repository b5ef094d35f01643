// The LZ77+Huffman decoder, a template on how matches are copied. Included by the kernels only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "codec/xpress_bits.h"
#include "codec/xpress_copy.h"
#include "codec/xpress_huffman_table.h"
#include "codec/xpress_kernels.h"

namespace v2p::xpress {

// [MS-XCA] 2.2.4: bytes of output that one table serves.
inline constexpr std::ptrdiff_t kChunkBytes = 65536;

/// Decodes one stream: for each chunk a fast loop while there is room on both sides, then a
/// careful one that follows the format word by word.
template <class Copy>
class HuffmanLoop {
 public:
  HuffmanLoop(const std::uint8_t* in, std::size_t in_size, std::uint8_t* out, std::size_t out_size)
      : in_(in), in_end_(in + in_size), out_(out), out_begin_(out), out_end_(out + out_size) {}

  Outcome Run() {
    format_.next = in_;
    while (out_ < out_end_) {
      if (!StartChunk() || !FastLoop() || !CarefulLoop()) break;
    }
    return {static_cast<std::size_t>(format_.next - in_), fault_};
  }

 private:
  // What one turn of the fast loop reads behind WideBits::next: four refills of 6 bytes, a long
  // length of 7, and the 8 bytes that a refill loads.
  static constexpr std::ptrdiff_t kInSlack = 40;
  // What it writes at most: two literals and a short copy.
  static constexpr std::ptrdiff_t kOutSlack = kCopySlack + 2;

  bool Fail(XpressFault fault, const std::uint8_t* at) {
    fault_ = fault;
    format_.next = at;
    return false;
  }

  bool StartChunk() {
    const std::uint8_t* lengths = format_.next;
    if (in_end_ - lengths < std::ptrdiff_t{kTableBytes}) {
      return Fail(XpressFault::kTableTruncated, in_end_);
    }
    if (const auto fault = BuildHuffmanTable(lengths, table_); fault != XpressFault::kNone) {
      return Fail(fault, lengths);
    }
    chunk_end_ = out_end_ - out_ > kChunkBytes ? out_ + kChunkBytes : out_end_;
    format_ = FormatBits::Start(lengths + kTableBytes, in_end_);
    return true;
  }

  // Its state is in local variables: a store to the output could alias members.
  bool FastLoop() {
    const std::uint8_t* const bits_at = format_.next - 4;
    if (format_.invented != 0 || in_end_ - bits_at < kInSlack || chunk_end_ - out_ < kOutSlack) {
      return true;
    }
    const std::uint8_t* const in_limit = in_end_ - kInSlack;
    const std::uint8_t* const out_limit = chunk_end_ - kOutSlack;
    const std::uint8_t* const out_begin = out_begin_;
    const std::uint32_t* const first = table_.first.data();
    WideBits wide{0, 0, bits_at};
    wide.Refill();
    std::uint8_t* out = out_;
    do {
      // At least 48 bits: two codes of the first level and a third with 15 offset bits.
      std::uint32_t entry = first[wide.bits >> kFirstShift];
      if (TakeLiteral(entry, wide, out)) {
        entry = first[wide.bits >> kFirstShift];
        if (TakeLiteral(entry, wide, out)) {
          entry = first[wide.bits >> kFirstShift];
          if (TakeLiteral(entry, wide, out)) {
            wide.Refill();
            continue;
          }
        }
      }
      if ((entry & HuffmanTable::kRare) != 0) [[unlikely]] {
        wide.Refill();
        if ((entry & HuffmanTable::kLongCode) != 0) entry = LongEntry(wide.bits);
        if (TakeLiteral(entry, wide, out)) {
          wide.Refill();
          continue;
        }
        if ((entry & HuffmanTable::kRareMatch) != 0) {
          if (!FastRareMatch(entry, wide, out)) return false;
          continue;
        }
      }
      const std::size_t base = entry >> 16U;
      const std::size_t distance = base + (RotateLeft(wide.bits, entry & 63U) & (base - 1));
      wide.Consume(entry);
      wide.Refill();
      if (static_cast<std::size_t>(out - out_begin) < distance) {
        return Fail(XpressFault::kBeforeOutput, wide.FormatNext());
      }
      Copy::Short(out, distance);
      out += entry >> 8U & 0xFFU;
    } while (wide.next <= in_limit && out <= out_limit);
    out_ = out;
    format_ = wide.Format();
    return true;
  }

  static constexpr unsigned kFirstShift = 64 - HuffmanTable::kFirstBits;

  [[gnu::always_inline]] static bool TakeLiteral(std::uint32_t entry, WideBits& wide,
                                                 std::uint8_t*& out) {
    if (entry >= HuffmanTable::kFirstMatch) return false;
    *out++ = static_cast<std::uint8_t>(entry >> 8U);
    wide.Consume(entry);
    return true;
  }

  [[gnu::always_inline]] std::uint32_t LongEntry(std::uint64_t bits) const {
    return table_.second[(bits >> (64 - kMaxCodeBits)) - table_.first_long];
  }

  // A match of 17 bytes or more. The input holds all that is read here.
  [[gnu::always_inline]] bool FastRareMatch(std::uint32_t entry, WideBits& wide,
                                            std::uint8_t*& out) {
    wide.Consume(entry);
    std::size_t length = entry >> 8U & 0xFFU;
    if (length == 0) {
      FormatBits format = wide.Format();
      if (!ReadLength(format.next, length)) return false;
      wide = {format.bits, format.count, format.next};
      wide.Refill();
    }
    const unsigned offset_bits = TrailingZeros(entry >> 16U);
    const std::size_t distance =
        static_cast<std::size_t>((wide.bits >> 1U | kTopBit) >> (63 - offset_bits));
    wide.Consume(offset_bits);
    wide.Refill();
    if (!MatchFits(out, distance, length, wide.FormatNext())) return false;
    CopyMatch<Copy>(out, distance, length, out_end_);
    out += length;
    return true;
  }

  static constexpr std::uint64_t kTopBit = std::uint64_t{1} << 63U;

  // [MS-XCA] 2.2.4: a byte; if that is 255, two bytes; if those are 0, four bytes. The first two
  // count from 15 and 0; the length less 3 that results is at least 15.
  bool ReadLength(const std::uint8_t*& next, std::size_t& length) {
    const std::uint8_t* const at = next;
    const auto room = in_end_ - at;
    if (room < 1) return Fail(XpressFault::kTruncated, in_end_);
    length = at[0] + std::size_t{15 + 3};
    next = at + 1;
    if (at[0] != 255) return true;
    if (room < 3) return Fail(XpressFault::kTruncated, in_end_);
    std::size_t value = Load<std::uint16_t>(at + 1);
    next = at + 3;
    if (value == 0) {
      if (room < 7) return Fail(XpressFault::kTruncated, in_end_);
      value = Load<std::uint32_t>(at + 3);
      next = at + 7;
    }
    if (value < 15) return Fail(XpressFault::kShortLength, at);
    length = value + 3;
    return true;
  }

  bool MatchFits(const std::uint8_t* out, std::size_t distance, std::size_t length,
                 const std::uint8_t* at) {
    if (distance > static_cast<std::size_t>(out - out_begin_)) {
      return Fail(XpressFault::kBeforeOutput, at);
    }
    if (length > static_cast<std::size_t>(out_end_ - out)) {
      return Fail(XpressFault::kPastOutput, at);
    }
    return true;
  }

  bool CarefulLoop() {
    while (out_ < chunk_end_) {
      if (!CarefulSymbol()) return false;
    }
    return true;
  }

  bool CarefulSymbol() {
    std::uint32_t entry = table_.first[format_.bits >> kFirstShift];
    if ((entry & HuffmanTable::kLongCode) != 0) entry = LongEntry(format_.bits);
    const std::uint32_t base = entry >> 16U;
    const unsigned offset_bits = base == 0 ? 0 : TrailingZeros(base);
    const bool both = (entry & HuffmanTable::kRareMatch) == 0;
    if (!Take((entry & 63U) - (both ? offset_bits : 0))) return false;
    std::size_t length = entry >> 8U & 0xFFU;
    if (base == 0) {
      *out_++ = static_cast<std::uint8_t>(length);
      return true;
    }
    if (length == 0 && !ReadLength(format_.next, length)) return false;
    const std::size_t distance =
        static_cast<std::size_t>((format_.bits >> 1U | kTopBit) >> (63 - offset_bits));
    if (!Take(offset_bits)) return false;
    if (!MatchFits(out_, distance, length, format_.next)) return false;
    CopyMatch<Copy>(out_, distance, length, out_end_);
    out_ += length;
    return true;
  }

  bool Take(unsigned n) {
    return format_.Take(n, in_end_) || Fail(XpressFault::kTruncated, in_end_);
  }

  const std::uint8_t* const in_;
  const std::uint8_t* const in_end_;
  std::uint8_t* out_;
  std::uint8_t* const out_begin_;
  std::uint8_t* const out_end_;
  std::uint8_t* chunk_end_ = nullptr;
  FormatBits format_;
  XpressFault fault_ = XpressFault::kNone;
  HuffmanTable table_;
};

}  // namespace v2p::xpress

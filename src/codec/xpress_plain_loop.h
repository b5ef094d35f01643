// The plain LZ77 decoder, a template on how bytes are copied. Included by the kernels only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "codec/xpress_copy.h"
#include "codec/xpress_kernels.h"

namespace v2p::xpress {

/// Decodes one stream: a fast loop while there is room on both sides, then token by token.
template <class Copy>
class PlainLoop {
 public:
  PlainLoop(const std::uint8_t* in, std::size_t in_size, std::uint8_t* out, std::size_t out_size)
      : in_(in),
        next_(in),
        in_end_(in + in_size),
        out_(out),
        out_begin_(out),
        out_end_(out + out_size) {}

  Outcome Run() {
    if (FastLoop()) {
      while (out_ < out_end_ && CarefulToken()) {
      }
    }
    return {static_cast<std::size_t>(next_ - in_), fault_};
  }

 private:
  // What one turn of the fast loop reads: a flag word, 32 literals and a match of at most 10.
  static constexpr std::ptrdiff_t kInSlack = 48;
  // What it writes: 32 literals and a copy.
  static constexpr std::ptrdiff_t kOutSlack = kCopySlack + 32;
  // Behind the flags that are left stands a 1, so that they are used up when nothing else is left.
  static constexpr std::uint64_t kUsedUp = std::uint64_t{1} << 63U;
  // 7 in the low bits of a match, with the 3 that all lengths are counted from: more follows.
  static constexpr std::size_t kLonger = 10;

  bool Fail(XpressFault fault, const std::uint8_t* at) {
    fault_ = fault;
    next_ = at;
    return false;
  }

  // [MS-XCA] 2.4.4: 32 flags, the highest first; 0 is a literal, 1 a match.
  static std::uint64_t LoadFlags(const std::uint8_t* p) {
    return std::uint64_t{Load<std::uint32_t>(p)} << 32U | std::uint64_t{1} << 31U;
  }

  // Its state is in local variables: a store to the output could alias members.
  bool FastLoop() {
    if (in_end_ - next_ < kInSlack || out_end_ - out_ < kOutSlack) return true;
    const std::uint8_t* const in_limit = in_end_ - kInSlack;
    const std::uint8_t* const out_limit = out_end_ - kOutSlack;
    const std::uint8_t* const out_begin = out_begin_;
    const std::uint8_t* half_byte = nullptr;
    const std::uint8_t* next = next_;
    std::uint8_t* out = out_;
    std::uint64_t flags = kUsedUp;
    do {
      const auto literals = LeadingZeros(flags);
      Copy::Sixteen(out, next);
      if (literals > 16) Copy::Sixteen(out + 16, next + 16);
      out += literals;
      next += literals;
      flags = flags << literals << 1U;
      if (flags == 0) {
        flags = LoadFlags(next);
        next += 4;
        continue;
      }
      const std::uint32_t match = Load<std::uint16_t>(next);
      next += 2;
      const std::size_t distance = (match >> 3U) + 1;
      std::size_t length = (match & 7U) + 3;
      if (length == kLonger) {
        if (!ReadLength(next, half_byte, length) || !MatchFits(out, distance, length, next)) {
          return false;
        }
        CopyMatch<Copy>(out, distance, length, out_end_);
      } else {
        if (distance > static_cast<std::size_t>(out - out_begin)) {
          return Fail(XpressFault::kBeforeOutput, next);
        }
        Copy::Short(out, distance);
      }
      out += length;
    } while (next <= in_limit && out <= out_limit);
    next_ = next;
    out_ = out;
    flags_ = flags;
    half_byte_ = half_byte;
    return true;
  }

  // [MS-XCA] 2.4.4: half a byte, two lengths sharing one; if that is 15, a byte; if that is 255,
  // two bytes; if those are 0, four bytes. The first two count from 7 and 22; the length less 3
  // that results from the others is at least 22.
  [[gnu::always_inline]] bool ReadLength(const std::uint8_t*& next, const std::uint8_t*& half_byte,
                                         std::size_t& length) {
    std::uint32_t half = 0;
    if (half_byte != nullptr) {
      half = *half_byte >> 4U;
      half_byte = nullptr;
    } else {
      if (next == in_end_) return Fail(XpressFault::kTruncated, in_end_);
      half = *next & 15U;
      half_byte = next++;
    }
    length = std::size_t{half} + 7 + 3;
    return half < 15 || ReadLongLength(next, length);
  }

  bool ReadLongLength(const std::uint8_t*& next, std::size_t& length) {
    const std::uint8_t* const at = next;
    const auto room = in_end_ - at;
    if (room < 1) return Fail(XpressFault::kTruncated, in_end_);
    next = at + 1;
    length = at[0] + std::size_t{22 + 3};
    if (at[0] != 255) return true;
    if (room < 3) return Fail(XpressFault::kTruncated, in_end_);
    std::size_t value = Load<std::uint16_t>(at + 1);
    next = at + 3;
    if (value == 0) {
      if (room < 7) return Fail(XpressFault::kTruncated, in_end_);
      value = Load<std::uint32_t>(at + 3);
      next = at + 7;
    }
    if (value < 22) return Fail(XpressFault::kShortLength, at);
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

  bool CarefulToken() {
    if (flags_ == kUsedUp) {
      if (in_end_ - next_ < 4) return Fail(XpressFault::kTruncated, in_end_);
      flags_ = LoadFlags(next_);
      next_ += 4;
    }
    const bool is_match = flags_ >> 63U != 0;
    flags_ <<= 1U;
    if (in_end_ - next_ < (is_match ? 2 : 1)) return Fail(XpressFault::kTruncated, in_end_);
    if (!is_match) {
      *out_++ = *next_++;
      return true;
    }
    const std::uint32_t match = Load<std::uint16_t>(next_);
    next_ += 2;
    const std::size_t distance = (match >> 3U) + 1;
    std::size_t length = (match & 7U) + 3;
    if (length == kLonger && !ReadLength(next_, half_byte_, length)) return false;
    if (!MatchFits(out_, distance, length, next_)) return false;
    CopyMatch<Copy>(out_, distance, length, out_end_);
    out_ += length;
    return true;
  }

  const std::uint8_t* const in_;
  const std::uint8_t* next_;
  const std::uint8_t* const in_end_;
  std::uint8_t* out_;
  std::uint8_t* const out_begin_;
  std::uint8_t* const out_end_;
  std::uint64_t flags_ = kUsedUp;
  const std::uint8_t* half_byte_ = nullptr;  ///< its high half is the next length of 4 bits
  XpressFault fault_ = XpressFault::kNone;
};

}  // namespace v2p::xpress

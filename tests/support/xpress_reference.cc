// Reference decoders for both Xpress algorithms.
// SPDX-License-Identifier: Apache-2.0
#include "support/xpress_reference.h"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace v2p::test {
namespace {

struct Refused {
  XpressError error;
};

// Input and output with a position each; whatever leaves them is thrown.
class Streams {
 public:
  Streams(std::span<const std::byte> in, std::span<std::byte> out) : in_(in), out_(out) {}

  std::uint64_t Read(std::size_t bytes) {
    if (in_.size() - at < bytes) Refuse(XpressFault::kTruncated, in_.size());
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      value += std::to_integer<std::uint64_t>(in_[at + i]) << (8 * i);
    }
    at += bytes;
    return value;
  }

  void Literal(std::uint64_t value) { out_[produced++] = static_cast<std::byte>(value); }

  void Match(std::uint64_t distance, std::uint64_t length) {
    if (distance > produced) Refuse(XpressFault::kBeforeOutput, at);
    if (length > out_.size() - produced) Refuse(XpressFault::kPastOutput, at);
    for (; length > 0; --length, ++produced) out_[produced] = out_[produced - distance];
  }

  // The byte, word and double word that may hold a length; `least` is what the longer two are at
  // least, and what the byte counts from.
  std::uint64_t ReadLength(std::uint64_t least) {
    const std::size_t began = at;
    std::uint64_t length = Read(1);
    if (length < 255) return length + least;
    length = Read(2);
    if (length == 0) length = Read(4);
    if (length < least) Refuse(XpressFault::kShortLength, began);
    return length;
  }

  [[noreturn]] static void Refuse(XpressFault fault, std::size_t where) {
    throw Refused{{fault, where}};
  }

  bool Complete() const { return produced == out_.size(); }
  std::size_t InputSize() const { return in_.size(); }
  std::size_t Left() const { return in_.size() - at; }

  std::size_t at = 0;
  std::size_t produced = 0;

 private:
  std::span<const std::byte> in_;
  std::span<std::byte> out_;
};

template <class Decode>
XpressResult Guarded(Decode decode) {
  try {
    return decode();
  } catch (const Refused& refused) {
    return tl::unexpected<XpressError>(refused.error);
  }
}

// [MS-XCA] 2.4.4.
std::size_t DecodePlain(Streams streams) {
  std::uint64_t flags = 0;
  int flags_left = 0;
  std::optional<std::uint64_t> pending_half;
  while (!streams.Complete()) {
    if (flags_left == 0) {
      flags = streams.Read(4);
      flags_left = 32;
    }
    --flags_left;
    if ((flags >> flags_left & 1U) == 0) {
      streams.Literal(streams.Read(1));
      continue;
    }
    const std::uint64_t match = streams.Read(2);
    std::uint64_t length = match % 8;
    if (length == 7) {
      std::uint64_t half = 0;
      if (pending_half) {
        half = *std::exchange(pending_half, std::nullopt);
      } else {
        const std::uint64_t shared = streams.Read(1);
        half = shared % 16;
        pending_half = shared / 16;
      }
      length = half + 7;
      if (half == 15) length = streams.ReadLength(22);
    }
    streams.Match(match / 8 + 1, length + 3);
  }
  return streams.at;
}

// The bits of a chunk; each knows whether the input held it.
class BitQueue {
 public:
  explicit BitQueue(Streams& streams) : streams_(streams) {
    Append();
    Append();
  }

  // Takes `n` bits, then makes up for them: [MS-XCA] 2.2.4 reads a word whenever fewer than 16
  // are left.
  std::uint64_t Take(unsigned n) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < n; ++i) {
      if (!bits_.front().real) Streams::Refuse(XpressFault::kTruncated, streams_.InputSize());
      value = value * 2 + bits_.front().value;
      bits_.pop_front();
    }
    if (bits_.size() < 16) Append();
    return value;
  }

  unsigned Peek(std::size_t i) const { return bits_[i].value; }

 private:
  struct Bit {
    unsigned value;
    bool real;
  };

  void Append() {
    const bool real = streams_.Left() >= 2;
    if (!real) streams_.at = streams_.InputSize();  // what would follow the word is missing too
    const std::uint64_t word = real ? streams_.Read(2) : 0;
    for (unsigned i = 16; i > 0; --i) bits_.push_back({unsigned(word >> (i - 1) & 1U), real});
  }

  Streams& streams_;
  std::deque<Bit> bits_;
};

// Canonical codes: from (length, code) to the symbol.
class Codes {
 public:
  explicit Codes(Streams& streams) {
    const std::size_t began = streams.at;
    if (streams.Left() < 256) Streams::Refuse(XpressFault::kTableTruncated, streams.InputSize());
    std::array<unsigned, 512> lengths{};
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint64_t pair = streams.Read(1);
      lengths[2 * i] = pair % 16;
      lengths[2 * i + 1] = static_cast<unsigned>(pair / 16);
    }
    unsigned code = 0;  // of 15 bits, so that 1 << 15 of them are all there are
    for (unsigned length = 1; length <= 15; ++length) {
      for (unsigned symbol = 0; symbol < 512; ++symbol) {
        if (lengths[symbol] != length) continue;
        if (code >= 1U << 15U) Streams::Refuse(XpressFault::kOversubscribed, began);
        symbols_[{length, code >> (15 - length)}] = symbol;
        code += 1U << (15 - length);
      }
    }
    if (code > 1U << 15U) Streams::Refuse(XpressFault::kOversubscribed, began);
    if (code < 1U << 15U) Streams::Refuse(XpressFault::kIncomplete, began);
  }

  unsigned Next(BitQueue& bits) const {
    unsigned code = 0;
    for (unsigned length = 1;; ++length) {
      code = code * 2 + bits.Peek(length - 1);
      const auto found = symbols_.find({length, code});
      if (found == symbols_.end()) continue;  // the code is complete: one of 15 bits exists
      bits.Take(length);
      return found->second;
    }
  }

 private:
  std::map<std::pair<unsigned, unsigned>, unsigned> symbols_;
};

// [MS-XCA] 2.2.4.
std::size_t DecodeHuffman(Streams streams) {
  while (!streams.Complete()) {
    const Codes codes(streams);
    BitQueue bits(streams);
    const std::size_t chunk_end = streams.produced + 65536;
    while (!streams.Complete() && streams.produced < chunk_end) {
      const unsigned symbol = codes.Next(bits);
      if (symbol < 256) {
        streams.Literal(symbol);
        continue;
      }
      std::uint64_t length = symbol % 16;
      if (length == 15) length = streams.ReadLength(15);
      const unsigned offset_bits = (symbol - 256) / 16;
      const std::uint64_t distance = (1U << offset_bits) + bits.Take(offset_bits);
      streams.Match(distance, length + 3);
    }
  }
  return streams.at;
}

}  // namespace

XpressResult ReferencePlain(std::span<const std::byte> in, std::span<std::byte> out) {
  return Guarded([&] { return DecodePlain({in, out}); });
}

XpressResult ReferenceHuffman(std::span<const std::byte> in, std::span<std::byte> out) {
  return Guarded([&] { return DecodeHuffman({in, out}); });
}

}  // namespace v2p::test

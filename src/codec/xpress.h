// Xpress decoders: the two algorithms of [MS-XCA] that Windows compresses memory with, bytes to
// bytes. Strict: a stream that is cut short or contradicts itself is refused, never guessed at.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tl/expected.hpp>

#include "base/result.h"

namespace v2p {

/// Why a stream was refused.
enum class XpressFault : std::uint8_t {
  kNone,
  kTableTruncated,  ///< the stream ends inside the table of code lengths
  kTruncated,       ///< the stream ends before the output is complete
  kOversubscribed,  ///< the code lengths claim more codes than there are
  kIncomplete,      ///< the code lengths leave codes without a meaning
  kBeforeOutput,    ///< a match begins before the first byte of the output
  kPastOutput,      ///< a match is longer than the rest of the output
  kShortLength,     ///< a 16-bit length is less than its shorter forms hold
};

/// One clause in lower case, for messages.
std::string_view Describe(XpressFault fault);

/// What was wrong and where: `at` is the reader's position in the input when it noticed, for a
/// truncated stream the input's size. It allocates nothing: callers that meet many damaged streams
/// need not build messages.
struct XpressError {
  XpressFault fault = XpressFault::kNone;
  std::size_t at = 0;

  /// kTruncated or kCorrupt.
  ErrorKind Kind() const;

  friend bool operator==(const XpressError&, const XpressError&) = default;
};

/// Bytes of input used, or the fault. Encoders may leave a few bytes behind the last symbol (an
/// end mark, the reader's look-ahead, padding): what is left over is for the caller to judge.
using XpressResult = tl::expected<std::size_t, XpressError>;

/// Plain LZ77 ([MS-XCA] 2.4): fills all of `out`. On failure `out` holds anything.
XpressResult XpressDecode(std::span<const std::byte> in, std::span<std::byte> out);

/// LZ77 with Huffman codes ([MS-XCA] 2.2): fills all of `out`, of any size: a new table follows
/// after each 64 KiB of output. On failure `out` holds anything.
XpressResult XpressHuffmanDecode(std::span<const std::byte> in, std::span<std::byte> out);

}  // namespace v2p

// LZ4 blocks, as their public description has them (lz4_Block_format.md).
// SPDX-License-Identifier: Apache-2.0
#include "codec/lz4.h"

#include <algorithm>

namespace v2p {
namespace {

// A length of 15 in a token goes on in bytes, 255 meaning that another follows.
std::optional<std::size_t> Length(std::size_t nibble, std::span<const std::byte> in,
                                  std::size_t* at, std::size_t limit) {
  std::size_t length = nibble;
  if (nibble != 15) return length;
  std::size_t more = 255;
  while (more == 255) {
    if (*at >= in.size() || length > limit) return std::nullopt;
    more = std::to_integer<std::size_t>(in[(*at)++]);
    length += more;
  }
  return length;
}

}  // namespace

std::optional<std::size_t> Lz4Decode(std::span<const std::byte> in, std::span<std::byte> out) {
  constexpr std::size_t kLeastMatch = 4;
  std::size_t at = 0;
  std::size_t made = 0;
  while (made < out.size()) {
    if (at >= in.size()) return std::nullopt;
    const auto token = std::to_integer<std::size_t>(in[at++]);
    const auto literals = Length(token >> 4U, in, &at, out.size());
    if (!literals || *literals > in.size() - at || *literals > out.size() - made) {
      return std::nullopt;
    }
    std::copy_n(in.begin() + static_cast<std::ptrdiff_t>(at), *literals,
                out.begin() + static_cast<std::ptrdiff_t>(made));
    at += *literals;
    made += *literals;
    if (made == out.size()) break;  // the last sequence has no match
    if (in.size() - at < 2) return std::nullopt;
    const std::size_t distance =
        std::to_integer<std::size_t>(in[at]) | std::to_integer<std::size_t>(in[at + 1]) << 8U;
    at += 2;
    const auto match = Length(token & 15U, in, &at, out.size());
    if (!match || distance == 0 || distance > made) return std::nullopt;
    const std::size_t bytes = *match + kLeastMatch;
    if (bytes > out.size() - made) return std::nullopt;
    for (std::size_t i = 0; i < bytes; ++i, ++made) out[made] = out[made - distance];
  }
  return at;
}

}  // namespace v2p

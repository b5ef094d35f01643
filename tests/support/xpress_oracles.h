// Other people's Xpress encoders and decoders, from Debian's packages, as independent oracles.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace v2p::test {

using XpressBytes = std::vector<std::byte>;

/// Compresses a block; nothing when the library gains nothing by it.
using XpressEncoder = std::function<std::optional<XpressBytes>(std::span<const std::byte> plain)>;
/// Fills all of `out`, or says that the library refuses.
using XpressDecoder =
    std::function<bool(std::span<const std::byte> stream, std::span<std::byte> out)>;

/// Each is empty when its package is not installed, which is said once on stdout.
/// libwim15: LZ77+Huffman, blocks of up to 64 KiB.
XpressEncoder WimHuffmanEncoder();
XpressDecoder WimHuffmanDecoder();
/// samba-libs: plain LZ77.
XpressEncoder SambaPlainEncoder();
XpressDecoder SambaPlainDecoder();
/// libfwnt1.
XpressDecoder FwntPlainDecoder();

}  // namespace v2p::test

// LZ4 block decoder (no frame): strict, bytes to bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace v2p {

/// Fills all of `out` from the block `in`; gives the bytes of input used, or nothing when the block
/// is cut short, reaches before its output or beyond its end. On failure `out` holds anything.
std::optional<std::size_t> Lz4Decode(std::span<const std::byte> in, std::span<std::byte> out);

}  // namespace v2p

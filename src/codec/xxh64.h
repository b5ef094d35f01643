// XXH64, with seed 0 the checksum of zstd frames and of the seekable format's table, and XXH3.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace v2p {

/// The 64-bit digest of `bytes`.
std::uint64_t Xxh64(std::span<const std::byte> bytes, std::uint64_t seed = 0);

/// XXH3 of 64 bits: for sums of our own, twice as fast.
std::uint64_t Xxh3(std::span<const std::byte> bytes, std::uint64_t seed);

}  // namespace v2p

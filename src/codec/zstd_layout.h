// Where the frames of a zstd file are, from its seek table or its frame and block headers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/byte_source.h"

namespace v2p {

// zstd_seekable_compression_format.md, version 0.1.0.
inline constexpr std::uint32_t kSeekTableMagic = 0x184D2A5E;
inline constexpr std::uint32_t kSeekFooterMagic = 0x8F92EAB1;
inline constexpr std::uint32_t kSeekFooterBytes = 9;
inline constexpr std::uint32_t kSeekMaxFrames = 0x8000000;
inline constexpr unsigned kSeekChecksumBit = 0x80;

/// Larger frames are not read at random: each miss would decompress all of it, and the cache could
/// not hold two.
inline constexpr std::uint64_t kMaxZstdFrameBytes = 64U << 20U;

/// A frame that holds data; empty and skippable ones are left out.
struct ZstdFrame {
  std::uint64_t at = 0;      ///< offset in the compressed file
  std::uint64_t begin = 0;   ///< offset of its first byte when decompressed
  std::uint32_t stored = 0;  ///< compressed bytes
  std::uint32_t bytes = 0;   ///< decompressed bytes
  std::uint32_t checksum = 0;
};

struct ZstdLayout {
  std::vector<ZstdFrame> frames;
  std::uint64_t bytes = 0;  ///< decompressed; with an obstacle only what is known before it
  bool checksums = false;   ///< frames[].checksum is the low half of XXH64
  std::string obstacle;     ///< why the file cannot be read at random; empty when it can
};

/// Reads the seek table at the end, or else walks the headers: the cost is one read a frame and
/// one a block of 128 KiB, whatever the blocks hold.
Result<ZstdLayout> ReadZstdLayout(const ByteSource& source);

/// "16 GiB", "1.5 MiB", "12 bytes".
std::string HumanBytes(std::uint64_t bytes);

}  // namespace v2p

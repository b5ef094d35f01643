// Headers of zstd frames and blocks, read without decompressing anything.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/byte_source.h"

namespace v2p {

// RFC 8878 sections 3.1.1 and 3.1.2.
inline constexpr std::uint32_t kZstdMagic = 0xFD2FB528;
inline constexpr std::uint32_t kSkippableMagic = 0x184D2A50;  // low four bits are free
// RFC 8878 section 3.1.1.2.4, and a block header with one byte to repeat.
inline constexpr std::uint64_t kMaxZstdBlockBytes = 128U << 10U;
inline constexpr std::uint64_t kMinZstdBlockBytes = 4;

constexpr bool IsSkippable(std::uint32_t magic) { return (magic & 0xFFFFFFF0U) == kSkippableMagic; }

/// What stands at the beginning of a frame.
struct ZstdFrameHeader {
  std::uint64_t at = 0;
  bool skippable = false;
  std::uint64_t header_bytes = 0;              ///< up to the first block, or the skipped bytes
  std::uint64_t skipped_bytes = 0;             ///< of a skippable frame
  std::optional<std::uint64_t> content_bytes;  ///< decompressed; 0 for a skippable frame
  bool checksum = false;                       ///< four bytes follow the last block
};

/// Walks headers going forward; several are served by one read when they are close together.
class ZstdHeaderReader {
 public:
  explicit ZstdHeaderReader(const ByteSource& source) : source_(source) {}

  /// The header of the frame at `at`, inside the file.
  Result<ZstdFrameHeader> FrameAt(std::uint64_t at);

  /// Where the frame ends: one read for each block of up to 128 KiB.
  Result<std::uint64_t> EndOf(const ZstdFrameHeader& frame);

 private:
  // Up to `most` bytes at `at`; fewer only at the end of the file.
  Result<std::span<const std::byte>> Peek(std::uint64_t at, std::size_t most);
  Result<std::uint64_t> EndOfBlocks(const ZstdFrameHeader& frame);

  const ByteSource& source_;
  std::array<std::byte, 512> buffer_{};
  std::uint64_t begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace v2p

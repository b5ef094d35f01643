// Random access to zstd: the seekable format, and multi-frame files whose frames tell their size.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/byte_source.h"

namespace v2p {

/// Decompressed bytes that a zstd source keeps. Frames above this size are not read at random.
inline constexpr std::size_t kZstdCacheBytes = 64U << 20U;

struct ZstdOptions {
  /// What cannot be read at random may be unpacked once into a private temporary file in $TMPDIR
  /// or /tmp, which has no name and goes away with the source.
  bool allow_temp = false;
  /// Bytes of the compressed file read so far, and its size, while it is unpacked.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

/// Whether the bytes begin with a zstd frame or a skippable frame.
bool LooksLikeZstd(std::span<const std::byte> head);

/// The decompressed bytes of `source` as a source of their own. kUnsupported with the command that
/// makes the file seekable when it cannot be read at random and `allow_temp` is off. A damaged
/// frame is found when it is read: the error names its offset in the compressed file.
Result<std::shared_ptr<const ByteSource>> OpenZstd(std::shared_ptr<const ByteSource> source,
                                                   const ZstdOptions& options);

}  // namespace v2p

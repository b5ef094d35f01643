// Random access to zstd: the seekable format, and multi-frame files whose frames tell their size.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/byte_source.h"

namespace v2p {

struct ZstdOptions {
  bool allow_temp = false;  ///< a single frame may be unpacked once into a private temporary file
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

/// Whether the bytes begin with a zstd frame or a skippable frame.
bool LooksLikeZstd(std::span<const std::byte> head);

/// The decompressed bytes of `source` as a source of their own. kUnsupported with the command that
/// makes the file seekable when it cannot be read at random and `allow_temp` is off.
Result<std::shared_ptr<const ByteSource>> OpenZstd(std::shared_ptr<const ByteSource> source,
                                                   const ZstdOptions& options);

}  // namespace v2p

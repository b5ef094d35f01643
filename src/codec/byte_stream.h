// ByteStream: bytes from beginning to end, for what cannot or need not be read at random.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/byte_source.h"

namespace v2p {

/// One reader, one thread.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// Fills `out`; fewer bytes mean that the end was reached. A file that ends before the size it
  /// had when it was opened is an error (kIo).
  virtual Result<std::size_t> Read(std::span<std::byte> out) = 0;

  /// How many bytes of the underlying file have been read: progress towards its size.
  virtual std::uint64_t FileBytesRead() const = 0;
};

/// The bytes of `source`, which outlives the stream; what is zstd by its first bytes is
/// decompressed on the way, in memory bounded by its window (2 GiB at most, `zstd --long=31`).
Result<std::unique_ptr<ByteStream>> OpenStream(const ByteSource& source);

/// Whether every byte is zero.
bool AllZero(std::span<const std::byte> bytes);

}  // namespace v2p

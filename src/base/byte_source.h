// ByteSource: the bytes of an image, read-only, wherever they come from.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace v2p {

/// A run of source bytes kept in memory for as long as `pin` lives.
struct BlockView {
  std::uint64_t begin = 0;  ///< source offset of bytes[0]
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> pin;

  bool Holds(std::uint64_t offset, std::size_t length) const {
    return offset >= begin && offset - begin <= bytes.size() &&
           length <= bytes.size() - (offset - begin);
  }
};

/// Random access to immutable bytes. All methods may be called from several threads at once.
/// There is no write: evidence stays as it is.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// File name for messages, as the user gave it.
  virtual const std::string& Name() const = 0;

  /// Number of bytes.
  virtual std::uint64_t Size() const = 0;

  /// Copies up to `out.size()` bytes from `offset`; short only at the end of the source.
  virtual Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const = 0;

  /// A block that holds `offset` (which is below Size()); what is a block is the source's choice.
  virtual Result<BlockView> BlockAt(std::uint64_t offset) const = 0;

  /// The whole source as memory when it is a mapped file, else empty. The file need not be the one
  /// that the user named, it may be an unpacked copy: that is for Verbatim() to say.
  virtual std::span<const std::byte> Mapped() const { return {}; }

  /// Says that [offset, offset + bytes) is about to be read in order. A hint, never an error.
  virtual void WillScan(std::uint64_t /*offset*/, std::uint64_t /*bytes*/) const {}

  /// Says that some of [offset, offset + bytes) is about to be read: what has to come from a device
  /// may be on its way meanwhile. A hint, never an error.
  virtual void Prefetch(std::uint64_t /*offset*/, std::uint64_t /*bytes*/) const {}

  /// Whether source offsets are offsets in the named file (false for compressed images).
  virtual bool Verbatim() const = 0;
};

/// Reads exactly `out.size()` bytes or fails with kTruncated naming `what`.
Status ReadExactly(const ByteSource& source, std::uint64_t offset, std::span<std::byte> out,
                   std::string_view what);

}  // namespace v2p

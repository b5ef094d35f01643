// XXH64 with seed 0: the checksum of zstd frames and of the seekable format's table.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace v2p {

/// The 64-bit digest of `bytes`.
std::uint64_t Xxh64(std::span<const std::byte> bytes);

/// The same digest of bytes that come in parts.
class Xxh64Stream {
 public:
  Xxh64Stream();
  void Update(std::span<const std::byte> bytes);
  std::uint64_t Digest() const;

 private:
  std::shared_ptr<void> state_;
};

}  // namespace v2p

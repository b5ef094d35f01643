// FlatStream: memory as one stream from address 0, zeros where it is absent.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "codec/byte_stream.h"
#include "dumpfmt/memory_chunks.h"
#include "dumpfmt/memory_digest.h"

namespace v2p {

class FlatStream final : public ByteStream {
 public:
  /// `seen` is told what is not absent.
  FlatStream(const PhysicalMemory& memory, MemoryChunks::Options options, MemoryDigest& seen)
      : chunks_(memory, std::move(options)), end_(memory.End().value), seen_(seen) {}

  Result<std::size_t> Read(std::span<std::byte> out) override;
  std::uint64_t FileBytesRead() const override { return at_; }

  const MemoryChunks& Chunks() const { return chunks_; }

 private:
  bool NextChunk();

  MemoryChunks chunks_;
  std::uint64_t end_;
  MemoryDigest& seen_;
  std::uint64_t at_ = 0;
  std::span<const MemoryChunk> batch_;
  std::span<const std::byte> rest_;  // of the current chunk
  std::uint64_t rest_at_ = 0;
  bool more_ = true;
};

}  // namespace v2p

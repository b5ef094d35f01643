// ByteSource over bytes in memory: as a mapped file, or in small blocks as a compressed image.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_source.h"

namespace v2p::test {

/// `block_bytes` 0 presents the bytes as a mapped file, else as blocks of that size.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::vector<std::byte> bytes, std::size_t block_bytes = 0)
      : bytes_(std::move(bytes)), block_bytes_(block_bytes) {}

  const std::string& Name() const override { return name_; }
  std::uint64_t Size() const override { return bytes_.size(); }
  bool Verbatim() const override { return block_bytes_ == 0; }
  std::span<const std::byte> Mapped() const override {
    return block_bytes_ == 0 ? std::span<const std::byte>(bytes_) : std::span<const std::byte>();
  }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset >= bytes_.size() || out.empty()) return std::size_t{0};
    const auto n = std::min(out.size(), bytes_.size() - static_cast<std::size_t>(offset));
    std::memcpy(out.data(), bytes_.data() + offset, n);
    return n;
  }
  Result<BlockView> BlockAt(std::uint64_t offset) const override {
    if (block_bytes_ == 0) return BlockView{0, bytes_, nullptr};
    const std::uint64_t begin = offset - offset % block_bytes_;
    const std::uint64_t n = std::min<std::uint64_t>(block_bytes_, bytes_.size() - begin);
    const auto first = bytes_.begin() + static_cast<std::ptrdiff_t>(begin);
    auto copy =
        std::make_shared<std::vector<std::byte>>(first, first + static_cast<std::ptrdiff_t>(n));
    return BlockView{begin, *copy, copy};
  }

 private:
  std::string name_ = "memory";
  std::vector<std::byte> bytes_;
  std::size_t block_bytes_;
};

}  // namespace v2p::test

// Builds LiME images out of ranges with recognisable contents.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace v2p::test {

/// The byte that builders store for physical address `pa`: differs between neighbours and pages.
std::byte PatternByte(std::uint64_t pa);

class LimeBuilder {
 public:
  /// A range [first, last], last inclusive as in the format, followed by its data.
  LimeBuilder& Range(std::uint64_t first, std::uint64_t last);
  /// The same header with only `held` bytes of data behind it, as a writer that gave up leaves it.
  LimeBuilder& ShortRange(std::uint64_t first, std::uint64_t last, std::uint64_t held);
  LimeBuilder& Zeros(std::size_t count);

  /// File offset of the header of the i-th range added.
  std::size_t HeaderAt(std::size_t i) const { return headers_.at(i); }
  const std::vector<std::byte>& Bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> headers_;
};

}  // namespace v2p::test

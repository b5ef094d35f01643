// Search for aligned qwords that begin something worth a look, several kinds in one pass.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace v2p {

/// A qword w matches when (w & mask) == value.
struct WordMark {
  std::uint64_t value = 0;
  std::uint64_t mask = ~std::uint64_t{0};

  bool Matches(std::uint64_t word) const { return (word & mask) == value; }
};

inline constexpr std::size_t kWordMarks = 3;
using WordMarks = std::array<WordMark, kWordMarks>;

/// Offset, a multiple of 8 at or after `from`, of the first qword that one of `marks` matches;
/// bytes.size() when there is none. By the widest vectors the processor has.
std::size_t FindMarkedWord(std::span<const std::byte> bytes, const WordMarks& marks,
                           std::size_t from = 0);

}  // namespace v2p

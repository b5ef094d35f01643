// Search for short texts and for pairs of equal qwords, by the widest vectors the processor has.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "locate/detector.h"

namespace v2p {

inline constexpr std::size_t kNotFound = ~std::size_t{0};

/// Offset of the first occurrence of `needle`, which has two bytes at least, that begins at or
/// after `from`; else kNotFound. Reads nothing outside `bytes`, which has any alignment. Fast when
/// few places have both the needle's first and its last byte.
std::size_t FindBytes(std::span<const std::byte> bytes, std::string_view needle,
                      std::size_t from = 0);

/// Offset, a multiple of 8 at or after `from`, of the first two adjacent qwords that are equal and
/// not below `least` as unsigned numbers; else kNotFound. `least` has its top bit set: such values
/// are kernel pointers.
std::size_t FindEqualPair(std::span<const std::byte> bytes, std::uint64_t least,
                          std::size_t from = 0);

/// Calls `see(page index, offset in the page)` for each place of a run where a page has `needle`,
/// ascending. What crosses from one page into the next is left out: pages that are neighbours in
/// one cut of memory are not in another.
template <class See>
void ForEachInPages(const PageRun& run, std::string_view needle, See see) {
  std::size_t at = FindBytes(run.bytes, needle);
  for (; at != kNotFound; at = FindBytes(run.bytes, needle, at + 1)) {
    const std::size_t in_page = at % kPageBytes;
    if (in_page + needle.size() <= kPageBytes) see(at / kPageBytes, in_page);
  }
}

/// The same for pairs of equal qwords not below `least`.
template <class See>
void ForEachPairInPages(const PageRun& run, std::uint64_t least, See see) {
  std::size_t at = FindEqualPair(run.bytes, least);
  for (; at != kNotFound; at = FindEqualPair(run.bytes, least, at + 8)) {
    const std::size_t in_page = at % kPageBytes;
    if (in_page + 16 <= kPageBytes) see(at / kPageBytes, in_page);
  }
}

}  // namespace v2p

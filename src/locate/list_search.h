// Search for empty list heads: two equal kernel pointers that lead back to themselves.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "locate/byte_search.h"
#include "locate/detector.h"

namespace v2p {

/// Offset, a multiple of 8 at or after `from`, of the first LIST_ENTRY of two 64-bit pointers that
/// are equal, have their top bit set and agree in their low 12 bits with where they stand: the
/// only part of its virtual address that a page knows. `pages` begins with a page.
std::size_t FindEmptyList64(std::span<const std::byte> pages, std::size_t from = 0);
/// The same for two 32-bit pointers.
std::size_t FindEmptyList32(std::span<const std::byte> pages, std::size_t from = 0);

/// Calls `see(page index, offset in the page)` for each of them that lies in one page, ascending.
template <class See>
void ForEachEmptyList64(const PageRun& run, See see) {
  for (std::size_t at = FindEmptyList64(run.bytes); at != kNotFound;
       at = FindEmptyList64(run.bytes, at + 8)) {
    if (at % kPageBytes + 16 <= kPageBytes) see(at / kPageBytes, at % kPageBytes);
  }
}

template <class See>
void ForEachEmptyList32(const PageRun& run, See see) {
  for (std::size_t at = FindEmptyList32(run.bytes); at != kNotFound;
       at = FindEmptyList32(run.bytes, at + 8)) {
    see(at / kPageBytes, at % kPageBytes);
  }
}

}  // namespace v2p

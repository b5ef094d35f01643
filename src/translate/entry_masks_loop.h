// The loop over a table, for vectors of any width; included by one file a processor level.
// Internal to src/translate.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

#include "base/address.h"
#include "translate/entry_masks.h"

#define V2P_MASKS_INLINE [[gnu::always_inline]] inline

namespace v2p {
namespace {

// The entry before the first is not read: a copy of the first vector stands in for it.
template <class Vector>
V2P_MASKS_INLINE void MaskVectors(const std::byte* table, const Vector& vector, EntryMasks& masks) {
  using Entry = typename Vector::Entry;
  constexpr std::size_t kStep = Vector::kLanes * sizeof(Entry);
  std::byte shifted[kStep] = {};
  std::memcpy(shifted + sizeof(Entry), table, kStep - sizeof(Entry));
  std::uint64_t* const page_out = masks.page.data();
  std::uint64_t* const next_out = masks.next.data();
  const std::byte* at = table;
  const std::byte* before = shifted;
  for (std::size_t word = 0; word < kPageBytes / sizeof(Entry) / 64; ++word) {
    std::uint64_t pages = 0;
    std::uint64_t nexts = 0;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 64; i += Vector::kLanes) {
      unsigned page = 0;
      unsigned next = 0;
      vector.Masks(at, before, page, next);
      pages |= std::uint64_t{page} << i;
      nexts |= std::uint64_t{next} << i;
      at += kStep;
      before = at - sizeof(Entry);
    }
    page_out[word] = pages;
    next_out[word] = nexts;
  }
  next_out[0] &= ~std::uint64_t{1};
}

}  // namespace
}  // namespace v2p

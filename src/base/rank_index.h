// RankIndex: a bitmap of present frames whose pages are stored in bit order.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include "base/address.h"
#include "base/run_index.h"

namespace v2p {

/// Page `pfn` is stored at first_page + 4096 * (number of set bits below pfn). One 32-bit count per
/// 64 frames: 0.0625 bytes a frame on the heap, the bits themselves may stay in the file mapping.
class RankIndex {
 public:
  RankIndex() = default;

  /// `bitmap` holds at least ceil(bits / 8) bytes, least significant bit first; `keep` owns it.
  /// Bits at and above `bits` are ignored. Frames whose rank is not below `stored_pages` (a
  /// truncated file) count as absent.
  RankIndex(std::span<const std::byte> bitmap, std::uint64_t bits, FileOffset first_page,
            std::uint64_t stored_pages, std::shared_ptr<const void> keep);

  std::optional<Location> Find(PhysAddr pa) const {
    const std::uint64_t pfn = pa.value >> kPageShift;
    if (pfn >= bits_) return std::nullopt;
    const std::uint64_t word = Word(pfn / 64);
    const std::uint64_t bit = std::uint64_t{1} << (pfn % 64);
    if ((word & bit) == 0) return std::nullopt;
    const std::uint64_t rank =
        ranks_[pfn / 64] + static_cast<unsigned>(std::popcount(word & (bit - 1)));
    const std::uint64_t into = pa.value % kPageBytes;
    return Location{first_page_ + rank * kPageBytes + into, kPageBytes - into};
  }

  /// The lowest present byte in [from, end), or nothing.
  std::optional<PhysAddr> FirstPresent(PhysAddr from, PhysAddr end) const;

  /// Calls `visit(Extent)` for every maximal run of present frames, ascending.
  template <class Visit>
  void ForEach(Visit visit) const;

  std::uint64_t PresentBytes() const { return present_pages_ * kPageBytes; }
  /// Address past the last present byte; 0 when there is none.
  PhysAddr End() const;
  /// Set bits in the whole bitmap, stored or not.
  std::uint64_t SetBits() const { return set_bits_; }
  std::size_t HeapBytes() const { return rank_count_ * sizeof(std::uint32_t); }

 private:
  // Frames of word `index` that count.
  std::uint64_t Present(std::uint64_t index) const {
    const std::uint64_t left = bits_ - index * 64;
    const std::uint64_t word = Word(index);
    return left < 64 ? word & ((std::uint64_t{1} << left) - 1) : word;
  }
  // The last word may be cut short by the file; its missing bytes hold no frames.
  std::uint64_t Word(std::uint64_t index) const {
    std::uint64_t word = 0;
    if (index < whole_words_) {
      std::memcpy(&word, bitmap_.data() + index * 8, 8);
    } else {
      word = tail_word_;
    }
    return word;
  }

  std::span<const std::byte> bitmap_;
  std::shared_ptr<const void> keep_;
  std::unique_ptr<std::uint32_t[]> ranks_;  // not a vector: it would be zeroed before it is filled
  std::size_t rank_count_ = 0;
  std::uint64_t bits_ = 0;  // clamped so that every set bit below has a stored page
  std::uint64_t whole_words_ = 0;
  std::uint64_t tail_word_ = 0;
  FileOffset first_page_;
  std::uint64_t present_pages_ = 0;
  std::uint64_t set_bits_ = 0;
};

template <class Visit>
void RankIndex::ForEach(Visit visit) const {
  Extent run;
  std::uint64_t rank = 0;
  const auto flush = [&] {
    if (run.bytes != 0) visit(run);
    run.bytes = 0;
  };
  for (std::uint64_t base = 0; base < bits_; base += 64) {
    std::uint64_t word = Present(base / 64);
    std::uint64_t position = 0;
    while (word != 0) {
      const unsigned skip = static_cast<unsigned>(std::countr_zero(word));
      position += skip;
      word >>= skip;
      const unsigned length = static_cast<unsigned>(std::countr_one(word));
      const PhysAddr begin = Pfn(base + position).Base();
      if (run.bytes == 0 || run.End() != begin) {
        flush();
        run = {begin, 0, first_page_ + rank * kPageBytes};
      }
      run.bytes += length * kPageBytes;
      rank += length;
      position += length;
      word = length == 64 ? 0 : word >> length;
    }
  }
  flush();
}

}  // namespace v2p

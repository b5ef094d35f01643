// Building of the rank index: one pass over the bitmap.
// SPDX-License-Identifier: Apache-2.0
#include "base/rank_index.h"

namespace v2p {

RankIndex::RankIndex(std::span<const std::byte> bitmap, std::uint64_t bits, FileOffset first_page,
                     std::uint64_t stored_pages, std::shared_ptr<const void> keep)
    : bitmap_(bitmap), keep_(std::move(keep)), bits_(bits), first_page_(first_page) {
  whole_words_ = bits / 64;
  const std::uint64_t words = (bits + 63) / 64;
  if (words > whole_words_) {
    const std::uint64_t tail_bytes = (bits % 64 + 7) / 8;
    std::memcpy(&tail_word_, bitmap.data() + whole_words_ * 8, tail_bytes);
    tail_word_ &= (std::uint64_t{1} << (bits % 64)) - 1;
  }
  ranks_.resize(words);
  std::uint64_t rank = 0;
  std::uint64_t stored_bits = bits;  // first frame whose page is past the end of the file
  for (std::uint64_t i = 0; i < words; ++i) {
    const std::uint64_t word = Word(i);
    ranks_[i] = static_cast<std::uint32_t>(rank);
    const std::uint64_t next = rank + static_cast<unsigned>(std::popcount(word));
    if (rank <= stored_pages && next > stored_pages) {
      std::uint64_t rest = word;
      for (std::uint64_t skip = stored_pages - rank; skip > 0; --skip) rest &= rest - 1;
      stored_bits = i * 64 + static_cast<unsigned>(std::countr_zero(rest));
    }
    rank = next;
  }
  set_bits_ = rank;
  present_pages_ = rank < stored_pages ? rank : stored_pages;
  bits_ = stored_bits;
}

PhysAddr RankIndex::End() const {
  for (std::uint64_t i = (bits_ + 63) / 64; i > 0; --i) {
    std::uint64_t word = Word(i - 1);
    const std::uint64_t rest = bits_ - (i - 1) * 64;
    if (rest < 64) word &= (std::uint64_t{1} << rest) - 1;
    if (word == 0) continue;
    return Pfn((i - 1) * 64 + 64 - static_cast<unsigned>(std::countl_zero(word))).Base();
  }
  return PhysAddr();
}

}  // namespace v2p

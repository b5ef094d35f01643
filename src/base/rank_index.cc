// Building of the rank index: one pass over the bitmap.
// SPDX-License-Identifier: Apache-2.0
#include "base/rank_index.h"

#include <algorithm>

namespace v2p {
namespace {

struct RankTotals {
  std::uint64_t set_bits = 0;
  std::uint64_t stored_bits = 0;  // first frame whose page is past the end of the file
};

// Position of the set bit with `skip` set bits below it.
unsigned SelectBit(std::uint64_t word, std::uint64_t skip) {
  for (; skip > 0; --skip) word &= word - 1;
  return static_cast<unsigned>(std::countr_zero(word));
}

// Inlined into its two callers, so that popcount compiles to what each target has.
template <class Word>
[[gnu::always_inline]] inline RankTotals FillRanks(std::span<std::uint32_t> ranks, Word word_at,
                                                   std::uint64_t bits, std::uint64_t stored_pages) {
  RankTotals totals{0, bits};
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const std::uint64_t word = word_at(i);
    const std::uint64_t rank = totals.set_bits;
    ranks[i] = static_cast<std::uint32_t>(rank);
    totals.set_bits += static_cast<unsigned>(std::popcount(word));
    if (rank <= stored_pages && totals.set_bits > stored_pages) {
      totals.stored_bits = i * 64 + SelectBit(word, stored_pages - rank);
    }
  }
  return totals;
}

struct Words {
  const std::byte* bitmap;
  std::uint64_t whole;
  std::uint64_t tail;

  [[gnu::always_inline]] std::uint64_t operator()(std::uint64_t i) const {
    std::uint64_t word = tail;
    if (i < whole) std::memcpy(&word, bitmap + i * 8, 8);
    return word;
  }
};

RankTotals FillRanksPlain(std::span<std::uint32_t> ranks, Words words, std::uint64_t bits,
                          std::uint64_t stored_pages) {
  return FillRanks(ranks, words, bits, stored_pages);
}

#ifdef __x86_64__
[[gnu::target("popcnt")]] RankTotals FillRanksPopcnt(std::span<std::uint32_t> ranks, Words words,
                                                     std::uint64_t bits,
                                                     std::uint64_t stored_pages) {
  return FillRanks(ranks, words, bits, stored_pages);
}
#endif

}  // namespace

RankIndex::RankIndex(std::span<const std::byte> bitmap, std::uint64_t bits, FileOffset first_page,
                     std::uint64_t stored_pages, std::shared_ptr<const void> keep)
    : bitmap_(bitmap), keep_(std::move(keep)), whole_words_(bits / 64), first_page_(first_page) {
  if (bits % 64 != 0) {
    const std::uint64_t tail_bytes = (bits % 64 + 7) / 8;
    std::memcpy(&tail_word_, bitmap.data() + whole_words_ * 8, tail_bytes);
    tail_word_ &= (std::uint64_t{1} << (bits % 64)) - 1;
  }
  rank_count_ = static_cast<std::size_t>((bits + 63) / 64);
  ranks_ = std::make_unique_for_overwrite<std::uint32_t[]>(rank_count_);
  const Words words{bitmap.data(), whole_words_, tail_word_};
#ifdef __x86_64__
  const auto fill = __builtin_cpu_supports("popcnt") ? FillRanksPopcnt : FillRanksPlain;
#else
  const auto fill = FillRanksPlain;
#endif
  const RankTotals totals = fill({ranks_.get(), rank_count_}, words, bits, stored_pages);
  set_bits_ = totals.set_bits;
  present_pages_ = std::min(set_bits_, stored_pages);
  bits_ = totals.stored_bits;
}

std::optional<PhysAddr> RankIndex::FirstPresent(PhysAddr from, PhysAddr end) const {
  if (from >= end) return std::nullopt;
  const std::uint64_t first = from.value >> kPageShift;
  const std::uint64_t last = (end.value - 1) >> kPageShift;
  for (std::uint64_t word = first / 64; word * 64 <= last && word * 64 < bits_; ++word) {
    std::uint64_t frames = Present(word);
    if (word == first / 64) frames &= ~std::uint64_t{0} << (first % 64);
    if (frames == 0) continue;
    const std::uint64_t pfn = word * 64 + static_cast<unsigned>(std::countr_zero(frames));
    if (pfn > last) return std::nullopt;
    return std::max(from, Pfn(pfn).Base());
  }
  return std::nullopt;
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

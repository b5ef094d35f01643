// Packing and decoding of compression sets.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_sets.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "codec/xpress.h"

namespace v2p::hiberfil {
namespace {

// Encoders leave an end mark, an unused flag word or look-ahead behind the last symbol. More is no
// end of this stream; less is allowed where the method was only guessed, for almost any bytes are
// a plain stream of some length.
constexpr std::size_t kMostLeftOver = 64;
constexpr std::size_t kMostLeftOverGuessed = 8;

constexpr std::uint64_t kMostPages = std::numeric_limits<std::uint32_t>::max();

using Decoded = tl::expected<void, SetFault>;

Decoded Decode(Coding coding, std::span<const std::byte> stored, std::span<std::byte> out,
               std::size_t left_over) {
  const auto used =
      coding == Coding::kHuffman ? XpressHuffmanDecode(stored, out) : XpressDecode(stored, out);
  if (!used) {
    return tl::unexpected<SetFault>(SetFault{Describe(used.error().fault), used.error().at});
  }
  if (stored.size() - *used <= left_over) return {};
  return tl::unexpected<SetFault>(SetFault{"its pages are complete before its bytes end", *used});
}

// Since 24H2 the lowest of the four bits may mean Huffman as well; its table of code lengths is
// either exactly right or wrong, so it is tried first.
bool HuffmanFirst(const CompressionSet& set, MethodRule rule) {
  return CodingOf(set, rule) == Coding::kHuffman || (rule == MethodRule::kWide && set.method != 0);
}

}  // namespace

Coding CodingOf(const CompressionSet& set, MethodRule rule) {
  if (set.stored == set.Bytes()) return Coding::kRaw;
  const unsigned huffman = rule == MethodRule::kTwoBits ? 0x8 : rule == MethodRule::kWide ? 0xC : 0;
  return (set.method & huffman) != 0 ? Coding::kHuffman : Coding::kPlain;
}

Decoded DecodeSet(const CompressionSet& set, MethodRule rule, std::span<const std::byte> stored,
                  std::span<std::byte> out) {
  const Coding named = CodingOf(set, rule);
  if (named == Coding::kRaw) {
    std::memcpy(out.data(), stored.data(), out.size());
    return {};
  }
  if (rule == MethodRule::kPlainOnly) return Decode(Coding::kPlain, stored, out, kMostLeftOver);
  const bool huffman = HuffmanFirst(set, rule);
  const Coding first = huffman ? Coding::kHuffman : Coding::kPlain;
  const Coding second = huffman ? Coding::kPlain : Coding::kHuffman;
  const auto decoded = Decode(first, stored, out, kMostLeftOver);
  if (decoded) return decoded;
  const auto other = Decode(second, stored, out, kMostLeftOverGuessed);
  return other || second == named ? other : decoded;
}

bool SetTable::Add(FileOffset at, std::uint32_t stored, unsigned pages, unsigned method) {
  if (at.value >= kMostFileBytes || pages_ > kMostPages - pages) return false;
  packed_.push_back(at.value << 20U | std::uint64_t{stored - 1} << 4U | (method & 0xFU));
  first_pages_.push_back(static_cast<std::uint32_t>(pages_));
  pages_ += pages;
  return true;
}

CompressionSet SetTable::At(std::size_t i) const {
  const std::uint64_t packed = packed_[i];
  const std::uint64_t end = i + 1 < first_pages_.size() ? first_pages_[i + 1] : pages_;
  CompressionSet set;
  set.at = FileOffset(packed >> 20U);
  set.stored = static_cast<std::uint32_t>(packed >> 4U & 0xFFFFU) + 1;
  set.method = static_cast<unsigned>(packed & 0xFU);
  set.first_page = first_pages_[i];
  set.pages = static_cast<unsigned>(end - set.first_page);
  return set;
}

std::size_t SetTable::IndexOf(std::uint64_t page) const {
  const auto after = std::upper_bound(first_pages_.begin(), first_pages_.end(), page);
  return static_cast<std::size_t>(after - first_pages_.begin()) - 1;
}

std::size_t SetTable::HeapBytes() const {
  return packed_.capacity() * sizeof(std::uint64_t) +
         first_pages_.capacity() * sizeof(std::uint32_t);
}

}  // namespace v2p::hiberfil

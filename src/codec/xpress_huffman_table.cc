// Builds lookup tables from code lengths: sort by length, then fill from the front.
// SPDX-License-Identifier: Apache-2.0
#include "codec/xpress_huffman_table.h"

#include <cstring>

namespace v2p::xpress {
namespace {

using Counts = std::array<std::uint32_t, kMaxCodeBits + 1>;

// [MS-XCA] 2.2.4: symbols from 256 hold the length less 3 below the number of offset bits.
constexpr std::uint32_t EntryWithoutCode(std::uint32_t symbol) {
  if (symbol < 256) return symbol << 8U;
  const std::uint32_t length = symbol & 15U;
  const std::uint32_t offset_bits = (symbol - 256) >> 4U;
  const std::uint32_t base = HuffmanTable::kFirstMatch << offset_bits;
  if (length == 15) return base | HuffmanTable::kRareMatch;
  if (length == 14) return base | 17U << 8U | HuffmanTable::kRareMatch;
  return base | (length + 3) << 8U | offset_bits;
}

constexpr std::array<std::uint32_t, kSymbols> kEntries = [] {
  std::array<std::uint32_t, kSymbols> entries{};
  for (std::uint32_t symbol = 0; symbol < kSymbols; ++symbol) {
    entries[symbol] = EntryWithoutCode(symbol);
  }
  return entries;
}();

std::uint64_t EightBytes(const std::uint8_t* p) {
  std::uint64_t value = 0;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// How many symbols have each length; 0 is not counted.
Counts CountLengths(const std::uint8_t* lengths) {
  std::array<Counts, 2> counts{};  // two, so that equal neighbours do not wait for each other
  for (std::size_t at = 0; at < kTableBytes; at += 8) {
    if (EightBytes(lengths + at) == 0) continue;
    for (std::size_t i = at; i < at + 8; ++i) {
      ++counts[0][lengths[i] & 15U];
      ++counts[1][lengths[i] >> 4U];
    }
  }
  for (std::size_t i = 0; i < counts[0].size(); ++i) counts[0][i] += counts[1][i];
  counts[0][0] = 0;
  return counts[0];
}

// The entries of all symbols that have a code, by length and then by symbol: the canonical order.
void SortEntries(const std::uint8_t* lengths, const Counts& counts, std::uint32_t* sorted) {
  Counts next;
  next[0] = kSymbols;  // symbols without a code go where nobody looks
  std::uint32_t sum = 0;
  for (std::size_t length = 1; length < counts.size(); ++length) {
    next[length] = sum;
    sum += counts[length];
  }
  for (std::size_t at = 0; at < kTableBytes; at += 8) {
    if (EightBytes(lengths + at) == 0) continue;
    for (std::size_t i = at; i < at + 8; ++i) {
      const std::uint32_t low = lengths[i] & 15U;
      const std::uint32_t high = lengths[i] >> 4U;
      sorted[next[low]++] = kEntries[2 * i] + low;
      sorted[next[high]++] = kEntries[2 * i + 1] + high;
    }
  }
}

// Each of `count` entries `run` times; may write three entries more.
std::uint32_t* Fill(std::uint32_t* to, const std::uint32_t* entries, std::size_t count,
                    std::size_t run) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::array<std::uint32_t, 4> four = {entries[i], entries[i], entries[i], entries[i]};
    for (std::size_t at = 0; at < run; at += 4) std::memcpy(to + at, four.data(), sizeof four);
    to += run;
  }
  return to;
}

}  // namespace

XpressFault BuildHuffmanTable(const std::uint8_t* lengths, HuffmanTable& table) {
  const Counts counts = CountLengths(lengths);
  std::uint32_t claimed = 0;
  for (unsigned length = 1; length <= kMaxCodeBits; ++length) {
    claimed += counts[length] << (kMaxCodeBits - length);
  }
  if (claimed > 1U << kMaxCodeBits) return XpressFault::kOversubscribed;
  if (claimed < 1U << kMaxCodeBits) return XpressFault::kIncomplete;

  std::array<std::uint32_t, 2 * kSymbols> sorted;
  SortEntries(lengths, counts, sorted.data());
  const std::uint32_t* entries = sorted.data();
  std::uint32_t* to = table.first.data();
  for (unsigned length = 1; length <= HuffmanTable::kFirstBits; ++length) {
    to = Fill(to, entries, counts[length], std::size_t{1} << (HuffmanTable::kFirstBits - length));
    entries += counts[length];
  }
  const auto used = static_cast<std::size_t>(to - table.first.data());
  table.first_long = static_cast<std::uint32_t>(used << (kMaxCodeBits - HuffmanTable::kFirstBits));
  const std::uint32_t long_code = HuffmanTable::kFirstMatch | HuffmanTable::kLongCode;
  for (std::size_t i = used; i < 1U << HuffmanTable::kFirstBits; ++i) table.first[i] = long_code;
  to = table.second.data();
  for (unsigned length = HuffmanTable::kFirstBits + 1; length <= kMaxCodeBits; ++length) {
    to = Fill(to, entries, counts[length], std::size_t{1} << (kMaxCodeBits - length));
    entries += counts[length];
  }
  return XpressFault::kNone;
}

}  // namespace v2p::xpress

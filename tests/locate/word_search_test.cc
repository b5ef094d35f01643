// The search for marked words against a plain loop, at every alignment and length of the vectors.
// SPDX-License-Identifier: Apache-2.0
#include "locate/word_search.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace v2p {
namespace {

constexpr WordMarks kMarks = {{{0x4742444B, 0xFFFFFFFF}, {0x1111222233334444}, {0xFF00, 0xFF00}}};

std::vector<std::size_t> Plain(std::span<const std::byte> bytes) {
  std::vector<std::size_t> found;
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    for (const WordMark& mark : kMarks) {
      if ((word & mark.mask) != mark.value) continue;
      found.push_back(at);
      break;
    }
  }
  return found;
}

std::vector<std::size_t> All(std::span<const std::byte> bytes) {
  std::vector<std::size_t> found;
  for (std::size_t at = FindMarkedWord(bytes, kMarks); at < bytes.size();
       at = FindMarkedWord(bytes, kMarks, at + 8)) {
    found.push_back(at);
  }
  return found;
}

TEST(WordSearch, FindsWhatAPlainLoopFinds) {
  std::mt19937_64 random(1);
  std::size_t hits = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<std::byte> bytes(8 * (random() % 60) + random() % 24 + 8);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random() % 4);
    const auto part = std::span(bytes).subspan(random() % 8);
    for (std::size_t at = 0; at + 8 <= part.size(); at += 8) {
      const WordMark& mark = kMarks[random() % kWordMarks];
      const std::uint64_t word = mark.value | (random() & ~mark.mask);
      if (random() % 5 == 0) std::memcpy(part.data() + at, &word, 8);
    }
    const auto expected = Plain(part);
    hits += expected.size();
    EXPECT_EQ(All(part), expected);
  }
  EXPECT_GT(hits, 400U);
}

TEST(WordSearch, NothingInNothing) {
  EXPECT_EQ(FindMarkedWord({}, kMarks), 0U);
  const std::vector<std::byte> zeros(64);
  EXPECT_EQ(FindMarkedWord(zeros, kMarks), 64U);
  EXPECT_EQ(FindMarkedWord(zeros, kMarks, 64), 64U);
  EXPECT_EQ(FindMarkedWord(std::span(zeros).first(7), kMarks), 7U);
}

}  // namespace
}  // namespace v2p

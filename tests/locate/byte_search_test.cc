// Search for texts and pairs, against a plain loop at every alignment and length. Synthetic bytes.
// SPDX-License-Identifier: Apache-2.0
#include "locate/byte_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace v2p::test {
namespace {

// Bytes in a block of their own size, so that a sanitizer sees what is read beyond them.
struct Exact {
  explicit Exact(std::span<const std::byte> from)
      : size(from.size()), data(std::make_unique<std::byte[]>(size)) {
    std::copy(from.begin(), from.end(), data.get());
  }
  std::span<const std::byte> Bytes() const { return {data.get(), size}; }

  std::size_t size;
  std::unique_ptr<std::byte[]> data;
};

std::vector<std::byte> Letters(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(count);
  for (std::byte& b : bytes) b = static_cast<std::byte>('a' + random() % 3);
  return bytes;
}

std::vector<std::size_t> All(std::span<const std::byte> bytes, std::string_view needle) {
  std::vector<std::size_t> found;
  for (std::size_t at = FindBytes(bytes, needle); at != kNotFound;
       at = FindBytes(bytes, needle, at + 1)) {
    found.push_back(at);
  }
  return found;
}

TEST(ByteSearch, FindsWhatAPlainSearchFinds) {
  const auto letters = Letters(400, 1);
  std::size_t hits = 0;
  for (std::size_t begin = 0; begin < 40; ++begin) {
    for (std::size_t size = 0; begin + size <= letters.size(); size += 7) {
      const Exact part{std::span(letters).subspan(begin, size)};
      const std::string_view text(reinterpret_cast<const char*>(part.data.get()), size);
      for (const std::string_view needle : {"ab", "abc", "cabca", "aabbccaabbccaabbcc"}) {
        std::vector<std::size_t> expected;
        for (auto at = text.find(needle); at != text.npos; at = text.find(needle, at + 1)) {
          expected.push_back(at);
        }
        ASSERT_EQ(All(part.Bytes(), needle), expected) << needle << " " << begin << " " << size;
        hits += expected.size();
      }
    }
  }
  EXPECT_GT(hits, 1000U);
}

TEST(ByteSearch, FindsWhatAPlainLoopOfPairsFinds) {
  constexpr std::uint64_t kLeast = 0xFFFF'8000'0000'0000;
  std::mt19937 random(2);
  std::vector<std::byte> bytes(8 * 200 + 64);
  constexpr std::uint64_t kValues[] = {0, kLeast, kLeast - 1, ~std::uint64_t{0}, 0x8000'0000};
  std::size_t hits = 0;
  for (std::size_t begin = 0; begin < 64; ++begin) {
    for (std::size_t i = 0; i < 200; ++i)
      StoreLe(bytes.data() + begin + i * 8, kValues[random() % 5]);
    const std::size_t size = 8 * 200 - begin * 9;
    const Exact part{std::span(bytes).subspan(begin, size)};
    std::vector<std::size_t> expected, found;
    for (std::size_t at = 0; at + 16 <= size; at += 8) {
      const auto value = LoadLe<std::uint64_t>(part.data.get() + at);
      if (value >= kLeast && value == LoadLe<std::uint64_t>(part.data.get() + at + 8)) {
        expected.push_back(at);
      }
    }
    for (std::size_t at = FindEqualPair(part.Bytes(), kLeast); at != kNotFound;
         at = FindEqualPair(part.Bytes(), kLeast, at + 8)) {
      found.push_back(at);
    }
    ASSERT_EQ(found, expected) << begin;
    hits += expected.size();
  }
  EXPECT_GT(hits, 300U);
}

TEST(ByteSearch, NothingInLittle) {
  const std::vector<std::byte> bytes(24);
  EXPECT_EQ(FindBytes({}, "ab"), kNotFound);
  EXPECT_EQ(FindBytes(bytes, "ab", 100), kNotFound);
  EXPECT_EQ(FindEqualPair({}, 1ULL << 63U), kNotFound);
  EXPECT_EQ(FindEqualPair(std::span(bytes).first(15), 1ULL << 63U), kNotFound);
  EXPECT_EQ(FindEqualPair(bytes, 1ULL << 63U, 100), kNotFound);
}

// A text over the border of two pages is in neither, however memory was cut.
TEST(ByteSearch, PagesAreSearchedOneByOne) {
  std::vector<std::byte> bytes(3 * kPageBytes);
  const auto put = [&](std::size_t at) { std::memcpy(bytes.data() + at, "needle", 6); };
  put(10);
  put(kPageBytes - 6);
  put(2 * kPageBytes - 5);
  put(2 * kPageBytes + 7);
  std::vector<std::pair<std::size_t, std::size_t>> seen;
  ForEachInPages({PhysAddr(0), bytes}, "needle",
                 [&](std::size_t page, std::size_t at) { seen.emplace_back(page, at); });
  EXPECT_EQ(seen, (decltype(seen){{0, 10}, {0, kPageBytes - 6}, {2, 7}}));

  constexpr std::uint64_t kPointer = 0xFFFF'8000'0000'0010;
  for (std::size_t at : {kPageBytes - 8, kPageBytes, 2 * kPageBytes + 16, 2 * kPageBytes + 24}) {
    StoreLe(bytes.data() + at, kPointer);
  }
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  ForEachPairInPages({PhysAddr(0), bytes}, kPointer,
                     [&](std::size_t page, std::size_t at) { pairs.emplace_back(page, at); });
  EXPECT_EQ(pairs, (decltype(pairs){{2, 16}}));
}

}  // namespace
}  // namespace v2p::test

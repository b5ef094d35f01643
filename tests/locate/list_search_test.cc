// Search for empty lists, against a plain loop in every position of a page. Synthetic bytes.
// SPDX-License-Identifier: Apache-2.0
#include "locate/list_search.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/bytes.h"

namespace v2p::test {
namespace {

using Places = std::vector<std::pair<std::size_t, std::size_t>>;

template <class Pointer>
Places Expected(std::span<const std::byte> pages) {
  Places places;
  for (std::size_t at = 0; at + 2 * sizeof(Pointer) <= pages.size(); at += 8) {
    const auto first = LoadLe<Pointer>(pages.data() + at);
    const auto second = LoadLe<Pointer>(pages.data() + at + sizeof(Pointer));
    if (at % 0x1000 + 2 * sizeof(Pointer) > 0x1000 || first != second) continue;
    if (first >> (8 * sizeof(Pointer) - 1) == 1 && (first & 0xFFFU) == at % 0x1000) {
      places.emplace_back(at / 0x1000, at % 0x1000);
    }
  }
  return places;
}

// Lists, and what differs from one in a single respect.
std::vector<std::byte> Pages(std::mt19937& random, std::size_t count) {
  std::vector<std::byte> pages(count * 0x1000);
  for (std::size_t at = 0; at + 16 <= pages.size(); at += 8) {
    const std::uint64_t self = 0xFFFF'C08B'DCE9'4000 | (at & 0xFFFU);
    const auto self32 = static_cast<std::uint32_t>(self | 0x8000'0000U);
    switch (random() % 12) {
      case 0:
        StoreLe(pages.data() + at, self);
        StoreLe(pages.data() + at + 8, self);
        at += 8;
        break;
      case 1:
        StoreLe(pages.data() + at, std::uint64_t{self32} << 32U | self32);
        break;
      case 2:
        StoreLe(pages.data() + at, self & ~(std::uint64_t{1} << 63U));
        StoreLe(pages.data() + at + 8, self & ~(std::uint64_t{1} << 63U));
        break;
      case 3:
        StoreLe(pages.data() + at, ~std::uint64_t{0});
        break;
      case 4:
        StoreLe(pages.data() + at, self + 8);
        StoreLe(pages.data() + at + 8, self + 8);
        break;
      case 5:
        StoreLe(pages.data() + at, std::uint64_t{self32 + 8} << 32U | (self32 + 8));
        break;
      default:
        StoreLe(pages.data() + at, self);
        break;
    }
  }
  return pages;
}

TEST(ListSearch, FindsWhatAPlainLoopFinds) {
  std::mt19937 random(7);
  std::size_t hits = 0;
  for (std::size_t count = 0; count < 12; ++count) {
    const auto pages = Pages(random, count);
    const PageRun run{PhysAddr(0x5000), pages};
    Places lists64, lists32;
    ForEachEmptyList64(run, [&](auto page, auto at) { lists64.emplace_back(page, at); });
    ForEachEmptyList32(run, [&](auto page, auto at) { lists32.emplace_back(page, at); });
    ASSERT_EQ(lists64, Expected<std::uint64_t>(pages)) << count;
    ASSERT_EQ(lists32, Expected<std::uint32_t>(pages)) << count;
    hits += std::min(lists64.size(), lists32.size());
  }
  EXPECT_GT(hits, 500U);
}

TEST(ListSearch, NothingInFillings) {
  for (const auto fill : {std::byte{0}, std::byte{0xFF}, std::byte{0xFE}}) {
    const std::vector<std::byte> pages(4 * 0x1000, fill);
    EXPECT_EQ(FindEmptyList64(pages), kNotFound);
    EXPECT_EQ(FindEmptyList32(pages), kNotFound);
  }
  EXPECT_EQ(FindEmptyList64({}), kNotFound);
  EXPECT_EQ(FindEmptyList32({}), kNotFound);
}

}  // namespace
}  // namespace v2p::test

// Batches against single walks, on random (synthetic) tables: ten million addresses a mode, in
// every order that a batch treats differently, on one thread and on several.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "support/random_tables.h"
#include "translate/walker.h"

namespace v2p::test {
namespace {

struct Case {
  const char* name;
  const char* mode;
  bool split_roots;
};
const Case kCases[] = {{"x86", "x86", false},     {"pae", "pae", false},
                       {"x64", "x64", false},     {"la57", "x64-la57", false},
                       {"arm64", "arm64", false}, {"arm64split", "arm64", true}};

// Random ones, then neighbours of these in order, then the two mixed.
std::vector<VirtAddr> Addresses(const Case& test, std::size_t count, std::mt19937_64& random) {
  std::vector<VirtAddr> addresses;
  while (addresses.size() < count / 3) {
    addresses.emplace_back(RandomAddress(test.mode, test.split_roots, random));
  }
  while (addresses.size() < count) {
    std::uint64_t va = RandomAddress(test.mode, test.split_roots, random);
    for (int i = 0; i < 200; ++i) addresses.emplace_back(va += random() % 0x8000);
    if (addresses.size() > count * 2 / 3) {
      std::shuffle(addresses.end() - 200, addresses.end(), random);
      for (int i = 0; i < 40; ++i) {
        addresses.emplace_back(RandomAddress(test.mode, test.split_roots, random));
      }
    }
  }
  return addresses;
}

bool SameWalk(const Walk& a, const Walk& b) {
  if (a.va != b.va || a.root != b.root || a.pa != b.pa || a.page_bytes != b.page_bytes ||
      a.step_count != b.step_count || a.status != b.status || a.state != b.state) {
    return false;
  }
  for (std::size_t i = 0; i < a.step_count; ++i) {
    if (a.steps[i].entry_at != b.steps[i].entry_at) return false;
    if (a.steps[i].entry != b.steps[i].entry) return false;
  }
  return true;
}

// Ten million addresses; sanitizers, which take ten times as long, get the first two.
#ifdef V2P_SANITIZED
constexpr std::size_t kImages = 4;
#else
constexpr std::size_t kImages = 20;
#endif

class BatchWalk : public testing::TestWithParam<Case> {};

TEST_P(BatchWalk, EqualsSingleWalks) {
  constexpr std::size_t kAddresses = 500000;
  const Case& test = GetParam();
  std::mt19937_64 random(31);
  std::size_t mapped = 0;
  std::size_t total = 0;
  for (std::size_t image = 0; image < kImages; ++image) {
    const RandomTables tables = MakeRandomTables(test.mode, test.split_roots, random);
    const Backing backing = image % 2 == 0 ? Backing::kBitmap : kAllBackings[image / 2 % 4];
    const auto memory = tables.memory.Build(backing);
    const AddressSpace space(
        *memory, {.mode = *ModeByName(test.mode), .dtb = tables.dtb, .ttbr1 = tables.ttbr1});
    const auto addresses = Addresses(test, kAddresses, random);
    Walker walker(space);
    std::vector<Walk> walks(addresses.size());
    walker.Translate(addresses, walks);
    std::vector<WalkResult> results(addresses.size());
    walker.Resolve(addresses, results);
    std::vector<WalkResult> parallel(addresses.size());
    ResolveParallel(space, addresses, parallel, 3);
    EXPECT_TRUE(results == parallel);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const Walk single = space.Translate(addresses[i]);
      ASSERT_TRUE(SameWalk(single, walks[i])) << std::hex << addresses[i].value;
      ASSERT_TRUE(results[i] == WalkResult::Of(single)) << std::hex << addresses[i].value;
      mapped += single.Mapped() ? 1 : 0;
    }
    total += addresses.size();
  }
  EXPECT_GE(total, kImages * kAddresses);
  EXPECT_GT(mapped, total / 4);
  EXPECT_LT(mapped, total);
}

// A walker that knows no tables walks in groups, as one of a large image mostly does.
TEST_P(BatchWalk, EqualsSingleWalksWhenNothingIsKnown) {
  constexpr std::size_t kBatch = 40;
  const Case& test = GetParam();
  std::mt19937_64 random(32);
  for (std::size_t image = 0; image < 8; ++image) {
    const RandomTables tables = MakeRandomTables(test.mode, test.split_roots, random);
    const auto memory = tables.memory.Build(kAllBackings[image % 4]);
    const AddressSpace space(
        *memory, {.mode = *ModeByName(test.mode), .dtb = tables.dtb, .ttbr1 = tables.ttbr1});
    const auto addresses = Addresses(test, 20'000, random);
    for (std::size_t at = 0; at + kBatch <= addresses.size(); at += kBatch) {
      const auto some = std::span(addresses).subspan(at, kBatch);
      std::array<Walk, kBatch> walks;
      Walker(space).Translate(some, walks);
      std::array<WalkResult, kBatch> results;
      Walker(space).Resolve(some, results);
      for (std::size_t i = 0; i < kBatch; ++i) {
        const Walk single = space.Translate(some[i]);
        ASSERT_TRUE(SameWalk(single, walks[i])) << std::hex << some[i].value;
        ASSERT_TRUE(results[i] == WalkResult::Of(single)) << std::hex << some[i].value;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, BatchWalk, testing::ValuesIn(kCases),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace v2p::test

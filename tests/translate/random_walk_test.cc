// Random page tables and addresses: the walker against a second, dumber translator, over every
// way an image stores pages.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "support/plain_translator.h"
#include "support/random_tables.h"
#include "translate/address_space.h"
#include "translate/walker.h"

namespace v2p::test {
namespace {

struct Case {
  const char* name;
  const char* mode;
  bool split_roots;
  std::vector<std::string> endings;  // each must be a tenth of the walks or more
};

const Case kCases[] = {
    {"x86", "x86", false, {"mapped 4096", "mapped 4194304"}},
    {"pae", "pae", false, {"mapped 4096", "mapped 2097152"}},
    {"x64", "x64", false, {"mapped 4096", "mapped 2097152", "mapped 1073741824"}},
    {"la57", "x64-la57", false, {"mapped 4096", "mapped 2097152", "mapped 1073741824"}},
    {"arm64", "arm64", false, {"mapped 4096", "mapped 2097152", "mapped 1073741824"}},
    {"arm64split", "arm64", true, {"mapped 4096", "mapped 2097152", "mapped 1073741824"}},
};

std::string EndingOf(const Walk& walk) {
  std::string name(Name(walk.status));
  return walk.Mapped() ? name + " " + std::to_string(walk.page_bytes) : name;
}

// One line when the two differ, else nothing.
std::string Difference(const Walk& walk, const PlainWalk& plain) {
  if (Name(walk.status) != plain.ending) return "ends " + EndingOf(walk) + ", not " + plain.ending;
  if (walk.root.value != plain.root) return "root";
  if (walk.step_count != plain.entries.size()) return "step count";
  for (std::size_t i = 0; i < plain.entries.size(); ++i) {
    if (walk.steps[i].entry_at.value != plain.entries[i].first) return "entry address";
    if (walk.steps[i].entry != plain.entries[i].second) return "entry";
    const bool unread = plain.ending == "table-not-in-image" && i + 1 == plain.entries.size();
    if (walk.WasRead(i) == unread) return "read or not";
  }
  if (walk.pa.value != plain.pa || walk.page_bytes != plain.page) return "page";
  return "";
}

class RandomWalk : public testing::TestWithParam<Case> {};

TEST_P(RandomWalk, AgreesWithPlainTranslator) {
  constexpr int kImages = 96;
  constexpr int kWalks = 1200;
  const Case& test = GetParam();
  std::mt19937_64 random(20240607);
  Histogram histogram;
  for (int image = 0; image < kImages; ++image) {
    const RandomTables tables = MakeRandomTables(test.mode, test.split_roots, random);
    const Backing backing = kAllBackings[static_cast<std::size_t>(image) % kAllBackings.size()];
    const auto memory = tables.memory.Build(backing);
    const AddressSpace space(
        *memory, {.mode = *ModeByName(test.mode), .dtb = tables.dtb, .ttbr1 = tables.ttbr1});
    std::vector<VirtAddr> addresses;
    for (int i = 0; i < kWalks; ++i) {
      // Every other address lies near one that was walked before, so that caches are hit.
      std::uint64_t va = RandomAddress(test.mode, test.split_roots, random);
      if (i % 2 == 1) va = addresses.back().value ^ (random() & 0x3fffff);
      addresses.emplace_back(va);
    }
    std::vector<Walk> batch(addresses.size());
    space.Translate(addresses, batch);
    Walker walker(space);
    std::vector<WalkResult> results(addresses.size());
    walker.Resolve(addresses, results);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const auto read = [&](std::uint64_t pa, unsigned bytes) {
        return tables.memory.Get(pa, bytes);
      };
      const PlainWalk plain =
          PlainTranslate(test.mode, read, tables.dtb, tables.ttbr1, addresses[i].value);
      const Walk single = space.Translate(addresses[i]);
      histogram.Add(EndingOf(single));
      ASSERT_EQ(Difference(single, plain), "") << std::hex << addresses[i].value;
      ASSERT_EQ(Difference(batch[i], plain), "") << "batch " << std::hex << addresses[i].value;
      ASSERT_EQ(Difference(walker.Translate(addresses[i]), plain), "")
          << "walker " << std::hex << addresses[i].value;
      ASSERT_EQ(walker.Translate(addresses[i]).va, single.va);
      ASSERT_EQ(results[i].Status(), single.status);
      ASSERT_EQ(results[i].IsMapped() ? results[i].Pa() : PhysAddr(), single.pa);
      ASSERT_EQ(results[i].PageBytes(), single.page_bytes);
    }
  }
  std::printf("%s: %s\n", test.name, histogram.Text().c_str());
  std::vector<std::string> endings = {"not-present", "table-not-in-image", "reserved-bits",
                                      "non-canonical"};
  endings.insert(endings.end(), test.endings.begin(), test.endings.end());
  for (const std::string& ending : endings) {
    EXPECT_GE(histogram.Of(ending) * 10, histogram.Total()) << ending;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, RandomWalk, testing::ValuesIn(kCases),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace v2p::test

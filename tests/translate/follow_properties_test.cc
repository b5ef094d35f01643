// What must hold of followed entries whatever they are: random (synthetic) tables and entries of
// every era, in every way that memory is stored.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/windows_entries.h"
#include "translate/address_space.h"
#include "translate/follower.h"
#include "translate/walker.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kRoot = 0x1000;
constexpr std::uint64_t kTablesEnd = 0x9000;

// Half of the entries present; the others in transition, some beyond the memory, or of any form.
SparseMemory RandomEntries(const PagingMode& mode, std::mt19937_64& random) {
  SparseMemory pages;
  for (std::uint64_t at = kRoot; at < kTablesEnd; at += mode.entry_bytes) {
    std::uint64_t entry = random();
    const std::uint64_t frame = (1 + random() % 12) << 12;
    const unsigned kind = random() % 4;
    if (kind == 1) entry = frame | 0x880;
    if (kind > 1) entry = frame | 1;
    if (mode.entry_bytes == 4) {
      pages.Put32(at, static_cast<std::uint32_t>(entry));
    } else {
      pages.Put64(at, entry);
    }
  }
  return pages;
}

std::vector<VirtAddr> RandomAddresses(const PagingMode& mode, std::size_t count,
                                      std::mt19937_64& random) {
  std::vector<VirtAddr> addresses;
  while (addresses.size() < count) {
    const std::uint64_t any = random();
    addresses.emplace_back(mode.va_bits == 32 ? any & 0xffffffff : any >> 17);
  }
  return addresses;
}

AddressSpaceSpec SpecOf(const PagingMode& mode) {
  AddressSpaceSpec spec;
  spec.mode = mode.id;
  spec.dtb = kRoot;
  spec.os = GuestOs::kWindows;
  return spec;
}

// The hot walk, then the follower: the two parts that every other way is composed of.
struct Outcome {
  Walk walk;
  Following following;
};
Outcome Follow(const PhysicalMemory& memory, const PagingMode& mode, const PagingContext& context,
               VirtAddr va) {
  Outcome outcome;
  outcome.walk = AddressSpace(memory, SpecOf(mode)).Translate(va);
  if (outcome.walk.status == WalkStatus::kNotPresent) {
    outcome.following = Follower(memory, mode.id, context).Follow(outcome.walk);
  }
  return outcome;
}

// Page files of even number hold tables: any page is the page before it in memory.
class TablesInFiles final : public PageSource {
 public:
  explicit TablesInFiles(const PhysicalMemory& memory) : memory_(memory) {}
  StoredPage Fetch(unsigned page_file, std::uint64_t page) const override {
    StoredPage stored;
    stored.page_file = page_file;
    stored.page = page;
    if (page_file % 2 != 0) return stored;
    auto bytes = std::make_shared<PageBytes>();
    memory_.Read(PhysAddr(kRoot + page % 8 * kPageBytes), *bytes);
    stored.bytes = std::move(bytes);
    return stored;
  }

 private:
  const PhysicalMemory& memory_;
};

// No followed frame lies beyond the memory, every walk ends, and following is deterministic.
TEST(FollowProperties, RandomEntriesNeverInventAFrame) {
  std::mt19937_64 random(20261128);
  std::size_t mapped = 0;
  std::size_t refused = 0;
  for (unsigned round = 0; round < 40; ++round) {
    for (const PteEra& era : kPteEras) {
      const PagingMode& mode = Mode(era.mode);
      const auto memory = RandomEntries(mode, random).Build();
      const PagingContext context =
          MakePagingContext(*memory, mode, PhysAddr(kRoot), std::nullopt, era.build);
      for (const VirtAddr va : RandomAddresses(mode, 200, random)) {
        const Outcome outcome = Follow(*memory, mode, context, va);
        if (!outcome.following.pte) continue;
        if (outcome.walk.Mapped() && outcome.walk.state != EntryState::kPresent) {
          ++mapped;
          EXPECT_LT(outcome.walk.pa, memory->End());
        } else {
          ++refused;
        }
        const Outcome again = Follow(*memory, mode, context, va);
        EXPECT_EQ(again.walk.pa, outcome.walk.pa);
        EXPECT_EQ(again.following.reason, outcome.following.reason);
      }
    }
  }
  EXPECT_GT(mapped, 500U);
  EXPECT_GT(refused, 500U);
}

// One leaf, any non-present entry, under any mask: what is mapped lies at or below the highest
// frame of the image; a transition entry on one side of it or the other ends accordingly.
TEST(FollowProperties, NoEntryLeadsBeyondTheHighestFrame) {
  constexpr std::uint64_t kHighest = 0x12345;
  std::mt19937_64 random(45);
  std::size_t inside = 0;
  std::size_t beyond = 0;
  for (const PteEra& era : kPteEras) {
    const PagingMode& mode = Mode(era.mode);
    const WindowsEntries entries(era);
    SparseMemory tables;
    std::uint64_t table = kRoot;
    for (unsigned level = 0; level + 1U < mode.level_count; ++level, table += kPageBytes) {
      const bool short_entry = mode.id == ModeName::kPae && level == 0;
      const std::uint64_t below = (table + kPageBytes) | (short_entry ? 1 : 0x63);
      if (mode.entry_bytes == 4) {
        tables.Put32(table, static_cast<std::uint32_t>(below));
      } else {
        tables.Put64(table, below);
      }
    }
    tables.AddPage(kHighest << 12);
    for (unsigned i = 0; i < 400; ++i) {
      const std::uint64_t frame = kHighest - 2 + i % 5;  // both sides of the edge
      const bool edge = i % 2 == 0;
      const std::uint64_t entry = edge ? entries.Transition(frame) : random() & ~std::uint64_t{1};
      if (mode.entry_bytes == 4) {
        tables.Put32(table, static_cast<std::uint32_t>(entry));
      } else {
        tables.Put64(table, entry);
      }
      const auto memory = tables.Build();
      PagingContext context =
          MakePagingContext(*memory, mode, PhysAddr(kRoot), std::nullopt, era.build);
      const bool masked = context.rules.layout != PteLayout::kClassic;
      if (masked) context.rules.invalid_mask = edge ? era.invalid_mask : random() & ~0xfffULL;
      const Outcome outcome = Follow(*memory, mode, context, VirtAddr(0x123));
      SCOPED_TRACE(std::string(era.name) + " " + std::to_string(entry));
      EXPECT_LE(outcome.walk.Mapped() ? Pfn(outcome.walk.pa).value : 0, kHighest);
      if (!edge) continue;
      EXPECT_EQ(outcome.walk.Mapped(), frame <= kHighest);
      EXPECT_EQ(outcome.following.reason.starts_with("frame-out-of-range"), frame > kHighest);
      ++(frame <= kHighest ? inside : beyond);
    }
  }
  EXPECT_GE(inside, kPteEras.size() * 100);
  EXPECT_GE(beyond, kPteEras.size() * 50);
}

// AddressSpace, Walker (one and many), Resolve and ResolveParallel say the same of entries that are
// not present, which is what the walk and the follower say.
TEST(FollowProperties, EveryWayOfAskingFollowsAlike) {
  std::mt19937_64 random(77);
  std::map<WalkStatus, std::size_t> endings;
  std::size_t followed = 0;
  std::size_t elsewhere = 0;
  for (unsigned round = 0; round < 12; ++round) {
    for (const PteEra& era : kPteEras) {
      SCOPED_TRACE(std::string(era.name) + " " + std::to_string(round));
      const PagingMode& mode = Mode(era.mode);
      const auto memory = RandomEntries(mode, random).Build(kAllBackings[round % 4]);
      const auto context = std::make_shared<PagingContext>(
          MakePagingContext(*memory, mode, PhysAddr(kRoot), std::nullopt, era.build));
      const TablesInFiles files(*memory);
      if (round % 2 == 0) context->pages = &files;
      AddressSpaceSpec spec = SpecOf(mode);
      spec.paging = context;
      const AddressSpace space(*memory, spec);
      const auto addresses = RandomAddresses(mode, 300, random);
      Walker walker(space);
      std::vector<Walk> walks(addresses.size());
      walker.Translate(addresses, walks);
      std::vector<WalkResult> results(addresses.size());
      std::vector<WalkResult> parallel(addresses.size());
      walker.Resolve(addresses, results);
      ResolveParallel(space, addresses, parallel, 2);
      EXPECT_TRUE(results == parallel);
      for (std::size_t i = 0; i < addresses.size(); ++i) {
        const Outcome expected = Follow(*memory, mode, *context, addresses[i]);
        const Walk single = space.Translate(addresses[i]);
        ASSERT_EQ(results[i], WalkResult::Of(expected.walk)) << std::hex << addresses[i].value;
        for (const Walk& walk : {single, walks[i], walker.Translate(addresses[i])}) {
          ASSERT_EQ(walk.status, expected.walk.status) << std::hex << addresses[i].value;
          ASSERT_EQ(walk.state, expected.walk.state);
          ASSERT_EQ(walk.step_count, expected.walk.step_count);
          ASSERT_EQ(walk.elsewhere, expected.walk.elsewhere);
          ASSERT_EQ(WalkResult::Of(walk), results[i]);
        }
        ++endings[single.status];
        followed += expected.following.pte && single.Mapped() ? 1 : 0;
        elsewhere += single.elsewhere != 0 ? 1 : 0;
      }
    }
  }
  EXPECT_GT(endings[WalkStatus::kMapped], 1000U);
  EXPECT_GT(endings[WalkStatus::kNotPresent], 1000U);
  EXPECT_GT(endings[WalkStatus::kTableNotInImage], 100U);
  EXPECT_GT(followed, 1000U);
  EXPECT_GT(elsewhere, 100U);
}

// Strict, or without rules, nothing is followed in any way of asking.
TEST(FollowProperties, StrictFollowsNothing) {
  std::mt19937_64 random(78);
  std::size_t stopped = 0;
  for (const PteEra& era : kPteEras) {
    const PagingMode& mode = Mode(era.mode);
    const auto memory = RandomEntries(mode, random).Build();
    AddressSpaceSpec spec = SpecOf(mode);
    const AddressSpace plain(*memory, spec);
    spec.strict = true;
    spec.paging = std::make_shared<PagingContext>(
        MakePagingContext(*memory, mode, PhysAddr(kRoot), std::nullopt, era.build));
    const AddressSpace strict(*memory, spec);
    const auto addresses = RandomAddresses(mode, 300, random);
    std::vector<WalkResult> results(addresses.size());
    Walker(strict).Resolve(addresses, results);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const Walk expected = plain.Translate(addresses[i]);
      EXPECT_EQ(results[i], WalkResult::Of(expected));
      EXPECT_EQ(strict.Translate(addresses[i]).state, expected.state);
      stopped += expected.status == WalkStatus::kNotPresent ? 1 : 0;
    }
  }
  EXPECT_GT(stopped, 500U);
}

}  // namespace
}  // namespace v2p::test

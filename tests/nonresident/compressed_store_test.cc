// The compressed store, over synthetic machines of every known column of offsets (built apart from
// the parser, see support/store_fixture.h): every page right. Damage: store_damage_test.cc.
// SPDX-License-Identifier: Apache-2.0
#include "nonresident/compressed_store.h"

#include <gtest/gtest.h>

#include "support/store_checks.h"
#include "support/temp_file.h"
#include "translate/dbgeng.h"

namespace v2p::test {
namespace {

void ExpectEveryPage(const StoreFixture& fixture, std::optional<std::uint32_t> build) {
  const StoreMachine machine(fixture, build);
  EXPECT_EQ(machine.store->Stores(), 1U);
  ExpectEveryPage(fixture, machine);
}

TEST(CompressedStore, EveryColumnOfOffsets) {
  for (const StoreColumn& column : kStoreColumns) {
    SCOPED_TRACE(column.structure);
    ExpectEveryPage(StoreFixture(column), column.build);
  }
}

TEST(CompressedStore, TablesAndSharedPagesInTheStore) {
  for (const StoreColumn& column : kStoreColumns) {
    SCOPED_TRACE(column.structure);
    const StoreFixture fixture(column);
    const StoreMachine machine(fixture, column.build);
    Walk walk;
    const Following table = machine.Ask(fixture.table_va + 0x123, &walk);
    EXPECT_TRUE(walk.Mapped());
    EXPECT_EQ(walk.pa.value, fixture.table_pa + 0x123);
    const unsigned last = walk.step_count - 1U;
    ASSERT_NE(table.tables[last], nullptr);
    EXPECT_EQ(table.tables[last]->state, EntryState::kCompressedStore);
    EXPECT_EQ(walk.elsewhere, 1U << last);
    std::uint32_t levels = 0;
    EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(walk, nullptr, 0, &levels), kSFalse);
    EXPECT_EQ(levels, last + 1) << "the base and the entries that were in memory";

    const Following shared = machine.Ask(fixture.prototype_va, &walk);
    EXPECT_EQ(walk.state, EntryState::kCompressedStore);
    ASSERT_TRUE(shared.stored && shared.stored->bytes != nullptr);
    EXPECT_EQ(*shared.stored->bytes, fixture.pages[0].bytes);

    const Following inner = machine.Ask(fixture.shared_va + 0x456, &walk);
    EXPECT_TRUE(walk.Mapped()) << "its prototype entry is on a page of the store";
    EXPECT_EQ(walk.pa.value, fixture.shared_pa + 0x456);
    ASSERT_TRUE(inner.prototype && inner.prototype->on);
    EXPECT_TRUE(inner.prototype->on->stored.has_value());
  }
}

TEST(CompressedStore, TreesOfOneTwoAndThreeLevels) {
  for (const unsigned depth : {1U, 2U, 3U}) {
    SCOPED_TRACE(depth);
    ExpectEveryPage(StoreFixture(kStoreColumns[3], {.tree_depth = depth}), 19041);
  }
}

TEST(CompressedStore, NumberOfThePageFileIsLearnt) {
  for (const unsigned number : {1U, 3U}) {
    const StoreFixture fixture(kStoreColumns[2], {.number = number});
    ExpectEveryPage(fixture, 17763);
    EXPECT_EQ(StoreMachine(fixture, 17763).store->Calibrated()->rule.number, number);
  }
}

// Builds between the columns' first ones, which share their offsets.
TEST(CompressedStore, BuildsWithinAColumn) {
  ExpectEveryPage(StoreFixture(kStoreColumns[2]), 18363);
  for (const std::uint32_t build : {22000U, 22621U, 22631U}) {
    SCOPED_TRACE(build);
    ExpectEveryPage(StoreFixture(kStoreColumns[3]), build);
  }
  ExpectEveryPage(StoreFixture(kStoreColumns[4]), 26200);
}

// Data of a record that was itself paged out is had when its page file is given.
TEST(CompressedStore, DataInAGivenPageFile) {
  StoreFixture fixture(kStoreColumns[2]);
  StorePage& page = fixture.pages.at(fixture.paged_out);
  ASSERT_EQ(page.failure, "data-paged-out");
  const PageBytes lost = fixture.paged_out_bytes;
  std::vector<std::byte> file(0x4322 * kPageBytes);
  std::copy(lost.begin(), lost.end(), file.end() - static_cast<std::ptrdiff_t>(kPageBytes));
  const TempFile path(file);
  PageFiles files;
  ASSERT_TRUE(files.Add(0, path.Path()));
  page.failure.clear();
  ExpectEveryPage(fixture, StoreMachine(fixture, 17763, &files));
}

// A build that is in no table: the live offsets decide, as long as records decompress.
TEST(CompressedStore, UnknownBuildUsesLiveOffsets) {
  ExpectEveryPage(StoreFixture(kStoreColumns[2]), std::nullopt);
}

TEST(CompressedStore, WrongCodecFailsTheSelfTest) {
  const StoreFixture fixture(kStoreColumns[4], {.xpress_on_lz4 = true});
  const StoreMachine machine(fixture, 26100);
  EXPECT_EQ(machine.store->Stores(), 0U);
  EXPECT_EQ(machine.store->Failure(), "store-self-test");
  Walk walk;
  const Following following = machine.Ask(fixture.pages[0].va, &walk);
  EXPECT_EQ(following.stored->failure, "store-or-page-file-undecided");
  EXPECT_EQ(following.stored->bytes, nullptr);
}

TEST(CompressedStore, BuildsBefore1607AreOutOfScope) {
  const StoreFixture fixture(kStoreColumns[0]);
  EXPECT_EQ(StoreMachine(fixture, 10586).store->Failure(), "store-unsupported");
}

TEST(CompressedStore, TwinThatAgreesIsNoDoubt) {
  StoreFixture fixture(kStoreColumns[2]);
  fixture.AddTwin(true);
  const StoreMachine machine(fixture, 17763);
  EXPECT_EQ(machine.store->Stores(), 2U);
  Walk walk;
  EXPECT_NE(machine.Ask(fixture.pages[0].va, &walk).stored->bytes, nullptr);
}

TEST(CompressedStore, TwinWithAnotherRecordIsAmbiguous) {
  StoreFixture fixture(kStoreColumns[2]);
  fixture.AddTwin(false);
  const StoreMachine machine(fixture, 17763);
  ASSERT_EQ(machine.store->Stores(), 2U);
  Walk walk;
  const auto stored = machine.Ask(fixture.pages[0].va, &walk).stored;
  EXPECT_EQ(stored->failure, "store-ambiguous");
  EXPECT_EQ(stored->bytes, nullptr);
}

// Golden numbers of the public descriptions.
TEST(Calibration, KeysOfEntries) {
  constexpr std::uint64_t kMask = 0x200000000000;
  const KeyRule masked{PteLayout::kSwizzled, kMask, 2, true};
  EXPECT_EQ(masked.KeyOf(0x00026edf00002084), 0x20024edfU);
  EXPECT_EQ(masked.KeyOf(0x001bbeda00002094), 0x201bbedaU);
  const KeyRule plain{PteLayout::kSwizzled, 0, 2, true};
  EXPECT_EQ(plain.KeyOf(0x001bbeda00002084), 0x201bbedaU);
  const KeyRule classic{PteLayout::kClassic, 0, 2, true};
  EXPECT_EQ(classic.KeyOf(0x001bbeda00002084), 0x201bbedaU);
  EXPECT_EQ(classic.KeyOf(0x0000123400002080), std::nullopt) << "page file 0";
  EXPECT_EQ(plain.KeyOf(0x0000123400002080), 0x20001234U) << "the same under the other layout";
  EXPECT_EQ(plain.KeyOf(0x1000000000002084), std::nullopt) << "29 bits";
}

TEST(Calibration, OneEntryRepeatedIsOneKey) {
  PteSample sample;
  sample.entries.assign(1000, 0x001bbeda00002084);
  EXPECT_EQ(Calibrate(sample, {0x201bbeda}, 0, 17763), std::nullopt);
}

}  // namespace
}  // namespace v2p::test

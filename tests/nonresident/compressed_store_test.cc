// The compressed store, over synthetic machines of every known column of offsets (built apart from
// the parser, see support/store_fixture.h): every page right, every broken link named.
// SPDX-License-Identifier: Apache-2.0
#include "nonresident/compressed_store.h"

#include <gtest/gtest.h>

#include <functional>

#include "support/store_fixture.h"
#include "translate/address_space.h"
#include "translate/dbgeng.h"
#include "translate/follower.h"

namespace v2p::test {
namespace {

struct Machine {
  std::unique_ptr<PhysicalMemory> memory;
  PagingContext context;
  std::unique_ptr<CompressedStore> store;
};

Machine Open(const StoreFixture& fixture, std::optional<std::uint32_t> build) {
  Machine machine;
  machine.memory = fixture.memory.Build();
  machine.context =
      MakePagingContext(*machine.memory, Mode(fixture.mode), PhysAddr(fixture.user_root),
                        PhysAddr(fixture.kernel_root), build);
  StoreSystem system;
  system.mode = fixture.mode;
  system.build = build;
  system.kernel_root = PhysAddr(fixture.kernel_root);
  system.owner_object = VirtAddr(fixture.owner_object);
  system.owner_root = PhysAddr(fixture.owner_root);
  system.user_roots = {PhysAddr(fixture.user_root)};
  machine.store =
      std::make_unique<CompressedStore>(*machine.memory, system, machine.context, nullptr);
  machine.context.pages = machine.store.get();
  return machine;
}

// As the tool asks: the user's walk, followed.
Following Ask(const Machine& machine, const StoreFixture& fixture, std::uint64_t va, Walk* walk) {
  AddressSpaceSpec spec;
  spec.mode = fixture.mode;
  spec.dtb = fixture.user_root;
  spec.os = GuestOs::kWindows;
  *walk = AddressSpace(*machine.memory, spec).Translate(VirtAddr(va));
  return Follower(*machine.memory, fixture.mode, machine.context).Follow(*walk);
}

void ExpectEveryPage(const StoreFixture& fixture, std::optional<std::uint32_t> build) {
  const Machine machine = Open(fixture, build);
  ASSERT_EQ(machine.store->Failure(), "");
  EXPECT_EQ(machine.store->Stores(), 1U);
  std::size_t right = 0;
  for (const StorePage& page : fixture.pages) {
    SCOPED_TRACE(page.what);
    Walk walk;
    const Following following = Ask(machine, fixture, page.va, &walk);
    EXPECT_EQ(walk.status, WalkStatus::kNotPresent) << "a compressed page has no address";
    EXPECT_EQ(walk.state, EntryState::kCompressedStore);
    ASSERT_TRUE(following.stored.has_value());
    EXPECT_EQ(following.stored->failure, page.failure);
    ASSERT_EQ(following.stored->bytes != nullptr, page.failure.empty());
    if (page.failure.empty()) {
      EXPECT_EQ(*following.stored->bytes, page.bytes);
      ++right;
    }
  }
  EXPECT_GE(right, 300U);
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
    const Machine machine = Open(fixture, column.build);
    Walk walk;
    const Following table = Ask(machine, fixture, fixture.table_va + 0x123, &walk);
    EXPECT_TRUE(walk.Mapped());
    EXPECT_EQ(walk.pa.value, fixture.table_pa + 0x123);
    const unsigned last = walk.step_count - 1U;
    ASSERT_NE(table.tables[last], nullptr);
    EXPECT_EQ(table.tables[last]->state, EntryState::kCompressedStore);
    EXPECT_EQ(walk.elsewhere, 1U << last);
    std::uint32_t levels = 0;
    EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(walk, nullptr, 0, &levels), kSFalse);
    EXPECT_EQ(levels, last + 1) << "the base and the entries that were in memory";

    const Following shared = Ask(machine, fixture, fixture.prototype_va, &walk);
    EXPECT_EQ(walk.state, EntryState::kCompressedStore);
    ASSERT_TRUE(shared.stored && shared.stored->bytes != nullptr);
    EXPECT_EQ(*shared.stored->bytes, fixture.pages[0].bytes);
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
    EXPECT_EQ(Open(fixture, 17763).store->Calibrated()->rule.number, number);
  }
}

// A build that is in no table: the live offsets decide, as long as records decompress.
TEST(CompressedStore, UnknownBuildUsesLiveOffsets) {
  ExpectEveryPage(StoreFixture(kStoreColumns[2]), std::nullopt);
}

TEST(CompressedStore, WrongCodecFailsTheSelfTest) {
  const StoreFixture fixture(kStoreColumns[4], {.xpress_on_lz4 = true});
  const Machine machine = Open(fixture, 26100);
  EXPECT_EQ(machine.store->Stores(), 0U);
  EXPECT_EQ(machine.store->Failure(), "store-self-test");
  Walk walk;
  const Following following = Ask(machine, fixture, fixture.pages[0].va, &walk);
  EXPECT_EQ(following.stored->failure, "store-or-page-file-undecided");
  EXPECT_EQ(following.stored->bytes, nullptr);
}

TEST(CompressedStore, BuildsBefore1607AreOutOfScope) {
  const StoreFixture fixture(kStoreColumns[0]);
  EXPECT_EQ(Open(fixture, 10586).store->Failure(), "store-unsupported");
}

// One broken link at a time: the named check, never bytes.
struct Break {
  const char* what;
  std::function<void(StoreFixture&)> damage;
  const char* failure;  // of the store as a whole, or of the first page when it is not disabled
};

TEST(CompressedStore, EveryBrokenLinkIsNamed) {
  const std::uint64_t user = 0x12345000;
  const std::uint64_t absent = 0xffff9b0000000000;
  const std::vector<Break> breaks = {
      {"self pointer", [](auto& f) { f.PutPointer(f.FieldAt("SmkmStore"), f.store_va + 0x1000); },
       "store-not-found"},
      {"owner", [](auto& f) { f.PutPointer(f.FieldAt("OwnerProcess"), 0); }, "store-owner"},
      {"regions, user", [&](auto& f) { f.PutPointer(f.FieldAt("CompressedRegionPtrArray"), user); },
       "store-regions"},
      {"regions, absent",
       [&](auto& f) { f.PutPointer(f.FieldAt("CompressedRegionPtrArray"), absent); },
       "store-regions"},
      {"bit value", [](auto& f) { f.memory.Put32(f.FieldAt("chunk.BitValue"), 21); },
       "store-chunk-geometry"},
      {"records mask",
       [](auto& f) { f.memory.Put32(f.FieldAt("chunk.PageRecordsPerChunkMask"), 0xfe); },
       "store-chunk-geometry"},
      {"record size", [](auto& f) { f.memory.Put32(f.FieldAt("chunk.PageRecordSize"), 8); },
       "store-record-geometry"},
      {"region shift", [](auto& f) { f.memory.Put32(f.FieldAt("RegionIndexMask"), 40); },
       "store-region-geometry"},
      {"region mask", [](auto& f) { f.memory.Put32(f.FieldAt("RegionSizeMask"), 0x1ffe); },
       "store-region-geometry"},
      {"algorithm", [](auto& f) { f.memory.Put32(f.FieldAt("CompressionAlgorithm"), 2); },
       "store-algorithm"},
      {"tree root, user", [&](auto& f) { f.PutPointer(f.FieldAt("PagesTree"), user); },
       "store-tree-root"},
      {"tree root, absent", [&](auto& f) { f.PutPointer(f.FieldAt("PagesTree"), absent); },
       "store-tree-root"},
      {"tree root, itself", [](auto& f) { f.PutPointer(f.At(f.TreeRoot()) + 8, f.TreeRoot()); },
       "store-tree"},
      {"tree count", [](auto& f) { f.memory.Put32(f.At(f.TreeRoot()), 0x0001ffff); },
       "store-tree-root"},
      {"leaf keys out of order",
       [](auto& f) { f.memory.Put32(f.At(f.FirstLeaf()) + 16, 0xfffffff0); }, "store-tree"},
      {"leaf missing", [](auto& f) { f.memory.RemovePage(f.At(f.FirstLeaf())); }, "store-tree"},
      {"chunk rows",
       [&](auto& f) {
         for (unsigned row = 0; row < 12; ++row) {
           f.PutPointer(f.FieldAt("ChunkPtrArray") + row * 8, user);
         }
       },
       "store-self-test"},
      {"second page of the store", [](auto& f) { f.memory.RemovePage(f.At(f.store_va + 0x1000)); },
       "store-owner"},
  };
  for (const Break& broken : breaks) {
    SCOPED_TRACE(broken.what);
    StoreFixture fixture(kStoreColumns[2]);
    broken.damage(fixture);
    const Machine machine = Open(fixture, 17763);
    EXPECT_EQ(machine.store->Stores(), 0U);
    EXPECT_EQ(machine.store->Failure(), broken.failure);
    Walk walk;
    const Following following = Ask(machine, fixture, fixture.pages[0].va, &walk);
    ASSERT_TRUE(following.stored.has_value());
    EXPECT_EQ(following.stored->bytes, nullptr);
    EXPECT_EQ(following.stored->failure, "store-or-page-file-undecided");
  }
}

TEST(CompressedStore, TwinThatAgreesIsNoDoubt) {
  StoreFixture fixture(kStoreColumns[2]);
  fixture.AddTwin(true);
  const Machine machine = Open(fixture, 17763);
  EXPECT_EQ(machine.store->Stores(), 2U);
  Walk walk;
  EXPECT_NE(Ask(machine, fixture, fixture.pages[0].va, &walk).stored->bytes, nullptr);
}

TEST(CompressedStore, TwinWithAnotherRecordIsAmbiguous) {
  StoreFixture fixture(kStoreColumns[2]);
  fixture.AddTwin(false);
  const Machine machine = Open(fixture, 17763);
  ASSERT_EQ(machine.store->Stores(), 2U);
  Walk walk;
  const auto stored = Ask(machine, fixture, fixture.pages[0].va, &walk).stored;
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

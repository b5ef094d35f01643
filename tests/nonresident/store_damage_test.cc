// A damaged compressed store: one broken link at a time, in images of both widths. Every time the
// named check, never bytes. Fixtures as in compressed_store_test.cc.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "support/store_checks.h"

namespace v2p::test {
namespace {

struct Values {
  const char* name;
  std::uint64_t wide, narrow;
};
// What a broken pointer may hold; itself and a missing page depend on the link.
constexpr Values kNull = {"null", 0, 0};
constexpr Values kUser = {"user half", 0x12345000, 0x12345000};
constexpr Values kUnmapped = {"unmapped", 0xffff9b0000000000, 0x9f000000};
constexpr Values kNonCanonical = {"non-canonical", 0x9b00000000000000, 0x7fffffff};

std::uint64_t ValueOf(const Values& values, const StoreColumn& column) {
  return column.era.mode == ModeName::kPae ? values.narrow : values.wide;
}

// One column of each width and codec, and the one whose slots differ.
std::vector<StoreColumn> DamagedColumns() {
  return {kStoreColumns[2], kStoreColumns[4], kStoreColumns[5], kStoreColumns[7]};
}

// The store as a whole is refused: by this name, for every page of it.
void ExpectRefused(const StoreFixture& fixture, const StoreColumn& column,
                   const std::string& failure) {
  const StoreMachine machine(fixture, column.build);
  EXPECT_EQ(machine.store->Stores(), 0U);
  EXPECT_EQ(machine.store->Failure(), failure);
  const StoredPage stored = Stored(machine, fixture.pages[0].va);
  EXPECT_EQ(stored.bytes, nullptr);
  EXPECT_EQ(stored.failure, "store-or-page-file-undecided");
  ASSERT_FALSE(stored.facts.empty());
  EXPECT_EQ(stored.facts.front(), (std::pair<std::string, std::string>("store", failure)));
}

struct Break {
  const char* what;
  std::function<void(StoreFixture&)> damage;
  const char* failure;
};

// Breaks one link at a time, in a fixture of each column, for `expect` to look at.
template <class Expect>
void ForEachBreak(const std::vector<StoreColumn>& columns, const std::vector<Break>& breaks,
                  Expect expect) {
  for (const StoreColumn& column : columns) {
    for (const Break& broken : breaks) {
      SCOPED_TRACE(std::string(column.structure) + ": " + broken.what);
      StoreFixture fixture(column);
      broken.damage(fixture);
      expect(fixture, column, broken.failure);
    }
  }
}

// The lone page is lost: by this name, and no other page.
void ExpectLost(StoreFixture& fixture, const StoreColumn& column, const std::string& failure) {
  fixture.pages[fixture.lone.page].failure = failure;
  ExpectEveryPage(fixture, StoreMachine(fixture, column.build));
}

TEST(StoreDamage, GeometryOfTheStore) {
  const std::vector<Break> breaks = {
      {"bit value", [](auto& f) { f.memory.Put32(f.FieldAt("chunk.BitValue"), 21); },
       "store-chunk-geometry"},
      {"records mask",
       [](auto& f) { f.memory.Put32(f.FieldAt("chunk.PageRecordsPerChunkMask"), 0xfe); },
       "store-chunk-geometry"},
      {"record size", [](auto& f) { f.memory.Put32(f.FieldAt("chunk.PageRecordSize"), 8); },
       "store-record-geometry"},
      {"chunk header",
       [](auto& f) { f.memory.Put32(f.FieldAt("chunk.ChunkPageHeaderSize"), 0x1000); },
       "store-record-geometry"},
      {"region shift", [](auto& f) { f.memory.Put32(f.FieldAt("RegionIndexMask"), 40); },
       "store-region-geometry"},
      {"region mask", [](auto& f) { f.memory.Put32(f.FieldAt("RegionSizeMask"), 0x1ffe); },
       "store-region-geometry"},
      {"owner", [](auto& f) { f.PutPointer(f.FieldAt("OwnerProcess"), 0); }, "store-owner"},
      {"owner twice",
       [](auto& f) { f.PutPointer(f.FieldAt("OwnerProcess") + 0x20, f.owner_object); },
       "store-owner"},
      {"second page of the store", [](auto& f) { f.memory.RemovePage(f.At(f.store_va + 0x1000)); },
       "store-owner"},
      {"self pointer", [](auto& f) { f.PutPointer(f.FieldAt("SmkmStore"), f.store_va + 0x1000); },
       "store-not-found"},
  };
  ForEachBreak(DamagedColumns(), breaks, ExpectRefused);
}

TEST(StoreDamage, AlgorithmBeforeLz4) {
  for (const StoreColumn& column : DamagedColumns()) {
    if (column.build >= 26100) continue;  // the word is not known there
    SCOPED_TRACE(column.structure);
    StoreFixture fixture(column);
    fixture.memory.Put32(fixture.FieldAt("CompressionAlgorithm"), 2);
    ExpectRefused(fixture, column, "store-algorithm");
  }
}

// Pointers of the store's own structure, each with every wrong value.
TEST(StoreDamage, PointersOfTheStore) {
  struct Link {
    const char* field;
    const char* failure;
  };
  const std::vector<Link> links = {{"SmkmStore", "store-not-found"},
                                   {"CompressedRegionPtrArray", "store-regions"},
                                   {"PagesTree", "store-tree-root"}};
  for (const StoreColumn& column : DamagedColumns()) {
    for (const Link& link : links) {
      for (const Values& values : {kNull, kUser, kUnmapped, kNonCanonical}) {
        SCOPED_TRACE(std::string(column.structure) + ": " + link.field + ", " + values.name);
        StoreFixture fixture(column);
        fixture.PutPointer(fixture.FieldAt(link.field), ValueOf(values, column));
        ExpectRefused(fixture, column, link.failure);
      }
    }
    SCOPED_TRACE(std::string(column.structure) + ": itself");
    StoreFixture fixture(column);
    fixture.PutPointer(fixture.FieldAt("PagesTree"), fixture.store_va);
    ExpectRefused(fixture, column, "store-tree-root");
  }
}

TEST(StoreDamage, Trees) {
  const auto left_most = [](auto& f) { return f.At(f.TreeRoot()) + f.PointerBytes(); };
  const std::vector<Break> breaks = {
      {"count", [](auto& f) { f.memory.Put32(f.At(f.TreeRoot()), 0x0001ffff); }, "store-tree-root"},
      {"no entry", [](auto& f) { f.memory.Put32(f.At(f.TreeRoot()), 0x00010000); },
       "store-tree-root"},
      {"root missing", [](auto& f) { f.memory.RemovePage(f.At(f.TreeRoot())); }, "store-tree-root"},
      {"child is the root", [&](auto& f) { f.PutPointer(left_most(f), f.TreeRoot()); },
       "store-tree"},
      {"child in the user half", [&](auto& f) { f.PutPointer(left_most(f), 0x12345000); },
       "store-tree"},
      {"child not aligned", [&](auto& f) { f.PutPointer(left_most(f), f.FirstLeaf() + 8); },
       "store-tree"},
      {"leaf missing", [](auto& f) { f.memory.RemovePage(f.At(f.FirstLeaf())); }, "store-tree"},
      {"leaf keys out of order",
       [](auto& f) { f.memory.Put32(f.At(f.FirstLeaf()) + 2 * f.PointerBytes(), 0xfffffff0); },
       "store-tree"},
      {"leaf counts 0xffff", [](auto& f) { f.memory.Put32(f.At(f.FirstLeaf()), 0x0100ffff); },
       "store-tree"},
      {"a leaf twice",  // its keys come again
       [&](auto& f) {
         const std::uint64_t second = f.At(f.TreeRoot()) + (f.PointerBytes() == 8 ? 24 : 12);
         f.PutPointer(second, f.FirstLeaf());
       },
       "store-tree"},
      {"level of a leaf", [](auto& f) { f.memory.Put32(f.At(f.FirstLeaf()), 0x01050028); },
       "store-self-test"},
  };
  ForEachBreak(DamagedColumns(), breaks, ExpectRefused);
}

// Rows of chunks that lead nowhere: most records are lost, so the layout is not believed.
TEST(StoreDamage, MostRecordsLostFailsTheSelfTest) {
  for (const StoreColumn& column : DamagedColumns()) {
    SCOPED_TRACE(column.structure);
    StoreFixture fixture(column);
    for (unsigned row = 0; row < 12; ++row) {
      fixture.PutPointer(fixture.FieldAt("ChunkPtrArray") + row * fixture.PointerBytes(),
                         kUser.wide);
    }
    ExpectRefused(fixture, column, "store-self-test");
  }
}

// Links of one page: it is lost by name, every other page is as it was.
TEST(StoreDamage, LinksOfOnePage) {
  const auto key = [](unsigned index, unsigned unit) { return index << 13U | unit; };
  const std::vector<Break> breaks = {
      {"row is null", [](auto& f) { f.PutPointer(f.lone.row, 0); }, "chunk-row"},
      {"row in the user half", [](auto& f) { f.PutPointer(f.lone.row, 0x12345000); }, "chunk-row"},
      {"row not mapped", [](auto& f) { f.PutPointer(f.lone.row, f.lone.row_va + 0x10000000); },
       "chunk-slot"},
      {"row page missing", [](auto& f) { f.memory.RemovePage(f.lone.slot & ~0xfffULL); },
       "chunk-slot"},
      {"row is the store", [](auto& f) { f.PutPointer(f.lone.row, f.store_va + 0x800); },
       "chunk-slot"},
      {"chunk is null", [](auto& f) { f.PutPointer(f.lone.slot, 0); }, "chunk-slot"},
      {"chunk in the user half", [](auto& f) { f.PutPointer(f.lone.slot, 0x12345000); },
       "chunk-slot"},
      {"chunk not mapped", [](auto& f) { f.PutPointer(f.lone.slot, f.lone.row_va + 0x10000000); },
       "page-record"},
      {"chunk page missing", [](auto& f) { f.memory.RemovePage(f.lone.record & ~0xfffULL); },
       "page-record"},
      {"chunk is its row", [](auto& f) { f.PutPointer(f.lone.slot, f.lone.row_va + 0x800); },
       "zero-size-record"},
      {"record names itself",
       [](auto& f) {
         f.memory.Put32(f.lone.record, 0xffffffff);
         f.memory.Put32(f.lone.record + 4, 0x2a00);
       },
       "page-record-cycle"},
      {"record names no chunk",
       [](auto& f) {
         f.memory.Put32(f.lone.record, 0xffffffff);
         f.memory.Put32(f.lone.record + 4, 0x12);
       },
       "chunk-key"},
      {"region behind the array", [&](auto& f) { f.memory.Put32(f.lone.record, key(0x3ffff, 0)); },
       "region-pointer"},
      {"region that is not there", [&](auto& f) { f.memory.Put32(f.lone.record, key(0x100, 0)); },
       "region-pointer"},
      {"data beyond its region",
       [&](auto& f) {
         const auto old = static_cast<std::uint32_t>(*f.memory.Get(f.lone.record, 4));
         f.memory.Put32(f.lone.record, old | 0x1fff);
       },
       "region-bounds"},
      {"region is null", [](auto& f) { f.PutPointer(f.lone.region, 0); }, "region-pointer"},
      {"region in the kernel's half", [](auto& f) { f.PutPointer(f.lone.region, f.lone.chunk_va); },
       "region-pointer"},
      {"region not mapped", [](auto& f) { f.PutPointer(f.lone.region, 0x6ff0000); },
       "data-not-mapped"},
      {"data page missing", [](auto& f) { f.memory.RemovePage(f.lone.data); }, "data-not-in-image"},
      {"data damaged",  // Xpress: a match before the page; LZ4: literals beyond the data
       [](auto& f) {
         f.memory.Put32(f.lone.data, 0xffffffff);
         f.memory.Put32(f.lone.data + 4, 0xffffffff);
       },
       "decompression"},
  };
  ForEachBreak(DamagedColumns(), breaks, ExpectLost);
}

TEST(StoreDamage, NonCanonicalLinksOfOnePage) {
  const std::vector<Break> breaks = {
      {"row", [](auto& f) { f.PutPointer(f.lone.row, kNonCanonical.wide); }, "chunk-row"},
      {"chunk", [](auto& f) { f.PutPointer(f.lone.slot, kNonCanonical.wide); }, "chunk-slot"},
      {"region", [](auto& f) { f.PutPointer(f.lone.region, kNonCanonical.wide); },
       "region-pointer"},
  };
  ForEachBreak({kStoreColumns[2]}, breaks, ExpectLost);
}

// Pages that look like a store and are none: a freed one, whose address is another page's now; a
// kernel pointer at the place of the self pointer; a pointer to itself and nothing else.
TEST(StoreDamage, LookAlikesAreIgnored) {
  for (const StoreColumn& column : DamagedColumns()) {
    SCOPED_TRACE(column.structure);
    StoreFixture fixture(column);
    fixture.AddFreedCopy();
    fixture.AddDecoy(fixture.store_va);
    fixture.AddDecoy(0);
    const StoreMachine machine(fixture, column.build);
    EXPECT_EQ(machine.store->Stores(), 1U);
    ExpectEveryPage(fixture, machine);
  }
}

// When nothing is a store, the candidate that got furthest says why.
TEST(StoreDamage, TheFurthestCheckIsNamed) {
  const StoreColumn& column = kStoreColumns[2];
  StoreFixture fixture(column);
  fixture.AddDecoy(0);
  fixture.memory.RemovePage(fixture.At(fixture.FirstLeaf()));
  ExpectRefused(fixture, column, "store-tree");
}

TEST(StoreDamage, TwoStoresInX86ThatDisagreeAreAmbiguous) {
  StoreFixture fixture(kStoreColumns[7]);
  fixture.AddTwin(false);
  const StoreMachine machine(fixture, kStoreColumns[7].build);
  ASSERT_EQ(machine.store->Stores(), 2U);
  const StoredPage stored = Stored(machine, fixture.pages[0].va);
  EXPECT_EQ(stored.failure, "store-ambiguous");
  EXPECT_EQ(stored.bytes, nullptr);
}

}  // namespace
}  // namespace v2p::test

// Following entries that are not present: the debugger's own prototype walk, synthetic images of
// every era (made from a transcription of the type information that is apart from the parser),
// real pages of Windows 10 17763. Properties over random entries: follow_properties_test.cc.
// SPDX-License-Identifier: Apache-2.0
#include "translate/follower.h"

#include <gtest/gtest.h>

#include <vector>

#include "dumpfmt/format.h"
#include "support/windows_entries.h"
#include "translate/address_space.h"
#include "translate/dbgeng.h"
#include "translate/mode_tables.h"
#include "translate/pte_sample.h"
#include "translate/walker.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kTable = 0x63;

struct Outcome {
  Walk walk;
  Following following;
};

Outcome Follow(const PhysicalMemory& memory, const PagingMode& mode, std::uint64_t dtb,
               const PagingContext& context, std::uint64_t va) {
  AddressSpaceSpec spec;
  spec.mode = mode.id;
  spec.dtb = dtb;
  spec.os = GuestOs::kWindows;
  spec.strict = true;
  Outcome outcome;
  outcome.walk = AddressSpace(memory, spec).Translate(VirtAddr(va));
  if (outcome.walk.status == WalkStatus::kNotPresent) {
    outcome.following = Follower(memory, mode.id, context).Follow(outcome.walk);
  }
  return outcome;
}

// libvmi pull request 1071: `!vtop` with a whole second walk for the prototype entry. Entries that
// it does not show are the next address it shows, with usual flags.
TEST(Follower, PrototypeAsTheDebuggerPrintedIt) {
  SparseMemory pages;
  constexpr std::uint64_t kVa = 0x7ff8d1f4b000;
  constexpr std::uint64_t kPrototypeVa = 0xffff8e00d8c69a68;
  pages.Put64(0x16e8007f8, 0x1688c8000 | kTable);
  pages.Put64(0x1688c8f18, 0x177fdd000 | kTable);
  pages.Put64(0x177fdd478, 0x16d9de000 | kTable);
  pages.Put64(0x16d9dea58, 0x8e00d8c69a680400);
  pages.Put64(0x16e8008e0, 0x1000 | kTable);
  pages.Put64(0x1000 + (kPrototypeVa >> 30 & 511) * 8, 0x2000 | kTable);
  pages.Put64(0x2000 + (kPrototypeVa >> 21 & 511) * 8, 0x3000 | kTable);
  pages.Put64(0x3000 + (kPrototypeVa >> 12 & 511) * 8, 0x15e514000 | kTable);
  pages.Put64(0x15e514a68, 0x162685000 | kTable);
  const auto memory = pages.Build();

  AddressSpaceSpec spec;
  spec.dtb = 0x16e800000;
  spec.os = GuestOs::kWindows;
  spec.paging = std::make_shared<PagingContext>(
      MakePagingContext(*memory, kX64Mode, PhysAddr(0x16e800000), std::nullopt, 17763));
  const AddressSpace space(*memory, spec);
  const Walk walk = space.Translate(VirtAddr(kVa));
  EXPECT_EQ(walk.status, WalkStatus::kMapped);
  EXPECT_EQ(walk.state, EntryState::kPrototype);
  EXPECT_EQ(walk.pa.value, 0x162685000U);
  EXPECT_EQ(Walker(space).Translate(VirtAddr(kVa)).pa.value, 0x162685000U);

  // The prototype entry's address is the last before the page's; the inner walk stays out.
  const std::vector<std::uint64_t> expected = {0x16e800000, 0x16e8007f8, 0x1688c8f18, 0x177fdd478,
                                               0x16d9dea58, 0x15e514a68, 0x162685000};
  std::vector<std::uint64_t> offsets(10);
  std::uint32_t levels = 0;
  EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(walk, offsets.data(), 10, &levels), kSOk);
  offsets.resize(levels);
  EXPECT_EQ(offsets, expected);

  spec.strict = true;
  const Walk strict = AddressSpace(*memory, spec).Translate(VirtAddr(kVa));
  EXPECT_EQ(strict.status, WalkStatus::kNotPresent);
  EXPECT_EQ(strict.state, EntryState::kPrototype);
}

TEST(Follower, EveryFormOfEveryEra) {
  for (const PteEra& era : kPteEras) {
    const EraImage image = MakeEraImage(era);
    const auto memory = image.memory.Build();
    const PagingMode& mode = Mode(era.mode);
    const PagingContext context =
        MakePagingContext(*memory, mode, PhysAddr(image.dtb), std::nullopt, era.build);
    EXPECT_EQ(context.rules.invalid_mask, era.invalid_mask) << era.name;
    ASSERT_GE(image.cases.size(), 13U);
    for (const EraCase& c : image.cases) {
      SCOPED_TRACE(std::string(era.name) + " " + std::to_string(era.build) + ": " + c.what);
      const Outcome outcome = Follow(*memory, mode, image.dtb, context, c.va);
      ASSERT_EQ(outcome.walk.Mapped(), c.pa.has_value());
      if (c.pa) {
        EXPECT_EQ(outcome.walk.pa.value, *c.pa);
        EXPECT_EQ(outcome.walk.page_bytes, kPageBytes);
      }
      EXPECT_EQ(Name(outcome.walk.state), c.state);
      EXPECT_EQ(outcome.following.reason, c.reason);
    }
  }
}

// Windows 10 17763 (quarkslab/rewind): every transition entry of the running kernel leads into
// memory once the mask is gone, none before; prototype pointers lead to entries that are readable
// where their pages were captured.
TEST(Follower, RealPagesOf17763) {
  auto image = OpenImage(V2P_TESTDATA "/windows/rewind_cng.dmp.zst", {});
  ASSERT_TRUE(image.has_value());
  const PhysicalMemory& memory = *image->memory;
  const PhysAddr root(0x235500000);
  const PagingContext context =
      MakePagingContext(memory, kX64Mode, root, std::nullopt, std::nullopt);
  PteSample sample;
  SampleEntries(memory, kX64Mode, root, {}, &sample);
  std::size_t transitions = 0;
  std::size_t prototypes = 0;
  for (const std::uint64_t entry : sample.entries) {
    const WindowsPte pte = DecodeWindowsPte(context.rules, kX64Mode, PtePlace::kLeaf, entry);
    if (pte.state == EntryState::kTransition && pte.unswizzled) {
      ++transitions;
      EXPECT_LT(pte.frame, memory.End()) << std::hex << entry;
      EXPECT_GE(entry & kFrame48, memory.End().value) << std::hex << entry;
    }
    if (pte.state == EntryState::kPrototype) {
      ++prototypes;
      ASSERT_TRUE(pte.pointer.has_value());
      EXPECT_EQ(pte.pointer->value >> 47, 0x1ffffU) << "a kernel address";
    }
  }
  EXPECT_GT(transitions, 300U);
  EXPECT_GT(prototypes, 50U);
}

TEST(Follower, UnknownMaskTriesBothReadingsOfAPointer) {
  SparseMemory pages;
  const std::uint64_t raw = 0xffff800fe0802050;
  const std::uint64_t cleared = 0xffff800fc0802050;
  const auto map = [&](std::uint64_t va, std::uint64_t table, std::uint64_t page) {
    pages.Put64(0x1000 + (va >> 39 & 511) * 8, 0x2000 | kTable);
    pages.Put64(0x2000 + (va >> 30 & 511) * 8, 0x3000 | kTable);
    pages.Put64(0x3000 + (va >> 21 & 511) * 8, table | kTable);
    pages.Put64(table + (va >> 12 & 511) * 8, page);
  };
  map(cleared, 0x4000, 0x6000 | kTable);
  map(0xffff800fc0a00000, 0x5000, raw << 16 | 0x480);
  pages.Put64(0x6050, 0x7000 | kTable);
  pages.AddPage(0x7000);
  const std::uint64_t va = 0xffff800fc0a00000;
  {
    const auto memory = pages.Build();
    const PagingContext context =
        MakePagingContext(*memory, kX64Mode, PhysAddr(0x1000), std::nullopt, 17763);
    EXPECT_EQ(context.mask_source, "unknown");
    const Outcome one = Follow(*memory, kX64Mode, 0x1000, context, va);
    EXPECT_EQ(one.walk.pa.value, 0x7000U);
    EXPECT_TRUE(one.following.prototype->mask_tried);
  }
  map(raw, 0x8000, 0x9000 | kTable);
  pages.Put64(0x9050, 0xa000 | kTable);
  pages.AddPage(0xa000);
  const auto memory = pages.Build();
  const PagingContext context =
      MakePagingContext(*memory, kX64Mode, PhysAddr(0x1000), std::nullopt, 17763);
  const Outcome both = Follow(*memory, kX64Mode, 0x1000, context, va);
  EXPECT_FALSE(both.walk.Mapped());
  EXPECT_EQ(both.following.reason, "prototype-ambiguous");
}

// A prototype entry may itself lie in a page of the paged pool that is in transition, but a second
// prototype is never followed, not even one that leads to itself.
TEST(Follower, OnePrototypeHop) {
  SparseMemory pages;
  const std::uint64_t va = 0xffff800fc0802000;
  pages.Put64(0x1000 + (va >> 39 & 511) * 8, 0x2000 | kTable);
  pages.Put64(0x2000 + (va >> 30 & 511) * 8, 0x3000 | kTable);
  pages.Put64(0x3000 + (va >> 21 & 511) * 8, 0x4000 | kTable);
  pages.Put64(0x4010, va << 16 | 0x400);  // of `va` itself
  const auto memory = pages.Build();
  const PagingContext context =
      MakePagingContext(*memory, kX64Mode, PhysAddr(0x1000), std::nullopt, 15063);
  const Outcome outcome = Follow(*memory, kX64Mode, 0x1000, context, va);
  EXPECT_FALSE(outcome.walk.Mapped());
  ASSERT_TRUE(outcome.following.prototype.has_value());
  EXPECT_EQ(outcome.following.prototype->on->reason, "prototype-nested");
}

}  // namespace
}  // namespace v2p::test

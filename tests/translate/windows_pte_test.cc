// Windows entries that are not present: real ones, quoted where they were published, then the
// statistics over real pages. Each real entry names its source.
// SPDX-License-Identifier: Apache-2.0
#include "translate/windows_pte.h"

#include <gtest/gtest.h>

#include <random>

#include "dumpfmt/format.h"
#include "support/corpus.h"
#include "support/windows_entries.h"
#include "translate/follower.h"
#include "translate/mode_tables.h"
#include "translate/paging_context.h"
#include "translate/pte_sample.h"
#include "translate/walk.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kMask45 = 0x200000000000;
using enum EntryState;

PteRules Rules(std::uint32_t build, PteLayout layout, std::uint64_t mask,
               ModeName mode = ModeName::kX64) {
  return RulesOf(Mode(mode), build, layout, mask);
}

WindowsPte Leaf(const PteRules& rules, std::uint64_t entry, ModeName mode = ModeName::kX64) {
  return DecodeWindowsPte(rules, Mode(mode), PtePlace::kLeaf, entry);
}

const PteRules kClassicRules = Rules(15063, PteLayout::kClassic, 0);
const PteRules kPlainRules = Rules(19041, PteLayout::kSwizzled, 0);
const PteRules kMaskedRules = Rules(17763, PteLayout::kSwizzled, kMask45);

// volatility3 pull request 475: raw frame 0x200060533, printed by `!pte` as 60533.
TEST(WindowsPte, RealTransitionSwizzled) {
  const WindowsPte pte = Leaf(kMaskedRules, 0x0000200060533860);
  EXPECT_EQ(pte.state, kTransition);
  EXPECT_EQ(pte.frame.value, 0x60533000U);
  EXPECT_TRUE(pte.unswizzled);
  EXPECT_EQ(pte.protection, 3U);
}

// kdmp-parser-rs, tests/regression.rs: bit 4 clear and no mask; clearing is harmless, XOR is not.
TEST(WindowsPte, RealTransitionPlain) {
  for (const PteRules& rules : {kClassicRules, kPlainRules, kMaskedRules}) {
    const WindowsPte pte = Leaf(rules, 0x00000000166b7880);
    EXPECT_EQ(pte.state, kTransition);
    EXPECT_EQ(pte.frame.value, 0x166b7000U);
    EXPECT_FALSE(pte.unswizzled);
  }
}

// libvmi pull request 1071: the entry and the pointer that the debugger followed.
TEST(WindowsPte, RealPrototype) {
  for (const PteRules& rules : {kClassicRules, kPlainRules, kMaskedRules}) {
    const WindowsPte pte = Leaf(rules, 0x8e00d8c69a680400);
    EXPECT_EQ(pte.state, kPrototype);
    EXPECT_EQ(pte.pointer, VirtAddr(0xffff8e00d8c69a68));
  }
}

// "Combined": bit 11 of a prototype entry, which a test of bit 11 first takes for transition.
TEST(WindowsPte, CombinedPrototype) {
  EXPECT_EQ(Leaf(kMaskedRules, 0x8e00d8c69a680c00).state, kPrototype);
}

// FireEye's paper on the compressed store: page file 2, page 0x1BBEDA, protection 4, in both.
TEST(WindowsPte, RealSoftware) {
  for (const PteRules& rules : {kClassicRules, kPlainRules}) {
    const WindowsPte pte = Leaf(rules, 0x001bbeda00002084);
    EXPECT_EQ(pte.state, kPagefile);
    EXPECT_EQ(pte.page_file, 2U);
    EXPECT_EQ(pte.page, 0x1bbedaU);
    EXPECT_EQ(pte.protection, 4U);
  }
}

// The same page under a mask, written with the swizzle bit because its own bit 45 is set; and a
// page whose bit 45 the kernel added. Constructed from the type information of 17763.
TEST(WindowsPte, SoftwareUnderTheMask) {
  const WindowsPte plain = Leaf(kMaskedRules, 0x001bbeda00002094);
  EXPECT_EQ(plain.page, 0x1bbedaU);
  const WindowsPte masked = Leaf(kMaskedRules, 0x00026edf00002084);
  EXPECT_EQ(masked.page_file, 2U);
  EXPECT_EQ(masked.page, 0x24edfU);
}

// One entry, two eras: the number of the page file depends on the layout.
TEST(WindowsPte, NumberMovedWithTheLayout) {
  EXPECT_EQ(Leaf(kPlainRules, 0x0000123400000094).page_file, 0U);
  EXPECT_EQ(Leaf(kClassicRules, 0x0000123400000094).page_file, 10U);
  EXPECT_EQ(Leaf(kPlainRules, 0x0000123400002080).page_file, 2U);
  EXPECT_EQ(Leaf(kClassicRules, 0x0000123400002080).page_file, 0U);
}

// quarkslab/rewind, Windows 10 17763: demand zero and free system entries of a running kernel.
TEST(WindowsPte, RealDemandZeroAndFreeEntries) {
  for (const std::uint64_t entry : {0x0000200000000080U, 0x00002000000003e0U}) {
    EXPECT_EQ(Leaf(kMaskedRules, entry).state, kDemandZero);
  }
  for (const std::uint64_t entry : {0x0000637600000010U, 0x0000605400000000U}) {
    const WindowsPte pte = Leaf(kMaskedRules, entry);
    EXPECT_EQ(pte.state, kUnknown);
    EXPECT_EQ(pte.detail, "free-system-pte");
  }
}

// Rekall, plugins/windows/pagefile.py: a real VAD marker; with the swizzle bit from 17763 on.
TEST(WindowsPte, VadMarkers) {
  EXPECT_EQ(Leaf(kClassicRules, 0xffffffff00000420).state, kVad);
  EXPECT_EQ(Leaf(kMaskedRules, 0xffffffff00000430).state, kVad);
}

// quarkslab/rewind, 17763: the raw address has an empty PDE, the one without bit 29 a page table.
TEST(WindowsPte, RealPrototypeLosesTheMask) {
  EXPECT_EQ(Leaf(kMaskedRules, 0x800fe08020500480).pointer, VirtAddr(0xffff800fc0802050));
}

// Peers that test bit 7 take a transition PDE for a 2 MiB page (volatility3 pull request 518).
TEST(WindowsPte, ProtectionIsNoSizeBit) {
  const WindowsPte pte =
      DecodeWindowsPte(kClassicRules, kX64Mode, PtePlace::kUpper, 0x0000000000248880);
  EXPECT_EQ(pte.state, kTransition);
  EXPECT_EQ(pte.frame.value, 0x248000U);
}

// From 22621 (MemProcFS, mm_win.c): a software entry that is a pointer to a control area.
TEST(WindowsPte, ControlArea) {
  const WindowsPte pte = Leaf(Rules(22631, PteLayout::kSwizzled, kMask45), 0xffffa50f12345080);
  EXPECT_EQ(pte.state, kSubsection);
  EXPECT_EQ(pte.detail, "control-area");
}

TEST(WindowsPte, IndexedPrototypesAreNamedAndNotFollowed) {
  const WindowsPte pte = Leaf(Rules(28000, PteLayout::kIndexed, 0), 0x0080000012345480);
  EXPECT_EQ(pte.state, kPrototype);
  EXPECT_EQ(pte.detail, "prototype-index");
  EXPECT_FALSE(pte.pointer.has_value());
}

TEST(PteSample, RealPagesOf17763GiveBit45) {
  auto image = OpenImage(V2P_TESTDATA "/windows/rewind_cng.dmp.zst", {});
  ASSERT_TRUE(image.has_value());
  PteSample sample;
  SampleEntries(*image->memory, kX64Mode, PhysAddr(0x235500000), {}, &sample);
  const MaskStatistic statistic = InvalidMaskOf(sample, image->memory->End());
  EXPECT_GT(statistic.entries, 1000U);
  EXPECT_EQ(statistic.mask, kMask45);
  const PagingContext context = MakePagingContext(*image->memory, kX64Mode, PhysAddr(0x235500000),
                                                  std::nullopt, std::nullopt);
  EXPECT_EQ(context.rules.layout, PteLayout::kSwizzled);
  EXPECT_EQ(context.layout_source, "entries");
  EXPECT_EQ(context.mask_source, "entries");
}

TEST(PteSample, FewEntriesGiveNoMask) {
  PteSample sample;
  sample.entries.assign(63, kMask45 | 0x12345860);
  EXPECT_EQ(InvalidMaskOf(sample, PhysAddr(1U << 30)).mask, std::nullopt);
  sample.entries.assign(1000, kMask45 | 0x12345860);
  EXPECT_EQ(InvalidMaskOf(sample, PhysAddr(1U << 30)).mask, std::nullopt) << "one value";
}

TEST(PteSample, LayoutByTheAllocatedBit) {
  for (const PteEra& era : kPteEras) {
    if (era.mode != ModeName::kX64 || era.build < 15063) continue;
    const WindowsEntries entries(era);
    PteSample sample;
    for (std::uint64_t page = 1; page < 20; ++page) {
      sample.entries.push_back(entries.Software(0, page));
    }
    EXPECT_EQ(LayoutOf(sample), era.build < 17763 ? PteLayout::kClassic : PteLayout::kSwizzled);
  }
}

}  // namespace
}  // namespace v2p::test

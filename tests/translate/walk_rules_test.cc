// The rules of walks one by one: reserved bits, PAT, PSE-36, roots, canonical addresses, partial
// tables, tables that lead to themselves.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "support/sparse_memory.h"
#include "translate/address_space.h"
#include "translate/dbgeng.h"
#include "translate/walker.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kTable = 0x63;
constexpr std::uint64_t kLarge = 0xe3;

std::uint64_t Bit(unsigned n) { return std::uint64_t{1} << n; }

// Walks with and without a cache, which must agree in all that is printed.
Walk Translate(const PhysicalMemory& memory, const AddressSpaceSpec& spec, std::uint64_t va) {
  const AddressSpace space(memory, spec);
  const Walk walk = space.Translate(VirtAddr(va));
  Walker walker(space);
  for (int i = 0; i < 2; ++i) {
    const Walk again = walker.Translate(VirtAddr(va));
    EXPECT_EQ(again.status, walk.status);
    EXPECT_EQ(again.state, walk.state);
    EXPECT_EQ(again.pa, walk.pa);
    EXPECT_EQ(again.step_count, walk.step_count);
    EXPECT_EQ(again.root, walk.root);
  }
  return walk;
}

Walk Translate(const SparseMemory& memory, const AddressSpaceSpec& spec, std::uint64_t va) {
  return Translate(*memory.Build(), spec, va);
}

// A path of tables at 0x1000, 0x2000, ... down to `level` (0 is the top) for address 0, and the
// entry under test there.
Walk WithEntry(ModeName mode, std::size_t level, std::uint64_t entry,
               GuestOs os = GuestOs::kUnknown) {
  SparseMemory memory;
  const bool narrow = Mode(mode).entry_bytes == 4;
  const auto put = [&](std::uint64_t at, std::uint64_t value) {
    if (narrow) {
      memory.Put32(at, static_cast<std::uint32_t>(value));
    } else {
      memory.Put64(at, value);
    }
  };
  for (std::size_t i = 0; i < level; ++i) {
    const bool pae_top = mode == ModeName::kPae && i == 0;
    put((i + 1) * 0x1000, (i + 2) * 0x1000 | (pae_top ? 1 : 3));
  }
  put((level + 1) * 0x1000, entry);
  memory.AddPage((level + 2) * 0x1000);
  return Translate(memory, {.mode = mode, .dtb = 0x1000, .os = os}, 0);
}

struct Veto {
  ModeName mode;
  std::size_t level;
  std::uint64_t good;               // ends otherwise
  std::vector<unsigned> reserved;   // each of these bits set ends as reserved-bits
  std::vector<unsigned> tolerated;  // none of these does
};

TEST(ReservedBits, EachVetoesAndNoOtherDoes) {
  using enum ModeName;
  const auto range = [](unsigned low, unsigned high) {
    std::vector<unsigned> bits;
    for (unsigned bit = low; bit <= high; ++bit) bits.push_back(bit);
    return bits;
  };
  const std::vector<unsigned> software = range(52, 62);
  const Veto vetoes[] = {
      {kX86, 0, 0x83, {21}, {1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 20, 22}},
      {kX86, 1, 0x3, {}, range(1, 31)},
      {kPae, 0, 0x2001, {1, 2, 6, 7, 8, 63, 52, 57, 62}, {3, 4, 5, 9, 10, 11}},
      {kPae, 1, 0x83, {13, 14, 15, 16, 17, 18, 19, 20, 52, 58, 62}, {5, 6, 8, 9, 11, 12, 63}},
      {kPae, 1, 0x3003, {52, 55, 62}, {4, 5, 6, 8, 9, 63}},
      {kPae, 2, 0x3, {52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62}, {5, 6, 7, 8, 11, 12, 63}},
      {kX64, 0, 0x2003, {7}, software},
      {kX64, 1, 0x83, range(13, 29), {12, 52, 58, 59, 62, 63, 30, 51}},
      {kX64, 2, 0x83, range(13, 20), {12, 52, 58, 59, 62, 63, 21, 51}},
      {kX64, 3, 0x3, {}, range(1, 63)},
      {kX64La57, 0, 0x2003, {7}, software},
      {kX64La57, 1, 0x3003, {7}, software},
      {kX64La57, 2, 0x83, range(13, 29), {12}},
      {kArm64, 1, 0x1, range(12, 29), {2, 5, 6, 7, 8, 10, 11, 50, 51, 52, 55, 63}},
      {kArm64, 2, 0x1, range(12, 20), {2, 5, 6, 7, 8, 10, 11, 50, 51, 52, 55, 63}},
      {kArm64, 3, 0x3, {}, range(2, 63)},
  };
  for (const Veto& veto : vetoes) {
    const auto name = std::string(Name(veto.mode)) + " level " + std::to_string(veto.level);
    EXPECT_NE(WithEntry(veto.mode, veto.level, veto.good).status, WalkStatus::kReservedBits)
        << name;
    for (const unsigned bit : veto.reserved) {
      const Walk walk = WithEntry(veto.mode, veto.level, veto.good | Bit(bit));
      EXPECT_EQ(walk.status, WalkStatus::kReservedBits) << name << " bit " << bit;
      EXPECT_EQ(walk.state, EntryState::kPresent);
      EXPECT_EQ(walk.step_count, veto.level + 1);
      EXPECT_EQ(StopCode(walk), kNoPagefile);
      EXPECT_EQ(Reason(walk), "reserved-bits");
    }
    for (const unsigned bit : veto.tolerated) {
      EXPECT_NE(WithEntry(veto.mode, veto.level, veto.good | Bit(bit)).status,
                WalkStatus::kReservedBits)
          << name << " bit " << bit;
    }
  }
}

TEST(ReservedBits, ArmBlockTypeAtLevelsWithoutBlocks) {
  EXPECT_EQ(WithEntry(ModeName::kArm64, 0, 0x2001).status, WalkStatus::kReservedBits);
  EXPECT_EQ(WithEntry(ModeName::kArm64, 3, 0x2001).status, WalkStatus::kReservedBits);
  EXPECT_EQ(WithEntry(ModeName::kArm64, 0, 0x2002).status, WalkStatus::kNotPresent);
}

TEST(Leaf, AccessedClearStillMaps) {
  EXPECT_TRUE(WithEntry(ModeName::kX64, 3, 0x5001).Mapped());
  EXPECT_TRUE(WithEntry(ModeName::kArm64, 3, 0x5003).Mapped());
}

// A 2 MiB page with PAT, bit 12, set: other tools give 0xa01111.
TEST(Pat, NeverReachesTheAddress) {
  SparseMemory memory;
  const std::uint64_t va = 0xfffff90000a00111;
  memory.Put64(0x1000 + ((va >> 39) & 511) * 8, 0x2000 | kTable);
  memory.Put64(0x2000 + ((va >> 30) & 511) * 8, 0x3000 | kTable);
  memory.Put64(0x3000 + ((va >> 21) & 511) * 8, 0xa00000 | Bit(12) | kLarge);
  const Walk walk = Translate(memory, {.mode = ModeName::kX64, .dtb = 0x1000}, va);
  EXPECT_EQ(walk.pa.value, 0xa00111U);
  EXPECT_EQ(walk.page_bytes, 0x200000U);

  EXPECT_EQ(WithEntry(ModeName::kX64, 1, 0x40000000 | Bit(12) | kLarge).pa.value, 0x40000000U);
  EXPECT_EQ(WithEntry(ModeName::kX64, 3, 0x7000 | Bit(7) | kTable).pa.value, 0x7000U);
  EXPECT_EQ(WithEntry(ModeName::kPae, 1, 0x400000 | Bit(12) | kLarge).pa.value, 0x400000U);
  EXPECT_EQ(WithEntry(ModeName::kX86, 0, 0x400000 | Bit(12) | kLarge).pa.value, 0x400000U);
}

TEST(Pse36, AllEightBits) {
  for (unsigned bit = 0; bit < 8; ++bit) {
    const Walk walk = WithEntry(ModeName::kX86, 0, 0x12c00000 | Bit(13 + bit) | kLarge);
    EXPECT_EQ(walk.pa.value, 0x12c00000 | Bit(32 + bit));
    EXPECT_EQ(walk.page_bytes, 0x400000U);
  }
}

TEST(Root, FlagBitsAreMaskedByMode) {
  SparseMemory memory;
  memory.AddPage(0x1000);
  const auto root = [&](ModeName mode, std::uint64_t dtb) {
    return Translate(memory, {.mode = mode, .dtb = dtb}, 0).root.value;
  };
  EXPECT_EQ(root(ModeName::kX64, 0xe000000000001fff), 0x1000U) << "LAM, no-flush, PCID";
  EXPECT_EQ(root(ModeName::kX64, 0x000f000000001002), 0x000f000000001000U) << "52 bits";
  EXPECT_EQ(root(ModeName::kX86, 0x1018), 0x1000U);
  EXPECT_EQ(root(ModeName::kPae, 0x103f), 0x1020U) << "32-byte aligned, not page-aligned";
  EXPECT_EQ(root(ModeName::kArm64, 0x1234000000001801), 0x1000U) << "ASID, CnP, Windows TTBR1";
}

TEST(Root, PaeTablesLieAnywhereInAPage) {
  for (const std::uint64_t root : {0x1320U, 0x1ac0U, 0x11a0U, 0x1fe0U}) {
    SparseMemory memory;
    memory.Put64(root + 24, 0x2001);
    memory.Put64(0x2000, 0x3000 | kTable);
    memory.Put64(0x3000, 0x7000 | kTable);
    const Walk walk = Translate(memory, {.mode = ModeName::kPae, .dtb = root | 0x18}, 0xc0000123);
    EXPECT_EQ(walk.pa.value, 0x7123U);
    EXPECT_EQ(walk.steps[0].entry_at.value, root + 24);
  }
}

TEST(Root, AbsentOneIsTheOnlyOffset) {
  SparseMemory memory;
  memory.AddPage(0x1000);
  const auto image = memory.Build();
  const AddressSpace space(*image, {.mode = ModeName::kX64, .dtb = 0x5000});
  const Walk walk = space.Translate(VirtAddr(0x1234));
  EXPECT_EQ(walk.status, WalkStatus::kTableNotInImage);
  EXPECT_EQ(walk.state, EntryState::kNone);
  ASSERT_EQ(walk.step_count, 1);
  EXPECT_FALSE(walk.WasRead(0));
  EXPECT_EQ(walk.steps[0].entry_at.value, 0x5000U);
  std::uint64_t offsets[10] = {};
  std::uint32_t levels = 0;
  EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(walk, offsets, 10, &levels), kSFalse);
  EXPECT_EQ(levels, 1U);
  EXPECT_EQ(offsets[0], 0x5000U);
  EXPECT_EQ(VirtualToPhysical(walk, nullptr), kReadFault);
  EXPECT_EQ(StopCode(walk), kReadFault);
}

struct CanonicalCase {
  ModeName mode;
  bool split_roots;
  std::uint64_t va;
  bool canonical;
};

TEST(Canonical, EdgesOfEachMode) {
  using enum ModeName;
  const CanonicalCase cases[] = {
      {kX64, false, 0x00007fffffffffff, true},
      {kX64, false, 0x0000800000000000, false},
      {kX64, false, 0xffff800000000000, true},
      {kX64, false, 0xffff7fffffffffff, false},
      {kX64La57, false, 0x00ffffffffffffff, true},
      {kX64La57, false, 0x0100000000000000, false},
      {kX64La57, false, 0xff00000000000000, true},
      {kX64La57, false, 0xfeffffffffffffff, false},
      {kX86, false, 0x80000000, true},
      {kX86, false, 0xffffffff80000000, true},
      {kX86, false, 0xffffffff7fffffff, false},
      {kX86, false, 0x180000000, false},
      {kPae, false, 0xffffffffffffffff, true},
      {kPae, false, 0x0000000100000000, false},
      {kArm64, false, 0x00007fffffffffff, true},
      {kArm64, false, 0x0000800000000000, false},
      {kArm64, false, 0xffff800000000000, true},
      {kArm64, false, 0xffff7fffffffffff, false},
      {kArm64, true, 0x0000ffffffffffff, true},
      {kArm64, true, 0x0001000000000000, false},
      {kArm64, true, 0xffff000000000000, true},
      {kArm64, true, 0xfffeffffffffffff, false},
  };
  SparseMemory memory;
  memory.AddPage(0x1000);
  for (const CanonicalCase& test : cases) {
    SCOPED_TRACE(std::string(Name(test.mode)) + " " + std::to_string(test.va));
    AddressSpaceSpec spec{.mode = test.mode, .dtb = 0x1000};
    if (test.split_roots) spec.ttbr1 = 0x1000;
    const Walk walk = Translate(memory, spec, test.va);
    EXPECT_EQ(walk.status == WalkStatus::kNonCanonical, !test.canonical);
    if (test.canonical) continue;
    std::uint32_t levels = 9;
    std::uint64_t offset = 0x5555;
    EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(walk, &offset, 1, &levels), kNoPagefile);
    EXPECT_EQ(levels, 0U);
    EXPECT_EQ(offset, 0x5555U);
    EXPECT_EQ(VirtualToPhysical(walk, nullptr), kNoPagefile);
    EXPECT_EQ(StopCode(walk), kNoPagefile);
    EXPECT_EQ(walk.state, EntryState::kNone);
    EXPECT_EQ(walk.step_count, 0);
    EXPECT_EQ(Reason(walk), "non-canonical");
    spec.ignore_canonical = true;
    EXPECT_EQ(Translate(memory, spec, test.va).status, WalkStatus::kNotPresent);
  }
}

TEST(Canonical, ZeroAndSignExtended32BitAddressesAreTheSame) {
  SparseMemory memory;
  memory.Put32(0x1000 + 0x200 * 4, 0x2003);
  memory.Put32(0x2000, 0x7003);
  const Walk zero = Translate(memory, {.mode = ModeName::kX86, .dtb = 0x1000}, 0x80000010);
  const Walk sign = Translate(memory, {.mode = ModeName::kX86, .dtb = 0x1000}, 0xffffffff80000010);
  EXPECT_EQ(zero.pa.value, 0x7010U);
  EXPECT_EQ(sign.pa.value, 0x7010U);
  EXPECT_EQ(sign.va.value, 0x80000010U);
  EXPECT_EQ(sign.IndexAt(0), 0x200U);
}

TEST(Arm64, Bit55SelectsTheRootWhenThereAreTwo) {
  SparseMemory memory;
  memory.Put64(0x1ff8, 0x3003);  // lower root, index 511: a user address with bit 47 set
  memory.Put64(0x2ff8, 0x4003);
  memory.Put64(0x3ff8, 0x40000001);
  memory.Put64(0x4ff8, 0x80000001);
  const AddressSpaceSpec split{.mode = ModeName::kArm64, .dtb = 0x1000, .ttbr1 = 0x2000};
  EXPECT_EQ(Translate(memory, split, 0x0000ffffffffffff).pa.value, 0x7fffffffU);
  EXPECT_EQ(Translate(memory, split, 0xffffffffffffffff).pa.value, 0xbfffffffU);
  EXPECT_EQ(Translate(memory, split, 0xffffffffffffffff).root.value, 0x2000U);
  const AddressSpaceSpec joint{.mode = ModeName::kArm64, .dtb = 0x1801};
  EXPECT_EQ(Translate(memory, joint, 0xffffffffffffffff).pa.value, 0x7fffffffU);
  EXPECT_EQ(Translate(memory, joint, 0xffffffffffffffff).root.value, 0x1000U);
}

TEST(Tables, LeadingToThemselvesEnd) {
  for (const ModeName mode :
       {ModeName::kX86, ModeName::kX64, ModeName::kX64La57, ModeName::kArm64}) {
    SparseMemory memory;
    for (std::uint64_t at = 0x1000; at < 0x2000; at += Mode(mode).entry_bytes) {
      if (Mode(mode).entry_bytes == 4) {
        memory.Put32(at, 0x1003);
      } else {
        memory.Put64(at, 0x1003);
      }
    }
    const Walk walk = Translate(memory, {.mode = mode, .dtb = 0x1000}, 0x123456);
    EXPECT_TRUE(walk.Mapped());
    EXPECT_EQ(walk.step_count, Mode(mode).level_count);
    EXPECT_EQ(walk.pa.value, 0x1456U);
  }
}

TEST(Leaf, OutsideTheImageIsStillMapped) {
  const Walk walk = WithEntry(ModeName::kX64, 3, 0x000ffffffffff000 | kTable);
  EXPECT_TRUE(walk.Mapped());
  EXPECT_EQ(walk.pa.value, 0x000ffffffffff000U);
  EXPECT_EQ(Reason(walk), std::nullopt);
}

// Tables of which the image holds only some bytes: LiME and ELF runs end anywhere.
TEST(Tables, PartlyPresent) {
  SparseMemory memory;
  memory.Put64(0x1000, 0x2003);
  memory.Put64(0x2000, 0x3003);
  memory.Put64(0x3000, 0x4003);
  memory.Put64(0x4000, 0x7003);
  memory.Put64(0x4ff0, 0x8003);
  memory.Put64(0x4ff8, 0x9003);
  const AddressSpaceSpec spec{.mode = ModeName::kX64, .dtb = 0x1000};
  const auto image = memory.BuildRanges(
      {{0x1000, 0x1008}, {0x2000, 0x2003}, {0x2003, 0x2008}, {0x3000, 0x3fff}, {0x4000, 0x4ff9}});
  EXPECT_EQ(Translate(*image, spec, 0x0000).pa.value, 0x7000U) << "across the seam inside an entry";
  EXPECT_EQ(Translate(*image, spec, 0x1fe000).pa.value, 0x8000U);
  const Walk cut = Translate(*image, spec, 0x1ff000);
  EXPECT_EQ(cut.status, WalkStatus::kTableNotInImage) << "one byte of the entry is not enough";
  EXPECT_EQ(cut.steps[3].entry_at.value, 0x4ff8U);
  const Walk past = Translate(*image, spec, 0x40000000);
  EXPECT_EQ(past.status, WalkStatus::kTableNotInImage);
  EXPECT_EQ(past.step_count, 2);
}

TEST(Walker, KeepsRootsAndHalvesApart) {
  SparseMemory memory;
  for (const std::uint64_t root : {0x1000U, 0x5000U}) {
    memory.Put64(root, (root + 0x1000) | 3);
    memory.Put64(root + 0x1000, (root + 0x2000) | 3);
    memory.Put64(root + 0x2000, (root + 0x3000) | 3);
    memory.Put64(root + 0x3000, (root + 0x100000) | 3);
  }
  const auto image = memory.Build(Backing::kBitmap);
  Walker walker(AddressSpace(*image, {.mode = ModeName::kArm64, .dtb = 0x1000, .ttbr1 = 0x5000}));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(walker.Translate(VirtAddr(0x10)).pa.value, 0x101010U);
    EXPECT_EQ(walker.Translate(VirtAddr(0xffff000000000010)).pa.value, 0x105010U);
  }
}

TEST(Modes, NamesAreThoseOfTheOutput) {
  const ModeName all[] = {ModeName::kX86, ModeName::kPae, ModeName::kX64, ModeName::kX64La57,
                          ModeName::kArm64};
  const std::string_view names[] = {"x86", "pae", "x64", "x64-la57", "arm64"};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(Name(all[i]), names[i]);
    EXPECT_EQ(ModeByName(names[i]), all[i]);
  }
  EXPECT_EQ(ModeByName("X64"), std::nullopt);
  EXPECT_EQ(Mode(ModeName::kX64La57).levels[0].name, "PML5E");
  EXPECT_EQ(Mode(ModeName::kX64).levels[1].name, "PDPTE");
  EXPECT_EQ(Mode(ModeName::kX64).levels[1].windbg_name, "PDPE");
  EXPECT_EQ(Mode(ModeName::kArm64).levels[0].name, "L0E");
  EXPECT_EQ(Mode(ModeName::kArm64).levels[0].windbg_name, "PML4E");
}

}  // namespace
}  // namespace v2p::test

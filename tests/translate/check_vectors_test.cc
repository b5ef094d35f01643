// Translations that real debuggers printed: the images are built from the entries in their output.
// Sources: public posts and bug reports with `!vtop` output (x64, PAE, x86, ARM64), re-computed.
// Where a debugger printed only entry addresses, the entry is that of the next address printed.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "support/sparse_memory.h"
#include "translate/address_space.h"
#include "translate/dbgeng.h"
#include "translate/walker.h"

namespace v2p::test {
namespace {

struct Entry {
  std::uint64_t at;
  std::uint64_t value;
};

struct Vector {
  const char* name;
  ModeName mode;
  std::uint64_t dtb;
  std::uint64_t va;
  std::vector<Entry> entries;
  WalkStatus status;
  EntryState state;
  std::uint64_t pa;
};

constexpr std::uint64_t kTable = 0x63;      // present, writable, accessed, dirty
constexpr std::uint64_t kLarge = 0xe3;      // the same with PS
constexpr std::uint64_t kArmTable = 0x3;    // valid, table or page
constexpr std::uint64_t kArmBlock = 0x701;  // valid, block, accessed, inner shareable
constexpr auto kMapped = WalkStatus::kMapped;
constexpr auto kNotPresent = WalkStatus::kNotPresent;
constexpr auto kPresent = EntryState::kPresent;
constexpr auto kZero = EntryState::kZero;

std::vector<Vector> Vectors() {
  using enum ModeName;
  return {
      {"x64 4K",
       kX64,
       0x130fd1000,
       0x13fb7ff98,
       {{0x130fd1000, 0x126616000 | kTable},
        {0x126616020, 0x124a17000 | kTable},
        {0x124a17fe8, 0x124818000 | kTable},
        {0x124818bf8, 0xbdfba000 | kTable}},
       kMapped,
       kPresent,
       0xbdfbaf98},
      {"x64 2M",
       kX64,
       0x1ad000,
       0xfffff8052e3ff090,
       {{0x1adf80, 0x4b09000 | kTable},
        {0x4b090a0, 0x4b0a000 | kTable},
        {0x4b0ab88, 0x2c00000 | kLarge}},
       kMapped,
       kPresent,
       0x2dff090},
      {"x64 zero PML4E",
       kX64,
       0x12f3d4000,
       0xd2af11a000,
       {{0x12f3d4008, 0}},
       kNotPresent,
       kZero,
       0},
      {"PAE 4K",
       kPae,
       0xa680320,
       0x4197b0,
       {{0xa680320, 0x17f20001}, {0x17f20010, 0x17c63067}, {0x17c630c8, 0x8000000018034067}},
       kMapped,
       kPresent,
       0x180347b0},
      {"PAE 2M",
       kPae,
       0x34c000,
       0x8056f58c,
       {{0x34c010, 0x34f001}, {0x34f010, 0x4001e3}},
       kMapped,
       kPresent,
       0x56f58c},
      {"PAE zero PTE",
       kPae,
       0xa680320,
       0,
       {{0xa680320, 0x17f20001}, {0x17f20000, 0x18029000 | kTable}, {0x18029000, 0}},
       kNotPresent,
       kZero,
       0},
      {"x86 4K device",
       kX86,
       0xd4a6000,
       0xf9234000,
       {{0xd4a6f90, 0x01014163}, {0x10148d0, 0xf000017b}},
       kMapped,
       kPresent,
       0xf0000000},
      {"x86 4K",
       kX86,
       0x185000,
       0x845ecf68,
       {{0x185844, 0x001c4063}, {0x1c47b0, 0x045ec121}},
       kMapped,
       kPresent,
       0x45ecf68},
      {"ARM64 4K",
       kArm64,
       0xf75ad0000,
       0xfffff801a806e2c0,
       {{0xf75ad0f80, 0x60000081715f23},
        {0x81715030, 0x60000081714f23},
        {0x81714a00, 0x60000081d04f23},
        {0x81d04370, 0x9040000fdc755783}},
       kMapped,
       kPresent,
       0xfdc7552c0},
      {"ARM64 2M",
       kArm64,
       0xce1ee3000,
       0xfffff801ade0a280,
       {{0xce1ee3f80, 0x81715000 | kArmTable},
        {0x81715030, 0x81714000 | kArmTable},
        {0x81714b78, 0x880200000 | kArmBlock}},
       kMapped,
       kPresent,
       0x88020a280},
      {"prototype",
       kX64,
       0x16e800000,
       0x7ff8d1f4b000,
       {{0x16e8007f8, 0x1688c8000 | kTable},
        {0x1688c8f18, 0x177fdd000 | kTable},
        {0x177fdd478, 0x16d9de000 | kTable},
        {0x16d9dea58, 0x8e00d8c69a680400}},
       kNotPresent,
       EntryState::kPrototype,
       0},
  };
}

std::unique_ptr<PhysicalMemory> ImageOf(const Vector& vector, Backing backing) {
  SparseMemory memory;
  for (const Entry& e : vector.entries) {
    if (vector.mode == ModeName::kX86) {
      memory.Put32(e.at, static_cast<std::uint32_t>(e.value));
    } else {
      memory.Put64(e.at, e.value);
    }
  }
  return memory.Build(backing);
}

void ExpectWalk(const Vector& vector, const Walk& walk) {
  EXPECT_EQ(walk.status, vector.status);
  EXPECT_EQ(walk.state, vector.state);
  EXPECT_EQ(walk.root.value, vector.dtb);
  ASSERT_EQ(walk.step_count, vector.entries.size());
  for (std::size_t i = 0; i < vector.entries.size(); ++i) {
    EXPECT_EQ(walk.steps[i].entry_at.value, vector.entries[i].at) << "step " << i;
    EXPECT_EQ(walk.steps[i].entry, vector.entries[i].value) << "step " << i;
  }
  if (vector.status == kMapped) {
    EXPECT_EQ(walk.pa.value, vector.pa);
  }
}

void ExpectMethods(const Vector& vector, const AddressSpace& space) {
  const bool mapped = vector.status == kMapped;
  std::uint64_t pa = 0x5555;
  EXPECT_EQ(VirtualToPhysical(space, vector.va, &pa), mapped ? kSOk : kNoPagefile);
  EXPECT_EQ(pa, mapped ? vector.pa : 0x5555) << "left alone on failure";

  std::vector<std::uint64_t> expected = {vector.dtb};
  for (const Entry& e : vector.entries) expected.push_back(e.at);
  if (mapped) expected.push_back(vector.pa);
  std::vector<std::uint64_t> offsets(10, 0x5555);
  std::uint32_t levels = 0;
  EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(space, vector.va, offsets.data(), 10, &levels),
            mapped ? kSOk : kSFalse);
  ASSERT_EQ(levels, expected.size());
  EXPECT_EQ(offsets[levels], 0x5555) << "nothing is written past the end";
  offsets.resize(levels);
  EXPECT_EQ(offsets, expected);
}

TEST(CheckVectors, AllModesOverAllBackings) {
  for (const Vector& vector : Vectors()) {
    for (const Backing backing : kAllBackings) {
      SCOPED_TRACE(std::string(vector.name) + ", backing " +
                   std::to_string(static_cast<int>(backing)));
      const auto memory = ImageOf(vector, backing);
      for (const bool strict : {false, true}) {
        const AddressSpace space(
            *memory,
            {.mode = vector.mode, .dtb = vector.dtb, .os = GuestOs::kWindows, .strict = strict});
        ExpectWalk(vector, space.Translate(VirtAddr(vector.va)));
        ExpectMethods(vector, space);
        Walker walker(space);
        ExpectWalk(vector, walker.Translate(VirtAddr(vector.va)));
        ExpectWalk(vector, walker.Translate(VirtAddr(vector.va)));  // now from its cache
      }
    }
  }
}

// The prototype PTE that the vector above points to, in the same address space.
TEST(CheckVectors, PrototypeTargetIsMapped) {
  SparseMemory memory;
  const std::uint64_t va = 0xffff8e00d8c69a68;
  memory.Put64(0x16e8008e0, 0x1000 | kTable);
  memory.Put64(0x1000 + ((va >> 30) & 511) * 8, 0x2000 | kTable);
  memory.Put64(0x2000 + ((va >> 21) & 511) * 8, 0x3000 | kTable);
  memory.Put64(0x3000 + ((va >> 12) & 511) * 8, 0x15e514000 | kTable);
  const auto image = memory.Build();
  const AddressSpace space(*image, {.mode = ModeName::kX64, .dtb = 0x16e800000});
  EXPECT_EQ(space.Translate(VirtAddr(va)).pa.value, 0x15e514a68U);
}

}  // namespace
}  // namespace v2p::test

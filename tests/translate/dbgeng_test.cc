// Arguments of the two methods: null pointers, short arrays, partial walks.
// SPDX-License-Identifier: Apache-2.0
#include "translate/dbgeng.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/sparse_memory.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kGuard = 0x5555555555555555;

class Dbgeng : public testing::Test {
 protected:
  Dbgeng() {
    tables_.Put64(0x1000, 0x2003);
    tables_.Put64(0x2000, 0x3003);
    tables_.Put64(0x3000, 0x4003);
    tables_.Put64(0x4000, 0x7003);
    tables_.Put64(0x3008, 0x200083);
    tables_.Put64(0x3010, 0x9003);  // table absent
    memory_ = tables_.Build();
    space_.emplace(*memory_, AddressSpaceSpec{.mode = ModeName::kX64, .dtb = 0x1002});
  }

  SparseMemory tables_;
  std::unique_ptr<PhysicalMemory> memory_;
  std::optional<AddressSpace> space_;
};

TEST_F(Dbgeng, NullArgumentsAreAllowed) {
  std::uint32_t levels = 0;
  EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(*space_, 0x123, nullptr, 0, &levels), kSOk);
  EXPECT_EQ(levels, 6U);
  levels = 0;
  EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(*space_, 0x123, nullptr, 10, &levels), kSOk);
  EXPECT_EQ(levels, 6U);
  std::uint64_t offsets[6] = {};
  EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(*space_, 0x123, offsets, 6, nullptr), kSOk);
  EXPECT_EQ(offsets[5], 0x7123U);
  EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(*space_, 0x123, nullptr, 0, nullptr), kSOk);
  EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(*space_, 0x1000, nullptr, 0, nullptr), kSFalse);
  EXPECT_EQ(VirtualToPhysical(*space_, 0x123, nullptr), kSOk);
}

TEST_F(Dbgeng, ShortArraysGetTheFirstAddressesAndTheFullCount) {
  const std::vector<std::uint64_t> all = {0x1000, 0x1000, 0x2000, 0x3000, 0x4000, 0x7123};
  for (std::uint32_t size = 0; size <= 8; ++size) {
    std::vector<std::uint64_t> offsets(10, kGuard);
    std::uint32_t levels = 0;
    EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(*space_, 0x123, offsets.data(), size, &levels),
              kSOk);
    EXPECT_EQ(levels, 6U);
    for (std::uint32_t i = 0; i < 10; ++i) {
      EXPECT_EQ(offsets[i], i < size && i < 6 ? all[i] : kGuard) << size << " " << i;
    }
  }
}

TEST_F(Dbgeng, PartialWalksEndAtTheEntryThatStopped) {
  std::vector<std::uint64_t> offsets(10, kGuard);
  std::uint32_t levels = 0;
  EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(*space_, 0x1000, offsets.data(), 10, &levels),
            kSFalse);
  EXPECT_EQ(levels, 5U);
  EXPECT_EQ(offsets[4], 0x4008U);
  EXPECT_EQ(offsets[5], kGuard);
  std::uint64_t pa = kGuard;
  EXPECT_EQ(VirtualToPhysical(*space_, 0x1000, &pa), kNoPagefile);
  EXPECT_EQ(pa, kGuard);
}

TEST_F(Dbgeng, LargePageHasOneElementLess) {
  std::vector<std::uint64_t> offsets(10, kGuard);
  std::uint32_t levels = 0;
  EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(*space_, 0x212345, offsets.data(), 10, &levels),
            kSOk);
  EXPECT_EQ(levels, 5U);
  EXPECT_EQ(offsets[4], 0x212345U);
}

TEST_F(Dbgeng, UnreadEntryIsNotAmongTheOffsets) {
  std::vector<std::uint64_t> offsets(10, kGuard);
  std::uint32_t levels = 0;
  EXPECT_EQ(GetVirtualTranslationPhysicalOffsets(*space_, 0x400000, offsets.data(), 10, &levels),
            kSFalse);
  EXPECT_EQ(levels, 4U);
  EXPECT_EQ(offsets[3], 0x3010U);
  EXPECT_EQ(offsets[4], kGuard);
  EXPECT_EQ(VirtualToPhysical(*space_, 0x400000, nullptr), kReadFault);
  EXPECT_EQ(StopCode(space_->Translate(VirtAddr(0x400000))), kReadFault);
}

}  // namespace
}  // namespace v2p::test

// Frames of PROT_NONE entries and places of swapped pages: entries constructed by the kernel's
// rules; real ones are compared with guests' own pagemaps in tests/cli/protnone_test.py and
// swap_test.py. SPDX-License-Identifier: Apache-2.0
#include "translate/linux_pte.h"

#include <gtest/gtest.h>

#include "translate/mode_tables.h"

namespace v2p::test {
namespace {

TEST(LinuxPte, FrameIsInvertedWhereTheKernelInvertsIt) {
  constexpr std::uint64_t kFrame = 0x12345000;
  constexpr std::uint64_t kProtnone = 0x166;  // global, without present
  const std::uint64_t inverted = (~kFrame & kFrame52) | kProtnone | Bit(63);
  EXPECT_EQ(ProtnoneFrame(kX64Mode, 3, inverted, ""), PhysAddr(kFrame));
  EXPECT_EQ(ProtnoneFrame(kPaeMode, 2, inverted, ""), PhysAddr(kFrame));
  EXPECT_EQ(ProtnoneFrame(kX86Mode, 1, kFrame | kProtnone, ""), PhysAddr(kFrame));
  EXPECT_EQ(ProtnoneFrame(kArm64Mode, 3, kFrame | Bit(58) | 0x42, ""), PhysAddr(kFrame));
}

TEST(LinuxPte, LargePagesKeepTheirOwnAlignment) {
  constexpr std::uint64_t kFrame = 0x12200000;
  const std::uint64_t inverted = (~kFrame & kFrame52) | 0x1e6 | Bit(63);
  EXPECT_EQ(ProtnoneFrame(kX64Mode, 2, inverted, ""), PhysAddr(kFrame));
}

TEST(LinuxPte, NothingElseHasOne) {
  EXPECT_EQ(ProtnoneFrame(kX64Mode, 3, 0, ""), std::nullopt);
  EXPECT_EQ(ProtnoneFrame(kX64Mode, 3, 0x07fffffffff00200, ""), std::nullopt) << "swap";
}

void ExpectPlace(const std::optional<SwapPlace>& place, unsigned type, std::uint64_t offset) {
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->type, type);
  EXPECT_EQ(place->offset, offset);
}

TEST(LinuxPte, SwapOffsetsAreInvertedWhereTheKernelInvertsThem) {
  constexpr std::uint64_t kOffset = 0x12345;
  const std::uint64_t inverted = (std::uint64_t{3} << 59) | (~(kOffset << 9) & Bits(58, 9)) | 0x8;
  ExpectPlace(SwapPlaceOf(kX64Mode, 3, inverted, ""), 3, kOffset);
  ExpectPlace(SwapPlaceOf(kX64La57Mode, 4, inverted, ""), 3, kOffset);
  ExpectPlace(SwapPlaceOf(kPaeMode, 2, inverted, ""), 3, kOffset);
  ExpectPlace(SwapPlaceOf(kX86Mode, 1, kOffset << 9 | 3 << 1, ""), 3, kOffset);
  EXPECT_EQ(SwapPlaceOf(kX64Mode, 2, inverted, ""), std::nullopt) << "an upper level";
}

// Before 4.18 the offset was not inverted (x86-64: type in [13:9]; PAE: all in the high word).
TEST(LinuxPte, OlderSwapEntriesHaveNoPlace) {
  EXPECT_EQ(SwapPlaceOf(kX64Mode, 3, 0x12345ULL << 14 | 3 << 9, ""), std::nullopt);
  EXPECT_EQ(SwapPlaceOf(kPaeMode, 2, 0x12345ULL << 37 | 3ULL << 32, ""), std::nullopt);
  EXPECT_EQ(SwapPlaceOf(kPaeMode, 2, 0x3ff123ULL << 37 | 3ULL << 32, ""), std::nullopt)
      << "an area of 16 GiB: its top looks inverted";
}

// Bit 11 is part of the swap offset before 6.10 and PTE_PRESENT_INVALID since.
TEST(LinuxPte, FormsOfArmDependOnTheRelease) {
  constexpr std::uint64_t kBit11 = 0x12348 << 8 | 3 << 3;
  EXPECT_EQ(LinuxForm(kArm64Mode, 3, kBit11, ""), EntryState::kUnknown);
  EXPECT_EQ(LinuxForm(kArm64Mode, 3, kBit11, "6.1.0-9-arm64"), EntryState::kSwap);
  ExpectPlace(SwapPlaceOf(kArm64Mode, 3, kBit11, "6.1.0-9-arm64"), 3, 0x12348);
  EXPECT_EQ(LinuxForm(kArm64Mode, 3, 0x12345000 | Bit(11), "6.10.3"), EntryState::kProtnone);
  EXPECT_EQ(ProtnoneFrame(kArm64Mode, 3, 0x12345000 | Bit(11), "6.10.3"), PhysAddr(0x12345000));
  EXPECT_EQ(LinuxForm(kArm64Mode, 3, Bit(58), "6.10.3"), EntryState::kSwap);
  EXPECT_EQ(LinuxForm(kArm64Mode, 0, Bit(58), "6.1"), EntryState::kUnknown)
      << "no page is so large";
  EXPECT_EQ(LinuxForm(kArm64Mode, 3, 0, "6.1"), EntryState::kZero);
}

TEST(LinuxPte, SwapEntriesOfArmMovedTwice) {
  constexpr std::uint64_t kOffset = 0x12345;
  ExpectPlace(SwapPlaceOf(kArm64Mode, 3, kOffset << 8 | 3 << 2, "5.15.0-91-generic"), 3, kOffset);
  ExpectPlace(SwapPlaceOf(kArm64Mode, 3, kOffset << 8 | 3 << 3 | 4, "5.19.0"), 3, kOffset);
  ExpectPlace(SwapPlaceOf(kArm64Mode, 3, kOffset << 8 | 3 << 3 | 4, "6.1.0-9-arm64"), 3, kOffset);
  ExpectPlace(SwapPlaceOf(kArm64Mode, 3, 0x12344ULL << 12 | 3 << 6, "6.10"), 3, 0x12344);
  for (const char* release : {"", "6", "x.y", "3.10.0", "6.", "99999999999.1"}) {
    EXPECT_EQ(SwapPlaceOf(kArm64Mode, 3, kOffset << 8 | 3 << 3, release), std::nullopt) << release;
  }
}

}  // namespace
}  // namespace v2p::test

// Frames of PROT_NONE entries: entries constructed by the kernel's rules (pgtable-invert.h); real
// ones are compared with guests' own pagemaps in tests/cli/protnone_test.py.
// SPDX-License-Identifier: Apache-2.0
#include "translate/linux_pte.h"

#include <gtest/gtest.h>

#include "translate/mode_tables.h"

namespace v2p::test {
namespace {

TEST(LinuxPte, FrameIsInvertedWhereTheKernelInvertsIt) {
  constexpr std::uint64_t kFrame = 0x12345000;
  constexpr std::uint64_t kProtnone = 0x166;  // global, without present
  const std::uint64_t inverted = (~kFrame & kFrame52) | kProtnone | Bit(63);
  EXPECT_EQ(ProtnoneFrame(kX64Mode, 3, inverted), PhysAddr(kFrame));
  EXPECT_EQ(ProtnoneFrame(kPaeMode, 2, inverted), PhysAddr(kFrame));
  EXPECT_EQ(ProtnoneFrame(kX86Mode, 1, kFrame | kProtnone), PhysAddr(kFrame));
  EXPECT_EQ(ProtnoneFrame(kArm64Mode, 3, kFrame | Bit(58) | 0x42), PhysAddr(kFrame));
}

TEST(LinuxPte, LargePagesKeepTheirOwnAlignment) {
  constexpr std::uint64_t kFrame = 0x12200000;
  const std::uint64_t inverted = (~kFrame & kFrame52) | 0x1e6 | Bit(63);
  EXPECT_EQ(ProtnoneFrame(kX64Mode, 2, inverted), PhysAddr(kFrame));
}

TEST(LinuxPte, NothingElseHasOne) {
  EXPECT_EQ(ProtnoneFrame(kX64Mode, 3, 0), std::nullopt);
  EXPECT_EQ(ProtnoneFrame(kX64Mode, 3, 0x07fffffffff00200), std::nullopt) << "swap";
}

}  // namespace
}  // namespace v2p::test

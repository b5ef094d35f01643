// Flags of entries: only those with a meaning at the level.
// SPDX-License-Identifier: Apache-2.0
#include "translate/entry_flags.h"

#include <gtest/gtest.h>

namespace v2p::test {
namespace {

using Names = std::vector<std::string_view>;

TEST(EntryFlags, X64Table) {
  const PagingMode& mode = Mode(ModeName::kX64);
  EXPECT_EQ(EntryFlags(mode, 0, 0x4109063), (Names{"present", "writable", "accessed"}))
      << "bit 6 means nothing in an entry that leads to a table";
  EXPECT_EQ(EntryFlagLetters(mode, 0, 0x4109063), "P W . . . A");
}

TEST(EntryFlags, X64Pages) {
  const PagingMode& mode = Mode(ModeName::kX64);
  EXPECT_EQ(EntryFlags(mode, 3, 0x0900000004a7b121), (Names{"present", "accessed", "global"}));
  EXPECT_EQ(EntryFlagLetters(mode, 3, 0x0900000004a7b121), "P . . . . A .   G");
  EXPECT_EQ(EntryFlags(mode, 3, 0x80000000000000ff),
            (Names{"present", "writable", "user", "write-through", "cache-disabled", "accessed",
                   "dirty", "pat", "no-execute"}));
  EXPECT_EQ(EntryFlags(mode, 2, 0xa011e1),
            (Names{"present", "accessed", "dirty", "large", "global", "pat"}));
  EXPECT_EQ(EntryFlagLetters(mode, 2, 0x80000000000010e3), "P W . . . A D L . M N");
}

TEST(EntryFlags, NotPresentHasNone) {
  EXPECT_TRUE(EntryFlags(Mode(ModeName::kX64), 3, 0x8e00d8c69a680400).empty());
  EXPECT_EQ(EntryFlagLetters(Mode(ModeName::kX64), 3, 0x8e00d8c69a680400), "");
  EXPECT_TRUE(EntryFlags(Mode(ModeName::kArm64), 3, 0x2).empty());
}

TEST(EntryFlags, PaePdpteHasNoRights) {
  EXPECT_EQ(EntryFlags(Mode(ModeName::kPae), 0, 0x1003f),
            (Names{"present", "write-through", "cache-disabled"}));
  EXPECT_EQ(EntryFlagLetters(Mode(ModeName::kPae), 0, 0x10019), "P     T C");
}

TEST(EntryFlags, Arm64) {
  const PagingMode& mode = Mode(ModeName::kArm64);
  EXPECT_EQ(EntryFlags(mode, 0, 0x0060000081715f23), (Names{"valid", "table"}));
  EXPECT_EQ(EntryFlags(mode, 1, 0x1800000081715003),
            (Names{"valid", "table", "pxn-table", "uxn-table"}));
  EXPECT_EQ(EntryFlags(mode, 2, 0x0060000880200781),
            (Names{"valid", "block", "read-only", "accessed", "pxn", "uxn"}));
  EXPECT_EQ(EntryFlags(mode, 3, 0x9040000fdc755783),
            (Names{"valid", "page", "read-only", "accessed", "uxn"}));
}

}  // namespace
}  // namespace v2p::test

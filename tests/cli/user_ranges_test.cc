// `--ranges`: forms, and mistakes that must not pass silently.
// SPDX-License-Identifier: Apache-2.0
#include "cli/user_ranges.h"

#include <gtest/gtest.h>

namespace v2p::cli {
namespace {

TEST(UserRanges, TakesEndsLengthsAndOffsets) {
  const auto ranges = ParseUserRanges("0-9fbff,100000+7fe0000,100000000-13fffffff@80000000");
  ASSERT_TRUE(ranges);
  ASSERT_EQ(ranges->size(), 3U);
  EXPECT_EQ((*ranges)[0].begin.value, 0U);
  EXPECT_EQ((*ranges)[0].bytes, 0x9FC00U);
  EXPECT_FALSE((*ranges)[0].at);
  EXPECT_EQ((*ranges)[1].begin.value, 0x100000U);
  EXPECT_EQ((*ranges)[1].bytes, 0x7FE0000U);
  EXPECT_EQ((*ranges)[2].bytes, 0x40000000U);
  ASSERT_TRUE((*ranges)[2].at);
  EXPECT_EQ((*ranges)[2].at->value, 0x80000000U);
}

TEST(UserRanges, RefusesWhatIsNoRange) {
  for (const char* text : {"", ",", "1000", "0-fff,", "x-y", "0-fff@", "0-fff@z", "2000-1000",
                           "1000+0", "0-ffffffffffffffff"}) {
    const auto bad = ParseUserRanges(text);
    ASSERT_FALSE(bad) << text;
    EXPECT_EQ(bad.error().kind, ErrorKind::kUsage);
  }
}

TEST(UserRanges, AnExclusiveEndIsNoticed) {
  const auto bad = ParseUserRanges("0-80000000");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("7fffffff"), std::string::npos) << bad.error().message;
}

}  // namespace
}  // namespace v2p::cli

// Addresses as people paste them, ranges, and lists that arrive in pieces.
// SPDX-License-Identifier: Apache-2.0
#include "cli/address_list.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/temp_file.h"

namespace v2p::cli {
namespace {

using test::TempFile;

std::vector<std::uint64_t> Values(const std::vector<AddressInput>& inputs) {
  std::vector<std::uint64_t> values;
  for (const AddressInput& input : inputs) values.push_back(input.va.value);
  return values;
}

// Everything a list yields, in batches of `batch`.
std::vector<AddressInput> All(AddressList& list, std::size_t batch = 3) {
  std::vector<AddressInput> all;
  std::vector<AddressInput> some;
  while (true) {
    const Status status = list.Next(batch, &some);
    EXPECT_TRUE(status.has_value());
    EXPECT_LE(some.size(), batch);
    if (some.empty()) return all;
    all.insert(all.end(), some.begin(), some.end());
  }
}

TEST(ParseHex, TakesTheFormsPeoplePaste) {
  EXPECT_EQ(ParseHex("0x1a2B"), 0x1A2BU);
  EXPECT_EQ(ParseHex("0X1a2b"), 0x1A2BU);
  EXPECT_EQ(ParseHex("1a2b"), 0x1A2BU);
  EXPECT_EQ(ParseHex("1a2bh"), 0x1A2BU);
  EXPECT_EQ(ParseHex("1a2bH"), 0x1A2BU);
  EXPECT_EQ(ParseHex("fffff800`12345678"), 0xFFFFF80012345678U);
  EXPECT_EQ(ParseHex("0xfffff800`12345678"), 0xFFFFF80012345678U);
  EXPECT_EQ(ParseHex("0`00001000"), 0x1000U);
  EXPECT_EQ(ParseHex("00000000000000000000000000000010"), 0x10U);
  EXPECT_EQ(ParseHex("ffffffffffffffff"), ~std::uint64_t{0});
  EXPECT_EQ(ParseHex("10"), 0x10U) << "bare digits are hexadecimal";
}

TEST(ParseHex, RefusesEverythingElse) {
  for (const char* text : {"",
                           "0x",
                           "h",
                           "`",
                           "0xh",
                           "xyz",
                           "12 34",
                           "-1",
                           "+1",
                           "0x12g",
                           "1`2`3",
                           "fffff800`",
                           "`12345678",
                           "fffff800`1234",
                           "fffff800`123456789",
                           "100000000`00000000",
                           "10000000000000000",
                           "0n10",
                           "nt!KiSystemCall64",
                           "0x1h",
                           "0x0x1"}) {
    EXPECT_EQ(ParseHex(text), std::nullopt) << text;
  }
}

TEST(ParseAddressWord, Ranges) {
  const auto pair = ParseAddressWord("fffff800`00001000-fffff800`00002fff");
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->first, 0xFFFFF80000001000U);
  EXPECT_EQ(pair->last, 0xFFFFF80000002FFFU);
  const auto length = ParseAddressWord("1000+2000");
  ASSERT_TRUE(length);
  EXPECT_EQ(length->first, 0x1000U);
  EXPECT_EQ(length->last, 0x2FFFU);
  const auto top = ParseAddressWord("fffffffffffff000+1000");
  ASSERT_TRUE(top);
  EXPECT_EQ(top->last, ~std::uint64_t{0});
  for (const char* word : {"2000-1000", "1000+0", "ffffffffffffffff+2", "1000-", "-1000", "+10",
                           "1000-2000-3000", "1-x", "", "-", "+"}) {
    const auto bad = ParseAddressWord(word);
    ASSERT_FALSE(bad) << word;
    EXPECT_EQ(bad.error().kind, ErrorKind::kUsage);
  }
}

TEST(ParseAddressWord, HidesControlCharactersInItsMessage) {
  const auto bad = ParseAddressWord("\033[31mred\xff");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("\\x1b[31mred\\xff"), std::string::npos)
      << bad.error().message;
}

TEST(AddressList, RangesYieldOneAddressAPageAndRepeatTheirWord) {
  auto list = AddressList::Open({"1ffe", "1ffe-4000", "8000+1000", "9000+1001"}, "");
  ASSERT_TRUE(list);
  const auto all = All(*list);
  EXPECT_EQ(Values(all), (std::vector<std::uint64_t>{0x1FFE, 0x1FFE, 0x2000, 0x3000, 0x4000, 0x8000,
                                                     0x9000, 0xA000}));
  EXPECT_EQ(all[0].text, "1ffe");
  EXPECT_EQ(all[4].text, "1ffe-4000");
  EXPECT_EQ(all[7].text, "9000+1001");
}

TEST(AddressList, ARangeEndsAtTheTopOfTheAddressSpace) {
  auto list = AddressList::Open({"ffffffffffffe800-ffffffffffffffff"}, "");
  ASSERT_TRUE(list);
  EXPECT_EQ(Values(All(*list)),
            (std::vector<std::uint64_t>{0xFFFFFFFFFFFFE800U, 0xFFFFFFFFFFFFF000U}));
}

TEST(AddressList, AHugeRangeCostsNoMemory) {
  auto list = AddressList::Open({"0-ffffffffffffffff"}, "");
  ASSERT_TRUE(list);
  std::vector<AddressInput> some;
  ASSERT_TRUE(list->Next(4, &some));
  EXPECT_EQ(Values(some), (std::vector<std::uint64_t>{0, 0x1000, 0x2000, 0x3000}));
}

TEST(AddressList, ReadsWordsAndCommentsOfAFile) {
  const TempFile file(std::string("# hits\r\n0x10 20h,30 # three\r\n\r\n  40#five\n#60\n50"));
  auto list = AddressList::Open({"1"}, file.Path());
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->IsSingle());
  EXPECT_EQ(Values(All(*list)), (std::vector<std::uint64_t>{0x1, 0x10, 0x20, 0x30, 0x40, 0x50}));
}

TEST(AddressList, AMalformedWordNamesItsLineAndKeepsWhatStandsBefore) {
  const TempFile file(std::string("10\n# no\n20 oops 30\n"));
  auto list = AddressList::Open({}, file.Path());
  ASSERT_TRUE(list);
  std::vector<AddressInput> some;
  const Status status = list->Next(100, &some);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kUsage);
  EXPECT_EQ(status.error().message.find(file.Path() + ":3: 'oops'"), 0U) << status.error().message;
  EXPECT_EQ(Values(some), (std::vector<std::uint64_t>{0x10, 0x20}));
}

TEST(AddressList, WordsLongerThanAnyAddressAreRefusedWithoutGrowing) {
  const TempFile file("1\n" + std::string(1 << 20, '0') + "\n2\n");
  auto list = AddressList::Open({}, file.Path());
  ASSERT_TRUE(list);
  std::vector<AddressInput> some;
  const Status status = list->Next(100, &some);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find(":2: "), std::string::npos) << status.error().message;
}

TEST(AddressList, WordsAcrossBufferEndsStayWhole) {
  std::string text;
  for (std::uint64_t i = 0; i < 20000; ++i)
    text += "0xfffff800" + std::to_string(10000000 + i) + "\n";
  const TempFile file(text);
  auto list = AddressList::Open({}, file.Path());
  ASSERT_TRUE(list);
  const auto all = All(*list, 512);
  ASSERT_EQ(all.size(), 20000U);
  EXPECT_EQ(all[19999].text, "0xfffff80010019999");
  EXPECT_EQ(all[19999].va.value, 0xFFFFF80010019999U);
}

TEST(AddressList, BadArgumentsAndMissingFilesAreRefusedAtOnce) {
  const auto bad = AddressList::Open({"10", "zz"}, "");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::kUsage);
  const auto missing = AddressList::Open({}, "/nonexistent/list");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kIo);
}

TEST(AddressList, SingleMeansOneAddressAndNoList) {
  EXPECT_TRUE(AddressList::Open({"10"}, "")->IsSingle());
  EXPECT_FALSE(AddressList::Open({"10", "20"}, "")->IsSingle());
  EXPECT_FALSE(AddressList::Open({"10-5000"}, "")->IsSingle());
}

}  // namespace
}  // namespace v2p::cli

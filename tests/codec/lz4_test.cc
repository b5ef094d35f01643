// LZ4 blocks written by hand from the public description (lz4_Block_format.md).
// SPDX-License-Identifier: Apache-2.0
#include "codec/lz4.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace v2p::test {
namespace {

std::vector<std::byte> Block(const std::string& bytes) {
  std::vector<std::byte> block;
  for (const char c : bytes) block.push_back(static_cast<std::byte>(c));
  return block;
}

std::string Text(const std::vector<std::byte>& bytes) {
  std::string text;
  for (const std::byte b : bytes) text.push_back(static_cast<char>(b));
  return text;
}

TEST(Lz4, LiteralsThenAnOverlappingMatch) {
  // token 3 literals, match 4 + 5; distance 3; then 5 literals
  const auto block =
      Block(std::string("\x35"
                        "abc"
                        "\x03\x00"
                        "\x50"
                        "vwxyz",
                        12));
  std::vector<std::byte> out(17);
  EXPECT_EQ(Lz4Decode(block, out), block.size());
  EXPECT_EQ(Text(out), "abcabcabcabcvwxyz");
}

TEST(Lz4, LongLengthsGoOnInBytes) {
  std::string bytes = "\xff";  // 15 literals and more, match of 19 and more
  bytes += std::string("\x01", 1) + std::string(16, 'a');
  bytes += std::string("\x01\x00", 2) + std::string("\xff\x00", 2);  // 4 + 15 + 255 + 0
  bytes += std::string("\x10", 1) + "z";
  const auto block = Block(bytes);
  std::vector<std::byte> out(16 + 274 + 1);
  EXPECT_EQ(Lz4Decode(block, out), block.size());
  EXPECT_EQ(Text(out), std::string(290, 'a') + "z");
}

TEST(Lz4, EveryCutIsRefused) {
  const auto block =
      Block(std::string("\x35"
                        "abc"
                        "\x03\x00"
                        "\x50"
                        "vwxyz",
                        12));
  for (std::size_t size = 0; size < block.size(); ++size) {
    std::vector<std::byte> out(17);
    EXPECT_EQ(Lz4Decode(std::span(block).first(size), out), std::nullopt) << size;
  }
}

TEST(Lz4, RefusesWhatLeavesTheOutput) {
  std::vector<std::byte> out(16);
  EXPECT_EQ(Lz4Decode(Block(std::string("\x14z\x02\x00\x10y", 6)), out), std::nullopt)
      << "before the first byte";
  EXPECT_EQ(Lz4Decode(Block(std::string("\x14z\x00\x00\x10y", 6)), out), std::nullopt)
      << "distance 0";
  EXPECT_EQ(Lz4Decode(Block(std::string("\x1fz\x01\x00\xff\xff\x00", 7)), out), std::nullopt)
      << "beyond the last byte";
}

TEST(Lz4, AnyBytesEnd) {
  std::mt19937 random(7);
  std::vector<std::byte> out(4096);
  std::size_t refused = 0;
  for (unsigned round = 0; round < 20000; ++round) {
    std::vector<std::byte> block(random() % 64);
    for (std::byte& b : block) b = static_cast<std::byte>(random());
    const auto used = Lz4Decode(block, out);
    if (used) {
      EXPECT_LE(*used, block.size());
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, 10000U);
}

}  // namespace
}  // namespace v2p::test

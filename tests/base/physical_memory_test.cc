// Frames and reads over mapped and block-wise sources: absent stays absent, edges to the byte.
// SPDX-License-Identifier: Apache-2.0
#include "base/physical_memory.h"

#include <gtest/gtest.h>

#include <numeric>

#include "support/memory_source.h"

namespace v2p {
namespace {

std::vector<std::byte> Pattern(std::size_t n) {
  std::vector<std::byte> bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i * 7 + (i >> 8));
  return bytes;
}

class PhysicalMemoryTest : public testing::TestWithParam<std::size_t> {
 protected:
  // [0x1800, 0x3400) and [0x3400, 0x3c00) from elsewhere: page 1 starts late, page 3 has a seam.
  PhysicalMemory Make() const {
    return PhysicalMemory(std::make_shared<test::MemorySource>(Pattern(0x4000), GetParam()),
                          RunIndex({{PhysAddr(0x1800), 0x1c00, FileOffset(0x10)},
                                    {PhysAddr(0x3400), 0x800, FileOffset(0x3000)}}));
  }
};

TEST_P(PhysicalMemoryTest, FramesSayWhichPartIsPresent) {
  const PhysicalMemory memory = Make();
  EXPECT_TRUE(memory.Frame(Pfn(0)).Empty());
  const FrameView late = memory.Frame(Pfn(1));
  EXPECT_EQ(late.begin, 0x800);
  EXPECT_EQ(late.end, 0x1000);
  EXPECT_EQ(late.data[0], Pattern(0x4000)[0x10]);
  EXPECT_EQ(memory.Frame(Pfn(3)).end, 0x400) << "the first piece only";
  EXPECT_TRUE(memory.Frame(Pfn(4)).Empty());
}

TEST_P(PhysicalMemoryTest, ReadsAcrossSeamsAndStopsAtHoles) {
  const PhysicalMemory memory = Make();
  const auto pattern = Pattern(0x4000);
  std::vector<std::byte> out(0x1000);
  EXPECT_EQ(memory.Read(PhysAddr(0x33f0), out), 0x810U);
  EXPECT_EQ(out[0xf], pattern[0x10 + 0x1bff]);
  EXPECT_EQ(out[0x10], pattern[0x3000]);
  EXPECT_EQ(memory.Read(PhysAddr(0x17ff), out), 0U);
  EXPECT_EQ(memory.End(), PhysAddr(0x3c00));
  EXPECT_EQ(memory.PresentBytes(), 0x2400U);
}

TEST_P(PhysicalMemoryTest, CursorFindsEntriesAndRefusesSeams) {
  const PhysicalMemory memory = Make();
  const auto pattern = Pattern(0x4000);
  memory.WithCursor([&](auto cursor) {
    for (std::uint64_t pa = 0x1800; pa + 8 <= 0x3400; pa += 8) {
      const std::byte* p = cursor.Find(PhysAddr(pa), 8);
      ASSERT_NE(p, nullptr);
      ASSERT_EQ(std::memcmp(p, pattern.data() + 0x10 + (pa - 0x1800), 8), 0);
    }
    EXPECT_EQ(cursor.Find(PhysAddr(0x33fc), 8), nullptr);
    EXPECT_EQ(cursor.Find(PhysAddr(0x3bfc), 8), nullptr);
    EXPECT_EQ(cursor.Find(PhysAddr(0), 8), nullptr);
  });
  EXPECT_FALSE(memory.Fault());
}

TEST_P(PhysicalMemoryTest, FileOffsetsOnlyForVerbatimSources) {
  const PhysicalMemory memory = Make();
  EXPECT_EQ(memory.FileOffsetOf(PhysAddr(0x1800)).has_value(), GetParam() == 0);
  EXPECT_FALSE(memory.FileOffsetOf(PhysAddr(0x100)));
}

INSTANTIATE_TEST_SUITE_P(Sources, PhysicalMemoryTest, testing::Values(0, 7, 64, 4096));

}  // namespace
}  // namespace v2p

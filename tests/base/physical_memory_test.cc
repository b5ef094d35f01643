// Frames and reads over mapped and block-wise sources: absent stays absent, edges to the byte.
// SPDX-License-Identifier: Apache-2.0
#include "base/physical_memory.h"

#include <gtest/gtest.h>

#include <cstring>
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

// Blocks of a MemorySource, counting the bytes of those that someone still holds.
class CountingSource final : public ByteSource {
 public:
  CountingSource(std::vector<std::byte> bytes, std::size_t block_bytes)
      : memory_(std::move(bytes), block_bytes) {}
  const std::string& Name() const override { return memory_.Name(); }
  std::uint64_t Size() const override { return memory_.Size(); }
  bool Verbatim() const override { return false; }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    return memory_.ReadAt(offset, out);
  }
  Result<BlockView> BlockAt(std::uint64_t offset) const override {
    auto block = memory_.BlockAt(offset);
    const std::size_t n = block->bytes.size();
    ++loads;
    held += n;
    block->pin = {block->pin.get(), [this, n, pin = block->pin](const void*) { held -= n; }};
    return block;
  }

  mutable std::size_t held = 0;
  mutable std::size_t loads = 0;

 private:
  test::MemorySource memory_;
};

class CursorPinsTest : public testing::TestWithParam<std::size_t> {};

// Entries all over an image whose pages do not begin at page boundaries of the file.
TEST_P(CursorPinsTest, HoldNoMoreThanAFewMegabytes) {
  constexpr std::size_t kImage = 20U << 20U;
  constexpr std::size_t kShift = 0x24;
  const auto bytes = Pattern(kImage + kShift);
  const auto source = std::make_shared<CountingSource>(bytes, GetParam());
  const PhysicalMemory memory(source, RunIndex({{PhysAddr(0), kImage, FileOffset(kShift)}}));
  memory.WithCursor([&](auto cursor) {
    for (std::uint64_t i = 0; i < 200; ++i) {
      const std::uint64_t pa = i * 0x9E3778 % kImage & ~std::uint64_t{7};
      const std::byte* p = cursor.Find(PhysAddr(pa), 8);
      ASSERT_NE(p, nullptr) << pa;
      ASSERT_EQ(std::memcmp(p, bytes.data() + kShift + pa, 8), 0) << pa;
      ASSERT_LE(source->held, 8U << 20U);
    }
    const std::size_t before = source->loads;
    for (std::uint64_t pa = 0x300000; pa < 0x301000; pa += 8) {
      ASSERT_EQ(std::memcmp(cursor.Find(PhysAddr(pa), 8), bytes.data() + kShift + pa, 8), 0);
    }
    EXPECT_LE(source->loads - before, 3U) << "the entries of one table";
  });
  EXPECT_EQ(source->held, 0U);
  EXPECT_FALSE(memory.Fault());
}

INSTANTIATE_TEST_SUITE_P(Blocks, CursorPinsTest,
                         testing::Values(4096, 1U << 20U, (1U << 20U) + 4, 9U << 20U));

// A run that ends with the address space is not followed by address 0.
TEST_P(PhysicalMemoryTest, ReadsDoNotWrap) {
  const PhysicalMemory memory(std::make_shared<test::MemorySource>(Pattern(0x4000), GetParam()),
                              RunIndex({{PhysAddr(0), 0x1000, FileOffset(0)},
                                        {PhysAddr(0) - 0x1000, 0x1000, FileOffset(0x1000)}}));
  std::vector<std::byte> out(0x20);
  EXPECT_EQ(memory.Read(PhysAddr(0) - 0x10, out), 0x10U);
  EXPECT_EQ(out[0xf], Pattern(0x4000)[0x1fff]);
}

INSTANTIATE_TEST_SUITE_P(Sources, PhysicalMemoryTest, testing::Values(0, 7, 64, 4096));

}  // namespace
}  // namespace v2p

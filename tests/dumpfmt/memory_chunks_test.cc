// Fetching by several threads: every byte once, in order, and a checksum that tells a change.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/memory_chunks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "support/memory_source.h"

namespace v2p {
namespace {

using Bytes = std::vector<std::byte>;

Bytes Pattern(std::size_t n) {
  Bytes bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i * 7 + (i >> 8));
  return bytes;
}

// 3 MiB in one piece, a hole of a page, half a page, a hole in that page, and the page's end.
constexpr std::uint64_t kLong = 3U << 20U;
PhysicalMemory Memory(Bytes bytes) {
  return PhysicalMemory(std::make_shared<test::MemorySource>(std::move(bytes), 0x1230),
                        RunIndex({{PhysAddr(0x1000), kLong, FileOffset(0)},
                                  {PhysAddr(kLong + 0x2000), 0x800, FileOffset(kLong)},
                                  {PhysAddr(kLong + 0x2c00), 0x400, FileOffset(kLong + 0x800)}}));
}

struct Seen {
  Bytes bytes;
  std::uint64_t checksum = 0;
};

Seen All(const PhysicalMemory& memory, MemoryChunks::Options options) {
  MemoryChunks chunks(memory, std::move(options));
  Seen seen;
  PhysAddr last;
  for (auto batch = chunks.Next(); !batch.empty(); batch = chunks.Next()) {
    for (const MemoryChunk& chunk : batch) {
      EXPECT_GE(chunk.at, last);
      last = chunk.at + chunk.bytes.size();
      seen.bytes.insert(seen.bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
      seen.checksum += chunk.checksum;
    }
  }
  return seen;
}

TEST(MemoryChunksTest, EveryByteOnceAndInOrder) {
  const Bytes pattern = Pattern(kLong + 0xc00);
  const PhysicalMemory memory = Memory(pattern);
  for (const unsigned threads : {1U, 2U, 5U}) {
    std::atomic<std::uint64_t> fetched = 0;
    const auto count = [&](const MemoryChunk& chunk) { fetched += chunk.bytes.size(); };
    EXPECT_EQ(All(memory, {threads, false, count}).bytes, pattern) << threads;
    EXPECT_EQ(fetched, pattern.size());
  }
}

TEST(MemoryChunksTest, WholePagesOnly) {
  const PhysicalMemory memory = Memory(Pattern(kLong + 0xc00));
  EXPECT_EQ(All(memory, {2, true, {}}).bytes, Pattern(kLong));
}

TEST(MemoryChunksTest, TheChecksumKnowsBytesAndPlaces) {
  const Bytes pattern = Pattern(kLong + 0xc00);
  const std::uint64_t sum = All(Memory(pattern), {1, false, {}}).checksum;
  EXPECT_EQ(All(Memory(pattern), {3, false, {}}).checksum, sum);
  Bytes changed = pattern;
  changed[0x12345] ^= std::byte{1};
  EXPECT_NE(All(Memory(changed), {1, false, {}}).checksum, sum);
  Bytes moved = pattern;
  std::swap_ranges(moved.begin(), moved.begin() + 0x1000, moved.begin() + 0x5000);
  EXPECT_NE(All(Memory(moved), {1, false, {}}).checksum, sum);
}

}  // namespace
}  // namespace v2p

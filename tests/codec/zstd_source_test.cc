// Random access to zstd files; the oracle is the original, compressed by Debian's zstd tools.
// SPDX-License-Identifier: Apache-2.0
#include "codec/zstd_source.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <thread>

#include "base/file_source.h"
#include "codec/zstd_files.h"
#include "support/memory_source.h"

namespace v2p {
namespace {

using test::Bytes;

Result<std::shared_ptr<const ByteSource>> Open(const Bytes& bytes, const ZstdOptions& options = {},
                                               std::size_t block_bytes = 0) {
  return OpenZstd(std::make_shared<test::MemorySource>(bytes, block_bytes), options);
}

Bytes ReadAll(const ByteSource& source) {
  Bytes out(source.Size() + 1);
  const auto got = source.ReadAt(0, out);
  EXPECT_TRUE(got) << got.error().OneLine();
  out.resize(got ? *got : 0);
  return out;
}

// Random ranges and blocks of `source` against `original`.
void ExpectSame(const ByteSource& source, const Bytes& original, unsigned seed) {
  ASSERT_EQ(source.Size(), original.size());
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200; ++i) {
    const std::size_t at = random() % original.size();
    const std::size_t n = 1 + random() % (1U << random() % 20);
    Bytes out(n);
    const auto got = source.ReadAt(at, out);
    ASSERT_TRUE(got) << got.error().OneLine();
    ASSERT_EQ(*got, std::min(n, original.size() - at));
    ASSERT_EQ(std::memcmp(out.data(), original.data() + at, *got), 0) << at;
    const auto block = source.BlockAt(at);
    ASSERT_TRUE(block) << block.error().OneLine();
    ASSERT_TRUE(block->Holds(at, 1));
    ASSERT_EQ(std::memcmp(block->bytes.data(), original.data() + block->begin, block->bytes.size()),
              0);
  }
}

// Frames of one size and their table, as a seekable file.
Bytes Seekable(const std::vector<Bytes>& frames, std::size_t chunk, std::size_t total) {
  std::vector<test::SeekEntry> entries;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    entries.push_back({static_cast<std::uint32_t>(frames[i].size()),
                       static_cast<std::uint32_t>(std::min(chunk, total - i * chunk))});
  }
  return test::Concat({test::Concat(frames), test::SeekTable(entries)});
}

TEST(ZstdSource, RecognisesItsMagicNumbers) {
  const auto looks = [](std::uint32_t magic) {
    Bytes head;
    test::AppendLe32(head, magic);
    return LooksLikeZstd(head);
  };
  EXPECT_TRUE(looks(0xFD2FB528));
  EXPECT_TRUE(looks(0x184D2A50));
  EXPECT_TRUE(looks(0x184D2A5F));
  EXPECT_FALSE(looks(0x184D2A60));
  EXPECT_FALSE(looks(0x4C694D45));
  EXPECT_FALSE(LooksLikeZstd({}));
}

TEST(ZstdSource, ReadsFramesThatTellTheirSize) {
  const Bytes original = test::MemoryLike(1'000'003, 1);
  const Bytes file = test::Concat(test::CompressFrames(original, 100'000));
  for (const std::size_t block_bytes : {0U, 1000U}) {
    const auto source = Open(file, {}, block_bytes);
    ASSERT_TRUE(source) << source.error().OneLine();
    EXPECT_FALSE((*source)->Verbatim());
    EXPECT_TRUE((*source)->Mapped().empty());
    ExpectSame(**source, original, 2);
    EXPECT_EQ(ReadAll(**source), original);
  }
}

TEST(ZstdSource, ReadsTheSeekableFormat) {
  const Bytes original = test::MemoryLike(1'000'003, 3);
  // Without sizes in the frames, only the table makes this readable.
  const auto frames = test::CompressFrames(original, 65536, "--no-content-size");
  const auto source = Open(Seekable(frames, 65536, original.size()));
  ASSERT_TRUE(source) << source.error().OneLine();
  ExpectSame(**source, original, 4);
}

}  // namespace
}  // namespace v2p

// Files: opened read-only, refused with the system's reason, short reads only at the end.
// SPDX-License-Identifier: Apache-2.0
#include "base/file_source.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/bytes.h"
#include "support/temp_file.h"

namespace v2p {
namespace {

std::vector<std::byte> Counting(std::size_t n) {
  std::vector<std::byte> bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i);
  return bytes;
}

TEST(FileSource, RefusesWhatIsNoFile) {
  const auto missing = OpenFile("/nonexistent/memory.dmp");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().OneLine(), "/nonexistent/memory.dmp: io: No such file or directory");
  const auto folder = OpenFile(std::filesystem::temp_directory_path().string());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().message, "is a directory");
}

TEST(FileSource, RefusesAPipeWithoutWaitingForAWriter) {
  const std::string path = (std::filesystem::temp_directory_path() / "v2p-test-pipe").string();
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(OpenFile(path));
  std::filesystem::remove(path);
}

TEST(FileSource, ReadsAndMapsTheSameBytes) {
  const auto bytes = Counting(100000);
  const test::TempFile file(bytes);
  const auto source = OpenFile(file.Path());
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->Size(), bytes.size());
  EXPECT_TRUE((*source)->Verbatim());
  std::vector<std::byte> out(50);
  ASSERT_EQ((*source)->ReadAt(99980, out), 20U) << "short only at the end";
  EXPECT_EQ(out[19], bytes[99999]);
  EXPECT_EQ((*source)->ReadAt(100000, out), 0U);
  EXPECT_EQ((*source)->ReadAt(~std::uint64_t{0}, out), 0U);
  const auto mapped = (*source)->Mapped();
  ASSERT_EQ(mapped.size(), bytes.size());
  EXPECT_EQ(std::memcmp(mapped.data(), bytes.data(), bytes.size()), 0);
}

TEST(FileSource, PrefetchingChangesNothing) {
  const auto bytes = Counting(100000);
  const test::TempFile file(bytes);
  const auto source = OpenFile(file.Path());
  ASSERT_TRUE(source);
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  for (const auto& [at, size] : {std::pair<std::uint64_t, std::uint64_t>{0, 100000},
                                 {99999, kMost},
                                 {100000, 1},
                                 {kMost, kMost}}) {
    (*source)->Prefetch(at, size);
  }
  std::vector<std::byte> out(bytes.size());
  ASSERT_EQ((*source)->ReadAt(0, out), bytes.size());
  EXPECT_EQ(out, bytes);
}

TEST(FileSource, EmptyFilesHaveNoMapping) {
  const test::TempFile file(std::span<const std::byte>{});
  const auto source = OpenFile(file.Path());
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->Size(), 0U);
  EXPECT_TRUE((*source)->Mapped().empty());
}

TEST(FileSource, MappingsCanBeFoundWhileTheyLive) {
  const test::TempFile file(Counting(5000));
  std::uintptr_t inside = 0;
  MappedRange range;
  {
    const auto source = OpenFile(file.Path());
    inside = reinterpret_cast<std::uintptr_t>((*source)->Mapped().data()) + 4999;
    ASSERT_TRUE(FindMapping(inside, &range));
    EXPECT_EQ(range.end - range.begin, 5000U);
    EXPECT_FALSE(FindMapping(inside + 1, &range));
  }
  EXPECT_FALSE(FindMapping(inside, &range));
}

TEST(FileSource, BeyondTheMappingTableFilesAreReadInBlocks) {
  const test::TempFile file(Counting(200000));
  std::vector<std::shared_ptr<const ByteSource>> open;
  for (int i = 0; i < 70; ++i) open.push_back(*OpenFile(file.Path()));
  const ByteSource& last = *open.back();
  ASSERT_TRUE(last.Mapped().empty());
  const auto block = last.BlockAt(199999);
  ASSERT_TRUE(block);
  EXPECT_TRUE(block->Holds(199999, 1));
  EXPECT_FALSE(block->Holds(199999, 2));
  EXPECT_EQ(block->bytes[199999 - block->begin], static_cast<std::byte>(199999 & 0xff));
}

TEST(ReadExactly, NamesWhatIsMissing) {
  const test::TempFile file(Counting(10));
  const auto source = OpenFile(file.Path());
  const auto record = ReadRecord(**source, 4, 16, "the header");
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().OneLine(),
            "truncated: the header needs 16 bytes, the file ends at 0xa (file offset 0x4)");
}

}  // namespace
}  // namespace v2p

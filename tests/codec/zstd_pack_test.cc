// Packing: what comes out is read by Debian's `zstd -d` and by our own reader, or not there at all.
// SPDX-License-Identifier: Apache-2.0
#include "codec/zstd_pack.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "base/bytes.h"
#include "base/file_source.h"
#include "codec/zstd_source.h"
#include "support/memory_source.h"
#include "support/zstd_files.h"

namespace v2p {
namespace {

using test::Bytes;
using test::TempDir;

PackOptions SmallFrames() {
  PackOptions options;
  options.frame_bytes = 64U << 10U;
  return options;
}

Result<PackResult> PackBytes(const Bytes& bytes, const std::string& path,
                             const PackOptions& options = SmallFrames()) {
  return PackZstd(test::MemorySource(bytes), path, options);
}

Result<PackResult> PackFile(const std::string& from, const std::string& to,
                            const PackOptions& options = SmallFrames()) {
  const auto source = OpenFile(from);
  if (!source) return tl::unexpected<Error>(source.error());
  return PackZstd(**source, to, options);
}

Bytes ByZstdTool(const TempDir& dir, const std::string& packed) {
  EXPECT_TRUE(test::Run("zstd -q -d -f " + packed + " -o " + dir.Path("plain-by-zstd")));
  return test::ReadFile(dir.Path("plain-by-zstd"));
}

Bytes ByOurReader(const std::string& packed) {
  const auto file = OpenFile(packed);
  EXPECT_TRUE(file) << file.error().OneLine();
  const auto source = OpenZstd(*file, {});
  EXPECT_TRUE(source) << source.error().OneLine();
  if (!source) return {};
  Bytes out((*source)->Size());
  const auto read = ReadExactly(**source, 0, out, "packed");
  EXPECT_TRUE(read) << read.error().OneLine();
  return out;
}

TEST(ZstdPack, RoundTripsThroughTheTool) {
  const TempDir dir;
  int name = 0;
  for (const std::size_t size : {0U, 1U, 65535U, 65536U, 65537U, 1'000'003U, 5'000'000U}) {
    for (const unsigned threads : {1U, 3U}) {
      const Bytes original = test::MemoryLike(size, 21);
      const std::string packed = dir.Path(std::to_string(++name) + ".zst");
      PackOptions options = SmallFrames();
      options.threads = threads;
      const auto result = PackBytes(original, packed, options);
      ASSERT_TRUE(result) << result.error().OneLine();
      EXPECT_EQ(result->bytes_in, size);
      EXPECT_EQ(result->frames, (size + 65535) / 65536);
      EXPECT_EQ(result->bytes_out, test::ReadFile(packed).size());
      EXPECT_EQ(ByZstdTool(dir, packed), original) << size;
      EXPECT_EQ(ByOurReader(packed), original) << size;
    }
  }
}

// The same bytes whatever the number of threads and the timing.
TEST(ZstdPack, IsDeterministic) {
  const TempDir dir;
  const Bytes original = test::MemoryLike(3'000'000, 22);
  for (const unsigned threads : {1U, 2U, 5U}) {
    PackOptions options = SmallFrames();
    options.threads = threads;
    ASSERT_TRUE(PackBytes(original, dir.Path(std::to_string(threads)), options));
  }
  EXPECT_EQ(test::ReadFile(dir.Path("1")), test::ReadFile(dir.Path("2")));
  EXPECT_EQ(test::ReadFile(dir.Path("1")), test::ReadFile(dir.Path("5")));
}

TEST(ZstdPack, ZerosPackToNearlyNothing) {
  const TempDir dir;
  const Bytes original(8U << 20U);
  const auto result = PackBytes(original, dir.Path("zeros.zst"));
  ASSERT_TRUE(result);
  EXPECT_LT(result->bytes_out, 8192U);
  EXPECT_EQ(ByZstdTool(dir, dir.Path("zeros.zst")), original);
}

// The footer, by its place from the end: u32 frames, u8 descriptor, u32 magic.
TEST(ZstdPack, WritesTheFooterOfTheSpecification) {
  const TempDir dir;
  ASSERT_TRUE(PackBytes(test::MemoryLike(200'000, 23), dir.Path("a.zst")));
  const Bytes file = test::ReadFile(dir.Path("a.zst"));
  EXPECT_EQ(LoadLe<std::uint32_t>(file.data() + file.size() - 4), 0x8F92EAB1U);
  EXPECT_EQ(file[file.size() - 5], std::byte{0x80});
  EXPECT_EQ(LoadLe<std::uint32_t>(file.data() + file.size() - 9), 4U);
  const std::byte* table = file.data() + file.size() - 9 - 4 * 12 - 8;
  EXPECT_EQ(LoadLe<std::uint32_t>(table), 0x184D2A5EU);
  EXPECT_EQ(LoadLe<std::uint32_t>(table + 4), 4U * 12 + 9);
  EXPECT_EQ(LoadLe<std::uint32_t>(table + 8 + 4), 65536U);
}

TEST(ZstdPack, UnpacksZstdInputOnTheWay) {
  const TempDir dir;
  const Bytes original = test::MemoryLike(2'000'000, 24);
  test::WriteFile(dir.Path("in"), original);
  ASSERT_TRUE(test::Run("zstd -q " + dir.Path("in") + " -o " + dir.Path("one.zst")));
  ASSERT_TRUE(test::Run("zstd -q < " + dir.Path("in") + " > " + dir.Path("nosize.zst")));
  ASSERT_TRUE(test::Run("zstd -q --long=31 < " + dir.Path("in") + " > " + dir.Path("long.zst")));
  ASSERT_TRUE(test::Run("pzstd -q " + dir.Path("in") + " -o " + dir.Path("pzstd.zst")));
  for (const std::string name : {"one", "nosize", "long", "pzstd"}) {
    const std::string packed = dir.Path(name + ".seek.zst");
    const auto result = PackFile(dir.Path(name + ".zst"), packed);
    ASSERT_TRUE(result) << result.error().OneLine();
    EXPECT_EQ(result->bytes_in, original.size());
    EXPECT_EQ(ByZstdTool(dir, packed), original) << name;
    EXPECT_EQ(ByOurReader(packed), original) << name;
  }
}

TEST(ZstdPack, DamagedInputLeavesNothing) {
  const TempDir dir;
  Bytes in = test::Concat(test::CompressFrames(test::MemoryLike(1'000'000, 25), 1'000'000));
  in.resize(in.size() - 1);
  const auto cut = PackBytes(in, dir.Path("out.zst"));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().kind, ErrorKind::kTruncated);
  in[in.size() / 2] ^= std::byte{0x55};
  const auto flipped = PackBytes(in, dir.Path("out.zst"));
  ASSERT_FALSE(flipped);
  EXPECT_TRUE(flipped.error().at);
  EXPECT_EQ(dir.FileCount(), 0U);
}

// Says that it is longer than it turns out to be, as a file that was cut after it was opened.
class CutSource final : public ByteSource {
 public:
  CutSource(const Bytes& left, std::uint64_t size) : left_(left), size_(size) {}
  const std::string& Name() const override { return left_.Name(); }
  std::uint64_t Size() const override { return size_; }
  bool Verbatim() const override { return true; }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    return left_.ReadAt(offset, out);
  }
  Result<BlockView> BlockAt(std::uint64_t offset) const override { return left_.BlockAt(offset); }

 private:
  test::MemorySource left_;
  std::uint64_t size_;
};

TEST(ZstdPack, AnInputThatShrinksMeanwhileLeavesNothing) {
  const TempDir dir;
  test::WriteFile(dir.Path("in"), test::MemoryLike(1'000'000, 34));
  test::WriteFile(dir.Path("out.zst"), Bytes(3));
  PackOptions options = SmallFrames();
  options.force = true;
  options.progress = [&](std::uint64_t, std::uint64_t) {
    std::filesystem::resize_file(dir.Path("in"), 300'000);
  };
  const auto result = PackFile(dir.Path("in"), dir.Path("out.zst"), options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kIo);
  EXPECT_EQ(result.error().at, FileOffset(300'000));
  EXPECT_EQ(test::ReadFile(dir.Path("out.zst")), Bytes(3));
  EXPECT_EQ(dir.FileCount(), 2U);
}

// Cut where a chunk ends, and where a zstd frame ends: the rest looks whole.
TEST(ZstdPack, AnInputCutAtASeamLeavesNothing) {
  const TempDir dir;
  const Bytes original = test::MemoryLike(4U * 65536, 35);
  for (const Bytes& left : {original, Bytes(), test::CompressFrames(original, 100'000)[0]}) {
    const auto result =
        PackZstd(CutSource(left, left.size() + 5000), dir.Path("out.zst"), SmallFrames());
    ASSERT_FALSE(result) << left.size();
    EXPECT_EQ(result.error().kind, ErrorKind::kIo);
    EXPECT_EQ(result.error().at, FileOffset(left.size()));
    EXPECT_EQ(dir.FileCount(), 0U);
  }
}

TEST(ZstdPack, InterruptionLeavesNothing) {
  const TempDir dir;
  const Bytes original = test::MemoryLike(5'000'000, 26);
  for (const int calls : {1, 2, 10, 40, 70}) {
    int asked = 0;
    PackOptions options = SmallFrames();
    options.threads = 2;
    options.interrupted = [&] { return ++asked >= calls; };
    const auto result = PackBytes(original, dir.Path("out.zst"), options);
    ASSERT_FALSE(result) << calls;
    EXPECT_EQ(result.error().message, "interrupted");
    EXPECT_EQ(asked, calls);
    EXPECT_EQ(dir.FileCount(), 0U);
  }
}

TEST(ZstdPack, AFullDiskLeavesNothing) {
  const TempDir dir;
  const Bytes original = test::MemoryLike(5'000'000, 27);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{100'000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto result = PackBytes(original, dir.Path("out.zst"));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kIo);
  EXPECT_EQ(dir.FileCount(), 0U);
}

TEST(ZstdPack, ReplacesOnlyByForce) {
  const TempDir dir;
  const Bytes original = test::MemoryLike(100'000, 28);
  const std::string path = dir.Path("out.zst");
  test::WriteFile(path, Bytes(3));
  const auto refused = PackBytes(original, path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUsage);
  EXPECT_EQ(test::ReadFile(path), Bytes(3));
  PackOptions options = SmallFrames();
  options.force = true;
  ASSERT_TRUE(PackBytes(original, path, options));
  EXPECT_EQ(ByOurReader(path), original);
  EXPECT_EQ(dir.FileCount(), 1U);
}

// A file that appears while the packing runs is not replaced either.
TEST(ZstdPack, DoesNotReplaceALateComer) {
  const TempDir dir;
  const std::string path = dir.Path("out.zst");
  PackOptions options = SmallFrames();
  options.progress = [&](std::uint64_t, std::uint64_t) { test::WriteFile(path, Bytes(3)); };
  ASSERT_FALSE(PackBytes(test::MemoryLike(100'000, 29), path, options));
  EXPECT_EQ(test::ReadFile(path), Bytes(3));
  EXPECT_EQ(dir.FileCount(), 1U);
}

TEST(ZstdPack, RefusesToOverwriteItsInput) {
  const TempDir dir;
  const Bytes original = test::MemoryLike(100'000, 30);
  test::WriteFile(dir.Path("in"), original);
  ASSERT_TRUE(test::Run("ln " + dir.Path("in") + " " + dir.Path("hard")));
  ASSERT_TRUE(test::Run("ln -s in " + dir.Path("soft")));
  PackOptions options = SmallFrames();
  options.force = true;
  for (const char* name : {"in", "hard", "soft"}) {
    const auto result = PackFile(dir.Path("in"), dir.Path(name), options);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().message, "input and output are the same file");
  }
  EXPECT_EQ(test::ReadFile(dir.Path("in")), original);
}

TEST(ZstdPack, RefusesOddPlacesAndOptions) {
  const TempDir dir;
  const Bytes original = test::MemoryLike(1000, 31);
  const auto kind = [&](const std::string& path, const PackOptions& options) {
    const auto result = PackBytes(original, path, options);
    EXPECT_FALSE(result);
    return result ? ErrorKind::kNoRoot : result.error().kind;
  };
  PackOptions force = SmallFrames();
  force.force = true;
  EXPECT_EQ(kind("/dev/null", force), ErrorKind::kUsage);
  EXPECT_EQ(kind(dir.Path(""), force), ErrorKind::kUsage);
  EXPECT_EQ(kind(dir.Path("missing/out.zst"), force), ErrorKind::kIo);
  for (const std::uint32_t bytes : {0U, 65535U, (64U << 20U) + 1}) {
    PackOptions options;
    options.frame_bytes = bytes;
    EXPECT_EQ(kind(dir.Path("out.zst"), options), ErrorKind::kUsage);
  }
  for (const int level : {0, 20}) {
    PackOptions options;
    options.level = level;
    EXPECT_EQ(kind(dir.Path("out.zst"), options), ErrorKind::kUsage);
  }
  EXPECT_EQ(dir.FileCount(), 0U);
}

TEST(ZstdPack, TheCopyIsNotMorePublicThanTheOriginal) {
  const TempDir dir;
  test::WriteFile(dir.Path("in"), test::MemoryLike(1000, 32));
  ASSERT_EQ(chmod(dir.Path("in").c_str(), 0400), 0);
  ASSERT_TRUE(PackFile(dir.Path("in"), dir.Path("out.zst")));
  struct stat info {};
  ASSERT_EQ(stat(dir.Path("out.zst").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST(ZstdPack, ProgressEndsAtTheSizeOfTheFile) {
  const TempDir dir;
  const Bytes in = test::Concat(test::CompressFrames(test::MemoryLike(1'000'000, 33), 300'000));
  std::uint64_t last = 0;
  PackOptions options = SmallFrames();
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, last);
    EXPECT_EQ(total, in.size());
    last = done;
  };
  ASSERT_TRUE(PackBytes(in, dir.Path("out.zst"), options));
  EXPECT_EQ(last, in.size());
}

}  // namespace
}  // namespace v2p

// Opening: the list of formats, overrides, compression, and errors that name the file.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <set>

#include "dumpfmt/format.h"
#include "support/corpus.h"
#include "support/elf_builder.h"
#include "support/lime_builder.h"
#include "support/memory_source.h"
#include "support/temp_file.h"

namespace v2p {
namespace {

Result<Image> Open(std::vector<std::byte> bytes, const OpenOptions& options = {}) {
  return OpenImage(std::make_shared<test::MemorySource>(std::move(bytes)), options);
}

std::vector<std::byte> SmallLime() {
  return test::LimeBuilder().Range(0x1000, 0x4fff).Range(0x8000, 0x9fff).Bytes();
}

// Frames of one size that tell it.
std::vector<std::byte> Compress(const std::vector<std::byte>& bytes, std::size_t frames = 2) {
  std::vector<std::byte> out;
  for (std::size_t i = 0; i < frames; ++i) {
    const std::size_t begin = bytes.size() * i / frames;
    const auto part = std::span(bytes).subspan(begin, bytes.size() * (i + 1) / frames - begin);
    std::vector<std::byte> frame(ZSTD_compressBound(part.size()));
    const std::size_t n = ZSTD_compress(frame.data(), frame.size(), part.data(), part.size(), 3);
    EXPECT_FALSE(ZSTD_isError(n));
    out.insert(out.end(), frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return out;
}

TEST(OpenTest, TheListIsSoundAndRawIsLast) {
  std::set<std::string_view> names;
  for (const Format* format : Formats()) {
    EXPECT_TRUE(names.insert(format->name).second) << format->name;
    EXPECT_NE(format->recognise, nullptr);
    EXPECT_FALSE(format->description.empty());
    EXPECT_EQ(format->open == nullptr, !format->next_step.empty()) << format->name;
  }
  EXPECT_EQ(Formats().back()->name, "raw");
}

TEST(OpenTest, EmptyFilesAreAnError) {
  const test::TempFile file(std::vector<std::byte>{});
  const auto image = OpenImage(file.Path(), {});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kTruncated);
  EXPECT_EQ(image.error().OneLine(), file.Path() + ": truncated: the file is empty");
}

TEST(OpenTest, MissingFilesAreAnError) {
  const auto image = OpenImage("/nonexistent/image", {});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kIo);
  EXPECT_EQ(image.error().file, "/nonexistent/image");
}

TEST(OpenTest, FormatErrorsNameTheFile) {
  auto bytes = SmallLime();
  bytes.resize(20);
  const test::TempFile file(bytes);
  const auto image = OpenImage(file.Path(), {});
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().file, file.Path());
}

TEST(OpenTest, UnknownOverrideIsAUsageErrorThatListsTheFormats) {
  OpenOptions options;
  options.as = "lime2";
  const auto image = Open(SmallLime(), options);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kUsage);
  EXPECT_NE(image.error().message.find(" elf-core"), std::string::npos);
}

TEST(OpenTest, OverrideWinsAndWarns) {
  OpenOptions options;
  options.as = "raw";
  const auto image = Open(SmallLime(), options);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->format, "raw");
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0)), FileOffset(0));
  ASSERT_EQ(image->warnings.size(), 1U);
  EXPECT_NE(image->warnings[0].find("lime"), std::string::npos);
}

TEST(OpenTest, OverrideDoesNotInventAFormat) {
  for (const char* name : {"lime", "elf-core", "windows-crash-dump"}) {
    OpenOptions options;
    options.as = name;
    const auto image = Open(std::vector<std::byte>(0x4000, std::byte{0x11}), options);
    ASSERT_FALSE(image) << name;
    EXPECT_EQ(image.error().kind, ErrorKind::kCorrupt) << name << ": " << image.error().message;
  }
  OpenOptions options;
  options.as = "kdump";
  const auto image = Open(SmallLime(), options);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kUnsupported);
}

TEST(OpenTest, RangesAndPlatformsAreForRawImages) {
  OpenOptions ranges;
  ranges.ranges = {{PhysAddr(0), 0x1000, std::nullopt}};
  OpenOptions platform;
  platform.platform = "q35";
  for (const OpenOptions& options : {ranges, platform}) {
    for (const auto& bytes : {SmallLime(), test::ElfBuilder().Load(0x1000, 0x1000).Build()}) {
      const auto image = Open(bytes, options);
      ASSERT_FALSE(image);
      EXPECT_EQ(image.error().kind, ErrorKind::kUsage);
    }
  }
}

TEST(OpenTest, CompressedImagesAreOpenedInPlace) {
  const auto image = Open(Compress(SmallLime()));
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->format, "lime");
  EXPECT_EQ(image->facts.details.at(0).key, "compression");
  std::vector<std::byte> out(0x2000);
  ASSERT_EQ(image->memory->Read(PhysAddr(0x8000), out), out.size());
  for (std::size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], test::PatternByte(0x8000 + i));
  EXPECT_TRUE(image->memory->Contains(PhysAddr(0x1000)));
  EXPECT_FALSE(image->memory->FileOffsetOf(PhysAddr(0x1000))) << "not verbatim in the file";
}

TEST(OpenTest, ErrorsInsideTheCompressionSayWhatTheirOffsetCounts) {
  test::LimeBuilder builder;
  const auto bytes = builder.Range(0x8000, 0x9fff).Range(0x1000, 0x1fff).Bytes();
  const auto plain = Open(bytes);
  ASSERT_FALSE(plain);
  EXPECT_NE(plain.error().OneLine().find(" (file offset 0x2020)"), std::string::npos);
  const auto packed = Open(Compress(bytes));
  ASSERT_FALSE(packed);
  EXPECT_NE(packed.error().OneLine().find(" (offset 0x2020 of the decompressed image)"),
            std::string::npos)
      << packed.error().OneLine();
}

// What decompression itself finds wrong is told by the offset in the file. The second frame holds a
// range header, and neither the head nor the tail that recognition reads.
TEST(OpenTest, DamagedFramesAreNamedByTheFilesOffset) {
  test::LimeBuilder builder;
  builder.Range(0x1000, 0x20fff).Range(0x30000, 0x4ffff).Range(0x60000, 0x7ffff);
  auto bytes = Compress(builder.Bytes(), 4);
  const auto second = std::search(bytes.begin() + 4, bytes.end(), bytes.begin(), bytes.begin() + 4);
  ASSERT_GT(bytes.end() - second, 64);
  const auto at = second - bytes.begin();
  std::fill_n(second + 12, 32, std::byte{0xFF});  // behind the headers of the frame and its block
  const auto image = Open(std::move(bytes));
  ASSERT_FALSE(image);
  EXPECT_NE(image.error().OneLine().find(fmt::format(" (file offset {:#x})", at)),
            std::string::npos)
      << image.error().OneLine();
}

TEST(OpenTest, CompressionTwiceIsRefused) {
  const auto image = Open(Compress(Compress(SmallLime())));
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(image.error().message.find("zstd inside zstd"), std::string::npos);
}

TEST(OpenTest, OverrideAppliesInsideTheCompression) {
  OpenOptions options;
  options.as = "raw";
  const auto image = Open(Compress(SmallLime()), options);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory->PresentBytes(), SmallLime().size());
}

TEST(OpenTest, CompressedNothingIsEmpty) {
  const auto image = Open(Compress({}));
  ASSERT_FALSE(image);
}

// LZNT1 has no mark of its own: nothing recognises it, and raw is what remains.
TEST(OpenCorpusTest, BareLznt1IsNotTakenForAnythingElse) {
  V2P_CORPUS_FILE(path, "xpress/lznt1_block1.bin");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->format, "raw");
}

}  // namespace
}  // namespace v2p

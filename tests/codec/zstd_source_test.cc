// Random access to zstd files; the oracle is the original, compressed by Debian's zstd tools.
// SPDX-License-Identifier: Apache-2.0
#include "codec/zstd_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <thread>

#include "base/file_source.h"
#include "support/memory_source.h"
#include "support/zstd_files.h"

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

TEST(ZstdSource, SkipsSkippableAndEmptyFrames) {
  const Bytes original = test::MemoryLike(300'000, 5);
  auto frames = test::CompressFrames(original, 100'000);
  Bytes skippable;
  test::AppendLe32(skippable, 0x184D2A53);
  test::AppendLe32(skippable, 5);
  skippable.resize(skippable.size() + 5, std::byte{0xEE});
  Bytes empty;  // RFC 8878: single segment, no content, one raw block of nothing
  test::AppendLe32(empty, 0xFD2FB528);
  for (const int byte : {0x20, 0x00, 0x01, 0x00, 0x00}) empty.push_back(std::byte(byte));
  frames.insert(frames.begin() + 1, {skippable, empty});
  frames.insert(frames.begin(), skippable);
  frames.push_back(skippable);
  const auto source = Open(test::Concat(frames));
  ASSERT_TRUE(source) << source.error().OneLine();
  ExpectSame(**source, original, 6);
}

// Entries without data may be skippable frames or empty ones, and nothing else.
TEST(ZstdSource, AnEntryOfNothingHasToHoldNothing) {
  const Bytes data = test::CompressFrames(test::MemoryLike(5000, 5), 5000)[0];
  const Bytes unsized =
      test::CompressFrames(test::MemoryLike(5000, 5), 5000, "--no-content-size")[0];
  Bytes skippable;
  test::AppendLe32(skippable, 0x184D2A50);
  test::AppendLe32(skippable, 3);
  skippable.resize(11);
  Bytes empty;  // RFC 8878: no sizes, a window of 1 KiB, one raw block of nothing
  test::AppendLe32(empty, 0xFD2FB528);
  for (const int byte : {0x00, 0x00, 0x01, 0x00, 0x00}) empty.push_back(std::byte(byte));
  const auto opens = [&](const Bytes& first) {
    const auto size = static_cast<std::uint32_t>(first.size());
    const auto data_size = static_cast<std::uint32_t>(data.size());
    return Open(test::Concat({first, data, test::SeekTable({{size, 0}, {data_size, 5000}})}))
        .has_value();
  };
  EXPECT_TRUE(opens(skippable));
  EXPECT_TRUE(opens(empty));
  EXPECT_FALSE(opens(data));
  EXPECT_FALSE(opens(unsized));
}

TEST(ZstdSource, AnEmptyTableIsAnEmptySource) {
  const auto source = Open(test::SeekTable({}));
  ASSERT_TRUE(source) << source.error().OneLine();
  EXPECT_EQ((*source)->Size(), 0U);
  EXPECT_FALSE((*source)->BlockAt(0));
}

// `zstd < file` writes one frame without a size; so does each frame of pzstd.
TEST(ZstdSource, RefusesWhatDoesNotTellItsSize) {
  const test::TempDir dir;
  test::WriteFile(dir.Path("in"), test::MemoryLike(100'000, 7));
  ASSERT_TRUE(test::Run("zstd -q < " + dir.Path("in") + " > " + dir.Path("capture.lime.zst")));
  test::WriteFile(dir.Path("it's one.zst"), test::ReadFile(dir.Path("capture.lime.zst")));
  const auto file = OpenFile(dir.Path("capture.lime.zst"));
  const auto source = OpenZstd(*file, {});
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(source.error().message,
            "a zstd frame that does not tell its size cannot be read at random; make it seekable: "
            "v2p pack " +
                dir.Path("capture.lime.zst") + " " + dir.Path("capture.seek.lime.zst"));
  const auto quoted = OpenZstd(*OpenFile(dir.Path("it's one.zst")), {});
  ASSERT_FALSE(quoted);
  EXPECT_NE(quoted.error().message.find("'" + dir.Path("it'\\''s one.zst") + "' '"),
            std::string::npos)
      << quoted.error().message;
}

// The new name keeps the extension that says what is inside: a .vmem is read by other rules.
TEST(ZstdSource, TheAdvisedNameKeepsTheInnerExtension) {
  const test::TempDir dir;
  test::WriteFile(dir.Path("in"), test::MemoryLike(1000, 7));
  ASSERT_TRUE(test::Run("zstd -q < " + dir.Path("in") + " > " + dir.Path("one")));
  const Bytes one = test::ReadFile(dir.Path("one"));
  const std::vector<std::pair<std::string, std::string>> names = {
      {"guest.vmem.zst", "guest.seek.vmem.zst"}, {"guest.VMEM.ZST", "guest.seek.VMEM.zst"},
      {"guest.vmem", "guest.seek.vmem.zst"},     {"a.b.raw.zst", "a.b.seek.raw.zst"},
      {"memory.zst", "memory.seek.zst"},         {"memory", "memory.seek.zst"},
      {".vmem.zst", ".seek.vmem.zst"},           {".zst", ".seek.zst"}};
  for (const auto& [name, advised] : names) {
    test::WriteFile(dir.Path(name), one);
    const auto source = OpenZstd(*OpenFile(dir.Path(name)), {});
    ASSERT_FALSE(source);
    EXPECT_TRUE(source.error().message.ends_with(" " + dir.Path(advised)))
        << name << ": " << source.error().message;
  }
}

// A frame header that announces `bytes`, and one block of a repeated byte.
Bytes FrameThatClaims(std::uint64_t bytes) {
  Bytes frame;
  test::AppendLe32(frame, 0xFD2FB528);
  frame.push_back(std::byte{0xE0});  // 8-byte content size, single segment
  test::AppendLe32(frame, static_cast<std::uint32_t>(bytes));
  test::AppendLe32(frame, static_cast<std::uint32_t>(bytes >> 32U));
  for (const int byte : {0x03, 0x00, 0x10, 0x41}) frame.push_back(std::byte(byte));  // RLE, 128 KiB
  return frame;
}

TEST(ZstdSource, RefusesOneHugeFrame) {
  const auto source = Open(FrameThatClaims(std::uint64_t{16} << 30U));
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().message,
            "one zstd frame of 16 GiB cannot be read at random; make it seekable: "
            "v2p pack memory memory.seek.zst");
}

TEST(ZstdSource, TheHandMadeFrameIsAFrame) {
  const auto source = Open(FrameThatClaims(128U << 10U));
  ASSERT_TRUE(source) << source.error().OneLine();
  EXPECT_EQ(ReadAll(**source), Bytes(128U << 10U, std::byte{0x41}));
}

TEST(ZstdSource, AFrameOfAnotherSizeThanItClaimsIsCorrupt) {
  const Bytes before = test::CompressFrames(test::MemoryLike(5000, 8), 5000)[0];
  for (const std::uint64_t claim : {1000U, 0x1FFFFU, 0x20001U, 0x3FFFFU}) {
    const auto source = Open(test::Concat({before, FrameThatClaims(claim)}));
    ASSERT_TRUE(source) << source.error().OneLine();
    Bytes out(1);
    EXPECT_TRUE((*source)->ReadAt(4999, out));
    const auto read = (*source)->ReadAt(5000, out);
    ASSERT_FALSE(read) << claim;
    EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
    EXPECT_EQ(read.error().at, FileOffset(before.size()));
  }
}

TEST(ZstdSource, AClaimThatTheFileCannotHoldIsRefusedAtOpen) {
  const auto source = Open(FrameThatClaims(60U << 20U));
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind, ErrorKind::kCorrupt);
}

// A table that lies about its frames, which are sound themselves.
TEST(ZstdSource, LiesInTheTableAreFound) {
  const Bytes original = test::MemoryLike(200'000, 9);
  const auto frames = test::CompressFrames(original, 100'000, "--no-content-size");
  const auto size = [&](std::size_t i) { return static_cast<std::uint32_t>(frames[i].size()); };
  const auto open = [&](const std::vector<test::SeekEntry>& entries) {
    return Open(test::Concat({frames[0], frames[1], test::SeekTable(entries)}));
  };
  ASSERT_TRUE(open({{size(0), 100'000}, {size(1), 100'000}}));
  // Sums that do not meet the table.
  EXPECT_FALSE(open({{size(0), 100'000}}));
  EXPECT_FALSE(open({{size(0), 100'000}, {size(1) + 1, 100'000}}));
  EXPECT_FALSE(open({{0xFFFFFFFF, 100'000}, {size(1), 100'000}}));
  // More than the bytes can hold, and more than is read at random.
  EXPECT_FALSE(open({{size(0), 100'000}, {4, 200'000}, {size(1) - 4, 100'000}}));
  EXPECT_FALSE(open({{size(0), 0xFFFFFFFF}, {size(1), 100'000}}));
  // Boundaries in the wrong place, found when the frame is read.
  const auto shifted = open({{size(0) - 1, 100'000}, {size(1) + 1, 100'000}});
  ASSERT_TRUE(shifted);
  Bytes out(1);
  const auto read = (*shifted)->ReadAt(150'000, out);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(read.error().at, FileOffset(frames[0].size() - 1));
}

TEST(ZstdSource, ADamagedFooterIsAnErrorOrNoFooter) {
  const Bytes original = test::MemoryLike(200'000, 10);
  const Bytes sound = Seekable(test::CompressFrames(original, 100'000), 100'000, original.size());
  const auto with = [&](std::size_t from_end, unsigned value) {
    Bytes file = sound;
    file[file.size() - from_end] = static_cast<std::byte>(value);
    return Open(file);
  };
  // Without its magic there is no table, but these frames tell their sizes themselves.
  const auto walked = with(1, 0);
  ASSERT_TRUE(walked);
  ExpectSame(**walked, original, 11);
  for (unsigned bit = 2; bit < 7; ++bit) EXPECT_FALSE(with(5, 1U << bit)) << bit;
  EXPECT_TRUE(with(5, 3));      // bits that readers ignore
  EXPECT_FALSE(with(5, 0x80));  // checksums that are not there
  EXPECT_FALSE(with(9, 1));
  EXPECT_FALSE(with(9, 3));
  for (const std::size_t byte : {6U, 7U, 8U}) EXPECT_FALSE(with(byte, 0xFF)) << byte;
  EXPECT_FALSE(with(9 + 16 + 4, 1));  // the size in the skippable header
  EXPECT_FALSE(with(9 + 16 + 8, 1));  // its magic
}

TEST(ZstdSource, SurvivesTruncationAtEveryByte) {
  const Bytes original = test::MemoryLike(3000, 12);
  const auto frames = test::CompressFrames(original, 1000);
  const Bytes whole = Seekable(frames, 1000, original.size());
  std::size_t opened = 0;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto source = Open(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)));
    if (!source) {
      EXPECT_EQ(source.error().kind, ErrorKind::kTruncated) << n;
      continue;
    }
    ++opened;  // cut between two frames: a shorter file of the same kind
    const Bytes got = ReadAll(**source);
    EXPECT_EQ(got.size() % 1000, 0U) << n;
    EXPECT_TRUE(std::equal(got.begin(), got.end(), original.begin())) << n;
  }
  EXPECT_EQ(opened, 4U);
}

// Every byte of every kind changed: right bytes, or an error; never wrong bytes. The frames carry
// checksums and sizes, so that no change of contents can go unseen, and the table's sizes are held
// against theirs: 1024 with one bit less is 0, which would shift everything that follows.
TEST(ZstdSource, AChangedByteIsNeverReadAsMemory) {
  const Bytes original = test::MemoryLike(3000, 13);
  const Bytes sound = Seekable(test::CompressFrames(original, 1024), 1024, original.size());
  int refused_open = 0;
  int refused_read = 0;
  int unharmed = 0;
  for (std::size_t i = 0; i < sound.size(); ++i) {
    for (const unsigned change : {0x01U, 0x04U, 0x80U, 0xFFU}) {
      Bytes file = sound;
      file[i] ^= static_cast<std::byte>(change);
      const auto source = Open(file);
      if (!source) {
        ++refused_open;
        continue;
      }
      EXPECT_EQ((*source)->Size(), original.size()) << i << " ^ " << change;
      bool harmed = false;
      for (std::size_t at = 0; at < original.size(); at += 1024) {  // each frame by itself
        Bytes out(std::min<std::size_t>(1024, original.size() - at));
        const auto read = (*source)->ReadAt(at, out);
        harmed = harmed || !read;
        if (!read) {
          EXPECT_TRUE(read.error().at) << i;
        } else {
          EXPECT_EQ(std::memcmp(out.data(), original.data() + at, out.size()), 0)
              << i << " ^ " << change;
        }
      }
      ++(harmed ? refused_read : unharmed);
    }
  }
  EXPECT_GT(refused_open, 0);
  EXPECT_GT(refused_read, 0);
  EXPECT_LT(unharmed, 60);  // window descriptor, ignored descriptor bits, footer magic
}

TEST(ZstdSource, JunkAfterTheFramesIsAnError) {
  Bytes file = test::Concat(test::CompressFrames(test::MemoryLike(3000, 14), 1000));
  const std::size_t end = file.size();
  file.resize(end + 100);
  const auto source = Open(file);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(source.error().at, FileOffset(end));
}

TEST(ZstdSource, AHugeFrameCountIsRefusedWithoutAllocating) {
  for (const std::uint32_t frames : {0x8000001U, 0xFFFFFFFFU, 0x10000000U}) {
    Bytes file = test::SeekTable({});
    for (unsigned i = 0; i < 4; ++i) {
      file[file.size() - 9 + i] = static_cast<std::byte>(frames >> (8 * i));
    }
    const auto source = Open(file);
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().kind, ErrorKind::kCorrupt);
  }
}

// Blocks alive that nobody but the cache holds, after reading far more than it may keep.
TEST(ZstdSource, KeepsNoMoreThanItsBudget) {
  constexpr std::size_t kFrame = 8U << 20U;
  const Bytes frame = test::CompressFrames(Bytes(kFrame, std::byte{7}), kFrame)[0];
  const auto source = Open(test::Concat(std::vector<Bytes>(20, frame)));
  ASSERT_TRUE(source) << source.error().OneLine();
  std::vector<std::weak_ptr<const void>> pins;
  for (std::uint64_t at = 0; at < (*source)->Size(); at += kFrame) {
    const auto block = (*source)->BlockAt(at);
    ASSERT_TRUE(block);
    pins.push_back(block->pin);
  }
  const auto dead =
      std::count_if(pins.begin(), pins.end(), [](auto& pin) { return pin.expired(); });
  EXPECT_EQ((pins.size() - static_cast<std::size_t>(dead)) * kFrame, kZstdCacheBytes);
}

TEST(ZstdSource, TwoThreadsReadTheSameImage) {
  const Bytes original = test::MemoryLike(2'000'000, 15);
  const auto source = Open(test::Concat(test::CompressFrames(original, 100'000)));
  ASSERT_TRUE(source);
  std::thread other([&] { ExpectSame(**source, original, 16); });
  ExpectSame(**source, original, 17);
  other.join();
}

// $TMPDIR for the length of a test.
class TmpDirVariable {
 public:
  explicit TmpDirVariable(const std::string& value) {
    if (const char* old = std::getenv("TMPDIR")) old_ = old;
    setenv("TMPDIR", value.c_str(), 1);
  }
  TmpDirVariable(const TmpDirVariable&) = delete;
  TmpDirVariable& operator=(const TmpDirVariable&) = delete;
  ~TmpDirVariable() {
    if (old_) {
      setenv("TMPDIR", old_->c_str(), 1);
    } else {
      unsetenv("TMPDIR");
    }
  }

 private:
  std::optional<std::string> old_;
};

TEST(ZstdTemp, UnpacksWhatDoesNotTellItsSize) {
  const test::TempDir dir;
  const test::TempDir temp;
  const TmpDirVariable variable(temp.Path(""));
  Bytes original = test::MemoryLike(3'000'003, 18);
  std::fill(original.begin() + 1'000'000, original.begin() + 2'500'000, std::byte{0});
  std::fill(original.end() - 300'000, original.end(), std::byte{0});  // ends in a hole
  test::WriteFile(dir.Path("in"), original);
  ASSERT_TRUE(test::Run("zstd -q < " + dir.Path("in") + " > " + dir.Path("stream.zst")));
  ASSERT_TRUE(test::Run("zstd -q --long=31 < " + dir.Path("in") + " > " + dir.Path("long.zst")));
  ASSERT_TRUE(test::Run("pzstd -q " + dir.Path("in") + " -o " + dir.Path("pzstd.zst")));
  for (const char* name : {"stream.zst", "long.zst", "pzstd.zst"}) {
    const auto file = OpenFile(dir.Path(name));
    std::uint64_t last = 0;
    ZstdOptions options;
    options.allow_temp = true;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      EXPECT_EQ(total, (*file)->Size());
      last = done;
    };
    const auto source = OpenZstd(*file, options);
    ASSERT_TRUE(source) << source.error().OneLine();
    EXPECT_EQ((*source)->Name(), dir.Path(name));
    EXPECT_FALSE((*source)->Verbatim());
    EXPECT_EQ(last, (*file)->Size());
    EXPECT_EQ(temp.FileCount(), 0U);  // it has no name
    ExpectSame(**source, original, 19);
    EXPECT_EQ(ReadAll(**source), original);
  }
}

TEST(ZstdTemp, RefusesWithoutRoom) {
  ZstdOptions options;
  options.allow_temp = true;
  bool begun = false;
  options.progress = [&](std::uint64_t, std::uint64_t) { begun = true; };
  const auto source = Open(FrameThatClaims(std::uint64_t{1} << 60U), options);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind, ErrorKind::kIo);
  EXPECT_NE(source.error().message.find("unpacking takes 1 EiB"), std::string::npos);
  EXPECT_FALSE(begun);
}

TEST(ZstdTemp, RefusesWithoutADirectory) {
  const TmpDirVariable variable("/nonexistent/v2p");
  ZstdOptions options;
  options.allow_temp = true;
  const auto source = Open(FrameThatClaims(100U << 20U), options);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind, ErrorKind::kIo);
}

TEST(ZstdTemp, DamageAndTruncationAreErrors) {
  const test::TempDir dir;
  test::WriteFile(dir.Path("in"), test::MemoryLike(500'000, 20));
  ASSERT_TRUE(test::Run("zstd -q < " + dir.Path("in") + " > " + dir.Path("one.zst")));
  const Bytes sound = test::ReadFile(dir.Path("one.zst"));
  ZstdOptions options;
  options.allow_temp = true;
  ASSERT_TRUE(Open(sound, options));
  for (const std::ptrdiff_t cut : {1, 5, 1000}) {
    const auto source = Open(Bytes(sound.begin(), sound.end() - cut), options);
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().kind, ErrorKind::kTruncated) << cut;
  }
  Bytes flipped = sound;
  flipped[flipped.size() / 2] ^= std::byte{0x10};
  const auto source = Open(flipped, options);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(source.error().at, FileOffset(0));
}

}  // namespace
}  // namespace v2p

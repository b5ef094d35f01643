// Conversion: the output of every target holds what the input held, byte for byte, and no more.
// Inputs are memory of QEMU guests as other programs wrote it (ELF, LiME, crash dumps).
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/convert.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "base/bytes.h"
#include "dumpfmt/format.h"
#include "support/zstd_files.h"

namespace v2p::test {
namespace {

Image Open(const std::string& path, const OpenOptions& options = {}) {
  auto image = OpenImage(path, options);
  if (!image) throw std::runtime_error(image.error().OneLine());
  return std::move(*image);
}

std::string Guest(const std::string& name) { return V2P_TESTDATA "/guests/" + name; }

// What OUT.ranges says, with the independent reading of "A-B@O,...".
std::vector<UserRange> ReadRanges(const std::string& path) {
  std::vector<UserRange> ranges;
  std::ifstream in(path);
  for (std::string part; std::getline(in, part, ',');) {
    std::size_t dash = part.find('-');
    std::size_t at = part.find('@');
    const std::uint64_t begin = std::stoull(part.substr(0, dash), nullptr, 16);
    const std::uint64_t last = std::stoull(part.substr(dash + 1, at - dash - 1), nullptr, 16);
    const std::uint64_t offset = std::stoull(part.substr(at + 1), nullptr, 16);
    ranges.push_back({PhysAddr(begin), last - begin + 1, FileOffset(offset)});
  }
  return ranges;
}

// Every byte of `a` that lies in a page of which `whole` asks for all, in `b`.
std::uint64_t ExpectHolds(const PhysicalMemory& a, const PhysicalMemory& b, bool whole) {
  std::uint64_t bytes = 0;
  std::uint64_t end = a.End().value;
  Bytes one(kPageBytes);
  Bytes other(kPageBytes);
  for (std::uint64_t page = 0; page < end; page += kPageBytes) {
    const auto first = a.FirstPresent(PhysAddr(page), PhysAddr(end));
    if (!first) break;
    page = first->value & ~(kPageBytes - 1);
    for (std::uint64_t at = first->value; at < page + kPageBytes;) {
      const std::size_t room = page + kPageBytes - at;
      const std::size_t got = a.Read(PhysAddr(at), std::span(one).first(room));
      if (got == 0) {
        ++at;
        continue;
      }
      if (!whole || got == kPageBytes) {
        const std::size_t back = b.Read(PhysAddr(at), std::span(other).first(got));
        EXPECT_EQ(back, got) << std::hex << at;
        EXPECT_TRUE(std::equal(one.begin(), one.begin() + static_cast<long>(got), other.begin()))
            << std::hex << at;
        bytes += got;
      }
      at += got;
    }
  }
  return bytes;
}

struct Case {
  const char* file;
  ConvertTarget target;
  const char* format;
};

class Conversions : public testing::TestWithParam<Case> {};

TEST_P(Conversions, HoldTheSameMemory) {
  const Case& test = GetParam();
  const TempDir dir;
  const std::string out = dir.Path("out");
  const Image image = Open(Guest(test.file));
  ConvertOptions options;
  options.target = test.target;
  if (test.target == ConvertTarget::kCrashDump && image.facts.dtb_claims.empty()) {
    const bool x86 = std::string_view(test.file).starts_with("x86");
    options.root = DtbClaim{0x1000, "user", x86 ? ModeName::kX86 : ModeName::kX64,
                            "user", false,  std::nullopt};
  }
  const auto result = ConvertImage(image, Guest(test.file), out, options);
  ASSERT_TRUE(result) << result.error().OneLine();

  OpenOptions open;
  const bool flat = test.target == ConvertTarget::kRaw || test.target == ConvertTarget::kZstd;
  if (flat) open.ranges = ReadRanges(out + ".ranges");
  const Image back = Open(out, open);
  EXPECT_EQ(back.format, test.format);
  const bool whole = test.target == ConvertTarget::kCrashDump;
  EXPECT_EQ(ExpectHolds(*image.memory, *back.memory, whole), back.memory->PresentBytes());
  EXPECT_EQ(result->bytes_written, back.memory->PresentBytes());
  EXPECT_EQ(result->bytes_written + result->partial_bytes, image.memory->PresentBytes());
  EXPECT_EQ(result->unreadable_bytes, 0U);
  EXPECT_EQ(result->file_bytes, std::filesystem::file_size(out));
  EXPECT_EQ(dir.FileCount(), flat ? 2U : 1U);
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const char* file : {"x64.elf.zst", "lime.lime.zst", "win32pae.dmp.zst", "win64.dmp.zst",
                           "x86.lime.zst", "arm64.elf.zst", "x64hole.lime.zst"}) {
    cases.push_back({file, ConvertTarget::kRaw, "raw"});
    cases.push_back({file, ConvertTarget::kLime, "lime"});
    cases.push_back({file, ConvertTarget::kZstd, "raw"});
  }
  for (const char* file : {"x64.elf.zst", "win64.dmp.zst", "arm64.elf.zst"}) {
    cases.push_back({file, ConvertTarget::kCrashDump, "windows-crash-dump"});
  }
  return cases;
}

std::string NameOf(const testing::TestParamInfo<Case>& param) {
  std::string name = param.param.file;
  std::replace(name.begin(), name.end(), '.', '_');
  return name + "_" + std::to_string(static_cast<int>(param.param.target));
}

INSTANTIATE_TEST_SUITE_P(Convert, Conversions, testing::ValuesIn(AllCases()), NameOf);

// Small guests' tables lie in more runs than a 32-bit header holds: two stretches of made-up bytes.
TEST(Convert, FullDumpOf32Bits) {
  const TempDir dir;
  OpenOptions open;
  open.as = "raw";
  open.ranges = {{PhysAddr(0x1000), 0x3000, FileOffset(0x1000)},
                 {PhysAddr(0x1'0000'0000), 0x2000, FileOffset(0x8000)}};
  WriteFile(dir.Path("in"), MemoryLike(0x10000, 3));
  const Image image = Open(dir.Path("in"), open);
  ConvertOptions options;
  options.target = ConvertTarget::kCrashDump;
  options.root = DtbClaim{0x1040, "user", ModeName::kPae, "user", false, std::nullopt};
  const auto result = ConvertImage(image, dir.Path("in"), dir.Path("out"), options);
  ASSERT_TRUE(result) << result.error().OneLine();

  const Bytes dump = ReadFile(dir.Path("out"));
  ASSERT_EQ(dump.size(), 0x1000U + 5 * kPageBytes);
  const Image back = Open(dir.Path("out"));
  EXPECT_EQ(back.facts.machine, Machine::kX86);
  ASSERT_EQ(back.facts.dtb_claims.size(), 1U);
  EXPECT_EQ(back.facts.dtb_claims[0].value, 0x1040U);
  EXPECT_EQ(back.facts.dtb_claims[0].mode, ModeName::kPae);
  EXPECT_EQ(back.memory->Extents().size(), 2U);
  EXPECT_EQ(ExpectHolds(*image.memory, *back.memory, true), 5 * kPageBytes);
}

TEST(Convert, TooManyRunsFor32BitsLeaveNothing) {
  const TempDir dir;
  OpenOptions open;
  open.as = "raw";
  for (std::uint64_t i = 0; i < 87; ++i) {
    open.ranges.push_back({PhysAddr(i * 0x2000), 0x1000, FileOffset(i * 0x1000)});
  }
  WriteFile(dir.Path("in"), MemoryLike(87 * 0x1000, 3));
  ConvertOptions options;
  options.target = ConvertTarget::kCrashDump;
  options.root = DtbClaim{0x1000, "user", ModeName::kX86, "user", false, std::nullopt};
  const auto result =
      ConvertImage(Open(dir.Path("in"), open), dir.Path("in"), dir.Path("out"), options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(dir.FileCount(), 1U);
}

TEST(Convert, CrashDumpsNeedARootAndAMode) {
  const TempDir dir;
  WriteFile(dir.Path("in"), MemoryLike(0x4000, 3));
  const Image image = Open(dir.Path("in"));
  ConvertOptions options;
  options.target = ConvertTarget::kCrashDump;
  EXPECT_EQ(ConvertImage(image, dir.Path("in"), dir.Path("out"), options).error().kind,
            ErrorKind::kNoRoot);
  options.root = DtbClaim{0x1000, "user", std::nullopt, "user", false, std::nullopt};
  EXPECT_EQ(ConvertImage(image, dir.Path("in"), dir.Path("out"), options).error().kind,
            ErrorKind::kNoMode);
  EXPECT_EQ(dir.FileCount(), 1U);
}

TEST(Convert, PartOfAPageIsNotInACrashDump) {
  const TempDir dir;
  OpenOptions open;
  open.as = "raw";
  open.ranges = {{PhysAddr(0x1000), 0x1C00, FileOffset(0)}, {PhysAddr(0x4000), 0x1000, {}}};
  WriteFile(dir.Path("in"), MemoryLike(0x3000, 5));
  const Image image = Open(dir.Path("in"), open);
  ConvertOptions options;
  options.target = ConvertTarget::kCrashDump;
  options.root = DtbClaim{0x1000, "user", ModeName::kX64, "user", false, std::nullopt};
  const auto result = ConvertImage(image, dir.Path("in"), dir.Path("out"), options);
  ASSERT_TRUE(result) << result.error().OneLine();
  EXPECT_EQ(result->partial_bytes, 0xC00U);
  const Image back = Open(dir.Path("out"));
  EXPECT_EQ(back.memory->PresentBytes(), 0x2000U);
  EXPECT_FALSE(back.memory->Contains(PhysAddr(0x2000)));
}

// A frame of a seekable zstd image is damaged: its memory is declared absent, the rest survives.
TEST(Convert, DamagedPagesAreAbsentInTheOutput) {
  const TempDir dir;
  const Bytes plain = MemoryLike(8 * 0x10000, 9);
  auto frames = CompressFrames(plain, 0x10000, "--check");
  std::vector<SeekEntry> table;
  for (const Bytes& frame : frames) {
    table.push_back({static_cast<std::uint32_t>(frame.size()), 0x10000});
  }
  frames[3][frames[3].size() / 2] ^= std::byte{0x55};
  frames.push_back(SeekTable(table));
  WriteFile(dir.Path("in.zst"), Concat(frames));
  OpenOptions open;
  open.as = "raw";
  const Image image = Open(dir.Path("in.zst"), open);
  const auto result = ConvertImage(image, dir.Path("in.zst"), dir.Path("out"), {});
  ASSERT_TRUE(result) << result.error().OneLine();
  EXPECT_EQ(result->unreadable_bytes, 0x10000U);
  EXPECT_TRUE(image.memory->Fault());
  OpenOptions back_options;
  back_options.as = "raw";
  back_options.ranges = ReadRanges(dir.Path("out.ranges"));
  ASSERT_EQ(back_options.ranges.size(), 2U);
  const Image back = Open(dir.Path("out"), back_options);
  EXPECT_FALSE(back.memory->Contains(PhysAddr(0x30000)));
  Bytes page(kPageBytes);
  ASSERT_EQ(back.memory->Read(PhysAddr(0x40000), page), page.size());
  EXPECT_TRUE(std::equal(page.begin(), page.end(), plain.begin() + 0x40000));
}

TEST(Convert, AnInterruptedRunLeavesNothing) {
  const TempDir dir;
  WriteFile(dir.Path("in"), MemoryLike(0x40000, 3));
  const Image image = Open(dir.Path("in"));
  for (const auto target : {ConvertTarget::kRaw, ConvertTarget::kLime, ConvertTarget::kZstd}) {
    ConvertOptions options;
    options.target = target;
    options.interrupted = [] { return true; };
    const auto result = ConvertImage(image, dir.Path("in"), dir.Path("out"), options);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::kInterrupted);
    EXPECT_EQ(dir.FileCount(), 1U);
  }
}

TEST(Convert, DoesNotReplaceUnasked) {
  const TempDir dir;
  WriteFile(dir.Path("in"), MemoryLike(0x4000, 3));
  WriteFile(dir.Path("out"), {});
  const Image image = Open(dir.Path("in"));
  EXPECT_EQ(ConvertImage(image, dir.Path("in"), dir.Path("out"), {}).error().kind,
            ErrorKind::kUsage);
  EXPECT_EQ(ConvertImage(image, dir.Path("in"), dir.Path("in"), {}).error().kind,
            ErrorKind::kUsage);
  ConvertOptions options;
  options.force = true;
  EXPECT_TRUE(ConvertImage(image, dir.Path("in"), dir.Path("out"), options));
  EXPECT_EQ(ReadFile(dir.Path("out")), ReadFile(dir.Path("in")));
}

TEST(Convert, RawTakesNoDiskForHoles) {
  const TempDir dir;
  OpenOptions open;
  open.as = "raw";
  open.ranges = {{PhysAddr(0x1000), 0x1000, FileOffset(0)},
                 {PhysAddr(0x4000'0000), 0x1000, FileOffset(0x1000)}};
  WriteFile(dir.Path("in"), MemoryLike(0x2000, 4));
  ASSERT_TRUE(ConvertImage(Open(dir.Path("in"), open), dir.Path("in"), dir.Path("out"), {}));
  struct stat info {};
  ASSERT_EQ(stat(dir.Path("out").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 0x4000'1000);
  EXPECT_LT(info.st_blocks * 512, 0x100000);
}

}  // namespace
}  // namespace v2p::test

// Windows crash dumps that are damaged, hostile or refused: one line each, never a crash.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <limits>
#include <random>

#include "dumpfmt/formats.h"
#include "support/layout.h"
#include "support/windows_dump_builder.h"
#include "support/windows_dump_checks.h"

namespace v2p {
namespace {

using test::DumpBody;
using test::OpenBytes;
using test::WindowsDumpBuilder;

using Runs = std::vector<WindowsDumpBuilder::Run>;

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
const Runs kTinyMap = {{1, 3}, {9, 1}, {64, 2}};

// Every extent lies in the file, its last byte can be read, and the pages are accounted for.
void ExpectSane(const Image& image, std::uint64_t size) {
  if (!image.memory) {
    EXPECT_FALSE(image.no_memory.empty());
    return;
  }
  for (const Extent& extent : image.memory->Extents()) {
    ASSERT_LE(extent.at.value, size);
    ASSERT_LE(extent.bytes, size - extent.at.value);
    std::byte last{};
    EXPECT_EQ(image.memory->Read(extent.End() - 1, {&last, 1}), 1U);
  }
}

void ExpectError(const Result<Image>& image, ErrorKind kind, const std::string& text) {
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, kind) << image.error().OneLine();
  EXPECT_NE(image.error().message.find(text), std::string::npos) << image.error().OneLine();
  EXPECT_EQ(image.error().message.find('\n'), std::string::npos);
  EXPECT_TRUE(image.error().at.has_value()) << image.error().OneLine();
}

struct Kind {
  bool is_64;
  std::uint32_t type;
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << (kind.is_64 ? 64 : 32) << " bits, type " << kind.type;
}

class Truncated : public testing::TestWithParam<Kind> {};

// Cut after every byte up to the first page, and once inside it.
TEST_P(Truncated, AtEveryHeaderByte) {
  WindowsDumpBuilder builder(GetParam().is_64, GetParam().type, kTinyMap);
  const auto whole = builder.Build();
  const std::size_t header = builder.HeaderBytes();
  const std::size_t last = std::min<std::size_t>(whole.size(), header + 0x1100);
  for (std::size_t size = 8; size < last; ++size) {
    const std::vector<std::byte> cut(whole.begin(),
                                     whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto image = OpenBytes(cut, size % 2 == 0 ? 0 : 512);
    if (size < header) {
      ASSERT_FALSE(image) << size;
      ASSERT_EQ(image.error().kind, ErrorKind::kTruncated) << size;
    } else if (image) {
      ExpectSane(*image, size);
    } else {
      ASSERT_EQ(image.error().kind, ErrorKind::kTruncated) << size << image.error().OneLine();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Truncated,
                         testing::Values(Kind{false, 1}, Kind{true, 1}, Kind{false, 2},
                                         Kind{true, 2}, Kind{true, 3}, Kind{false, 4},
                                         Kind{true, 4}, Kind{false, 6}, Kind{true, 5},
                                         Kind{true, 8}, Kind{true, 10}),
                         [](const auto& test) {
                           return fmt::format("{}bit{}", test.param.is_64 ? 64 : 32,
                                              test.param.type);
                         });

struct Patch {
  std::uint32_t type;
  std::string field;
  std::uint64_t value;
  std::string expect;  // part of the error
};

void PrintTo(const Patch& patch, std::ostream* out) {
  *out << "type " << patch.type << ", " << patch.field << " = " << patch.value;
}

class BadField : public testing::TestWithParam<Patch> {};

TEST_P(BadField, IsAnError) {
  WindowsDumpBuilder builder(true, GetParam().type, kTinyMap);
  auto dump = builder.Build();
  builder.Patch(dump, GetParam().field, GetParam().value);
  for (const std::size_t block : {std::size_t{0}, std::size_t{4096}}) {
    ExpectError(OpenBytes(dump, block), ErrorKind::kCorrupt, GetParam().expect);
  }
}

constexpr std::uint64_t kFiller = 0x4547415045474150;

INSTANTIATE_TEST_SUITE_P(
    Fields, BadField,
    testing::Values(Patch{1, "header.NumberOfRuns", 0x7fffffff, "has room for 43"},
                    Patch{1, "header.NumberOfRuns", 0xffffffff, "has room for 43"},
                    Patch{1, "header.NumberOfRuns", 503, "has room for 43"},
                    Patch{1, "header.NumberOfRuns", 0, "no memory runs"},
                    Patch{1, "header.NumberOfRuns", kFiller, "is not set"},
                    Patch{1, "header.MachineImageType", 0x14c, "64-bit"},
                    Patch{1, "header.MachineImageType", kFiller, "names no machine"},
                    Patch{1, "header.DumpType", 0, "type 0"},
                    Patch{5, "second.Pages", 0, "bitmap of 0x0 frames"},
                    Patch{5, "second.Pages", std::uint64_t{1} << 40U, "inside the bitmap"},
                    Patch{5, "second.Pages", (std::uint64_t{1} << 40U) + 1, "cannot be"},
                    Patch{5, "second.Pages", kHuge, "cannot be"},
                    Patch{5, "second.Pages", kFiller, "not set"},
                    Patch{5, "second.FirstPage", 0x2000, "inside the bitmap"},
                    Patch{5, "second.FirstPage", 0x2040, "inside the bitmap"},
                    Patch{5, "second.FirstPage", 0, "inside the bitmap"},
                    Patch{5, "second.FirstPage", kHuge, "pass the end of any file"},
                    Patch{5, "second.FirstPage", kFiller, "not set"},
                    Patch{5, "second.TotalPresentPages", 67, "67 pages in 66 frames"},
                    Patch{2, "second.HeaderSize", 0x2030, "inside the bitmap"},
                    Patch{2, "second.SizeOfBitMap", 65, "differ"},
                    Patch{2, "second.BitmapSize", kFiller, "not set"},
                    Patch{10, "second.MetadataSize", 0, "not a list of ranges"},
                    Patch{10, "second.MetadataSize", 0xf, "not a list of ranges"},
                    Patch{10, "second.MetadataSize", 0x48, "not a list of ranges"},
                    Patch{10, "second.MetadataSize", 0x50, "does not follow"},
                    Patch{10, "second.MetadataSize", 0xfffffffffffffff0, "does not follow"},
                    Patch{10, "second.FirstPageOffset", 0x2000, "does not follow"},
                    Patch{10, "second.FirstPageOffset", kHuge, "does not follow"}));

TEST(WindowsHostileTest, RunsThatCannotBe) {
  for (const std::uint32_t type : {1U, 8U}) {
    const std::string run = type == 1 ? "header.Run" : "second.Range";
    const auto expect = [&](std::uint64_t first, std::uint64_t pages, const char* text) {
      WindowsDumpBuilder builder(true, type, kTinyMap);
      auto dump = builder.Build();
      const std::size_t second = builder.At(run) + 16;
      test::PutLe(dump, second, 8, first);
      test::PutLe(dump, second + 8, 8, pages);
      const auto image = OpenBytes(dump);
      ExpectError(image, ErrorKind::kCorrupt, text);
      if (!image) {
        EXPECT_GE(image.error().at->value, builder.At(run));
      }
    };
    expect(9, kHuge, "beyond 52-bit");
    expect(kHuge, 1, "beyond 52-bit");
    expect(kHuge, kHuge, "beyond 52-bit");
    expect(std::uint64_t{1} << 52U, 1, "beyond 52-bit");
    expect((std::uint64_t{1} << 40U) - 1, 2, "beyond 52-bit");
    expect(3, 1, "overlaps");
    expect(1, 3, "overlaps");
    expect(0, 2, "overlaps");
    expect(10, 55, "overlaps");
  }
}

// A run in the last frames there can be is legal, and wraps nothing.
TEST(WindowsHostileTest, TheLastFrame) {
  WindowsDumpBuilder builder(true, 1, kTinyMap);
  auto dump = builder.Build();
  test::PutLe(dump, builder.At("header.Run") + 32, 8, (std::uint64_t{1} << 40U) - 2);
  const auto image = OpenBytes(dump);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory->End().value, std::uint64_t{1} << 52U);
  ExpectSane(*image, dump.size());
}

TEST(WindowsHostileTest, OverlapPastTheEndOfTheFileIsAnErrorToo) {
  WindowsDumpBuilder builder(true, 1, {{1, 2}, {1000, 5}, {1004, 5}});
  auto dump = builder.Build();
  dump.resize(builder.HeaderBytes());
  ExpectError(OpenBytes(dump), ErrorKind::kCorrupt, "overlaps");
}

// Volatility 3's writer counts pages of 1024 bytes: four times as many as there are.
TEST(WindowsHostileTest, AnOverlongRunIsClampedToTheFile) {
  WindowsDumpBuilder builder(true, 1, {{0, 4}});
  auto dump = builder.Build();
  test::PutLe(dump, builder.At("header.Run") + 8, 8, 16);
  const auto image = OpenBytes(dump);
  ASSERT_TRUE(image) << image.error().OneLine();
  test::ExpectPages(*image, builder.Pages());
  EXPECT_EQ(image->facts.missing_pages, 12U);
}

TEST(WindowsHostileTest, BitmapPastTheEndOfTheFile) {
  WindowsDumpBuilder builder(true, 6, kTinyMap);
  auto dump = builder.Build();
  builder.Patch(dump, "second.Pages", std::uint64_t{1} << 40U);
  builder.Patch(dump, "second.FirstPage", std::uint64_t{1} << 38U);
  for (const std::size_t block : {std::size_t{0}, std::size_t{4096}}) {
    ExpectError(OpenBytes(dump, block), ErrorKind::kTruncated, "the bitmap ends at");
  }
}

TEST(WindowsHostileTest, RangeMetadataPastTheEndOfTheFile) {
  WindowsDumpBuilder builder(true, 8, kTinyMap);
  auto dump = builder.Build();
  builder.Patch(dump, "second.MetadataSize", std::uint64_t{1} << 50U);
  builder.Patch(dump, "second.FirstPageOffset", (std::uint64_t{1} << 50U) + 0x2020);
  ExpectError(OpenBytes(dump), ErrorKind::kTruncated, "range metadata");
}

// Some bytes, then zeros up to any size, as decompression gives them: nothing is mapped.
class ZeroTail final : public ByteSource {
 public:
  ZeroTail(std::vector<std::byte> head, std::uint64_t size) : head_(std::move(head)), size_(size) {}

  const std::string& Name() const override { return name_; }
  std::uint64_t Size() const override { return size_; }
  bool Verbatim() const override { return false; }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset >= size_) return std::size_t{0};
    EXPECT_LE(out.size(), std::size_t{1} << 20U) << "one read of all that the file claims";
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset));
    std::fill_n(out.begin(), n, std::byte{0});
    for (std::size_t i = 0; i < n && offset + i < head_.size(); ++i) out[i] = head_[offset + i];
    return n;
  }
  Result<BlockView> BlockAt(std::uint64_t offset) const override {
    auto copy = std::make_shared<std::vector<std::byte>>(1);
    if (auto got = ReadAt(offset, *copy); !got) return tl::unexpected<Error>(got.error());
    return BlockView{offset, *copy, copy};
  }

 private:
  std::string name_ = "zero-tail";
  std::vector<std::byte> head_;
  std::uint64_t size_;
};

Result<Image> OpenRangesWithRoomFor(std::uint64_t ranges) {
  WindowsDumpBuilder builder(true, 8, kTinyMap);
  auto dump = builder.Build();
  dump.resize(builder.At("second.Range") + 16 * kTinyMap.size());
  const std::uint64_t metadata = 16 + 16 * ranges;
  builder.Patch(dump, "second.MetadataSize", metadata);
  builder.Patch(dump, "second.FirstPageOffset", metadata + 0x2020);
  return OpenImage(std::make_shared<ZeroTail>(dump, metadata + 0x2020 + 6 * kPageBytes), {});
}

TEST(WindowsHostileTest, EmptyRangesTakeNoMemoryAndTheirNumberIsBounded) {
  const auto image = OpenRangesWithRoomFor(1U << 17U);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory->PresentBytes(), 6 * kPageBytes);
  EXPECT_EQ(test::FactText(*image, "range-count"), "131072");
  ExpectError(OpenRangesWithRoomFor((1U << 22U) + 1), ErrorKind::kUnsupported, "4194304 ranges");
  ExpectError(OpenRangesWithRoomFor(1U << 28U), ErrorKind::kUnsupported, "4194304 ranges");
}

TEST(WindowsHostileTest, BitmapsOfCompressedDumpsAreBoundedMore) {
  WindowsDumpBuilder builder(true, 6, kTinyMap);
  auto dump = builder.Build();
  dump.resize(builder.HeaderBytes() + 0x38);
  const std::uint64_t bits = (std::uint64_t{1} << 31U) + 1;
  const std::uint64_t first = 0x3000 + bits / 8;
  builder.Patch(dump, "second.Pages", bits);
  builder.Patch(dump, "second.FirstPage", first);
  ExpectError(OpenImage(std::make_shared<ZeroTail>(dump, first + kPageBytes), {}),
              ErrorKind::kUnsupported, "more than 8 TiB");
}

TEST(WindowsHostileTest, NoRangesAtAll) {
  WindowsDumpBuilder builder(true, 8, {});
  ExpectError(OpenBytes(builder.Build()), ErrorKind::kCorrupt, "no memory ranges");
}

TEST(WindowsHostileTest, RangeDumpsAre64Bit) {
  WindowsDumpBuilder builder(false, 8, kTinyMap);
  ExpectError(OpenBytes(builder.Build()), ErrorKind::kUnsupported, "64-bit form only");
}

TEST(WindowsHostileTest, OtherMachinesAreNamed) {
  const std::pair<std::uint32_t, std::string> machines[] = {
      {0x200, "IA-64"}, {0x1c0, "32-bit ARM"}, {0x1c4, "32-bit ARM"}, {0x1234, "0x1234"}};
  for (const auto& [code, name] : machines) {
    WindowsDumpBuilder builder(true, 1, kTinyMap);
    ExpectError(OpenBytes(builder.Set("MachineImageType", code).Build()), ErrorKind::kUnsupported,
                name);
  }
  for (const std::uint32_t code : {0x8664U, 0xaa64U}) {
    WindowsDumpBuilder builder(false, 1, kTinyMap);
    ExpectError(OpenBytes(builder.Set("MachineImageType", code).Build()), ErrorKind::kCorrupt,
                "32-bit");
  }
}

TEST(WindowsHostileTest, EncryptedDumpsNameTheTool) {
  for (const bool is_64 : {false, true}) {
    for (const std::uint32_t attributes : {0x100U, 0x21908U}) {
      WindowsDumpBuilder builder(is_64, 6, kTinyMap);
      ExpectError(OpenBytes(builder.Set("Attributes", attributes).Build()), ErrorKind::kUnsupported,
                  "KernelDumpDecrypt.exe");
    }
  }
  // Decrypted again, and undocumented bits: readable.
  WindowsDumpBuilder decrypted(true, 6, kTinyMap);
  EXPECT_TRUE(OpenBytes(decrypted.Set("Attributes", 0x21a08).Build()));
  // Without attributes, ciphertext in place of the second header gives it away.
  WindowsDumpBuilder builder(true, 6, kTinyMap);
  auto dump = builder.Build();
  std::mt19937 random(7);
  for (std::size_t i = builder.HeaderBytes(); i < dump.size(); ++i) {
    dump[i] = static_cast<std::byte>(random());
  }
  ExpectError(OpenBytes(dump), ErrorKind::kUnsupported, "KernelDumpDecrypt.exe");
}

TEST(WindowsHostileTest, NoSecondHeaderAndNoFit) {
  WindowsDumpBuilder builder(true, 6, kTinyMap);
  auto dump = builder.Build();
  test::PutText(dump, builder.HeaderBytes(), "XDMP");
  ExpectError(OpenBytes(dump), ErrorKind::kCorrupt, "needs a second header");
}

// Random damage anywhere in the header: an error or a sane image.
TEST(WindowsHostileTest, RandomDamage) {
  std::mt19937_64 random(42);
  int opened = 0;
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::uint32_t types[] = {1, 2, 4, 6, 8, 10};
    WindowsDumpBuilder builder(round % 3 != 0, types[random() % 6], kTinyMap);
    auto dump = builder.Build();
    const std::size_t span = std::min(dump.size(), builder.HeaderBytes() + 0x80);
    for (std::uint64_t i = random() % 3 + 1; i > 0; --i) {
      const bool in_second = random() % 2 == 0;
      const std::size_t at = in_second ? span - 8 - random() % 0x78 : random() % 0x100;
      const std::uint64_t values[] = {0, 1, 0x7fffffff, kHuge, std::uint64_t{1} << 40U, random()};
      test::PutLe(dump, at, random() % 2 == 0 ? 4 : 8, values[random() % 6]);
    }
    test::PutText(dump, 0, "PAGEDU");
    const auto image = OpenBytes(dump, round % 2 == 0 ? 0 : 4096);
    if (image && image->format == "windows-crash-dump") {
      ExpectSane(*image, dump.size());
      ++opened;
    } else {
      ++refused;
    }
  }
  EXPECT_GT(opened, 400);
  EXPECT_GT(refused, 400);
}

// A mapped file whose pages from `readable` on fault when they are touched.
class GuardedSource final : public ByteSource {
 public:
  GuardedSource(const std::vector<std::byte>& bytes, std::size_t readable) : size_(bytes.size()) {
    void* map = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    base_ = static_cast<std::byte*>(map);
    std::copy(bytes.begin(), bytes.end(), base_);
    mprotect(base_ + readable, size_ - readable, PROT_NONE);
  }
  GuardedSource(const GuardedSource&) = delete;
  GuardedSource& operator=(const GuardedSource&) = delete;
  ~GuardedSource() override { munmap(base_, size_); }

  const std::string& Name() const override { return name_; }
  std::uint64_t Size() const override { return size_; }
  bool Verbatim() const override { return true; }
  std::span<const std::byte> Mapped() const override { return {base_, size_}; }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    const std::size_t n = std::min<std::size_t>(out.size(), size_ - offset);
    std::copy_n(base_ + offset, n, out.data());
    return n;
  }
  Result<BlockView> BlockAt(std::uint64_t) const override {
    return BlockView{0, {base_, size_}, nullptr};
  }

 private:
  std::string name_ = "guarded";
  std::byte* base_ = nullptr;
  std::size_t size_;
};

TEST(WindowsHostileTest, OpeningTouchesHeadersAndBitmapOnly) {
  for (const std::uint32_t type : {1U, 2U, 5U, 8U}) {
    WindowsDumpBuilder builder(true, type, kTinyMap);
    auto dump = builder.Build();
    std::size_t first = dump.size();
    for (const auto& page : builder.Pages()) first = std::min<std::size_t>(first, page.second);
    // A second header is looked for in every dump, so the page where it would be may be read.
    const std::size_t guard = std::max(first + 0xFFF, builder.HeaderBytes() + 0x1000) & ~0xFFFULL;
    ASSERT_LT(guard, dump.size());
    const auto source = std::make_shared<GuardedSource>(dump, guard);
    const auto image = kWindowsCrashDumpFormat.open(source, {});
    ASSERT_TRUE(image) << image.error().OneLine();
    EXPECT_EQ(image->memory->PresentBytes(), builder.Pages().size() * kPageBytes);
  }
}

}  // namespace
}  // namespace v2p

// The suite that every format passes: a good image with its offsets, nothing, the magic alone, a
// cut at every header byte, every header byte changed, overlapping runs, sizes near 2^64.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <ostream>

#include "dumpfmt/format.h"
#include "support/elf_builder.h"
#include "support/hiberfil_builder.h"
#include "support/layout.h"
#include "support/legacy_hiberfil_builder.h"
#include "support/lime_builder.h"
#include "support/memory_source.h"
#include "support/windows_dump_builder.h"

namespace v2p {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

using Bytes = std::vector<std::byte>;

struct Placed {
  std::uint64_t pa = 0;
  std::uint64_t at = 0;  // where the builder put it
};

struct Region {
  std::size_t begin = 0;
  std::size_t end = 0;
};

enum class Overlap { kError, kWarning };

struct SuiteCase {
  std::string name;
  std::string format;
  Bytes good;
  std::vector<Placed> placed;
  std::size_t magic_bytes = 0;
  std::vector<Region> headers;
  Bytes overlapping;
  Overlap overlap = Overlap::kError;
  std::vector<Bytes> huge;
  std::byte (*byte_at)(std::uint64_t pa) = test::PatternByte;
};

std::ostream& operator<<(std::ostream& out, const SuiteCase& c) { return out << c.name; }

Bytes Patched(Bytes bytes, std::size_t at, std::size_t size, std::uint64_t value) {
  test::PutLe(bytes, at, size, value);
  return bytes;
}

SuiteCase Lime() {
  test::LimeBuilder builder;
  builder.Range(0x1000, 0x2fff).Range(0x10000, 0x10bff);
  const std::size_t second = builder.HeaderAt(1);
  SuiteCase c{
      "Lime",          "lime", builder.Bytes(), {}, 4, {{0, 32}, {second + 1, second + 32}}, {},
      Overlap::kError, {}};
  c.placed = {{0x1000, 32}, {0x2fff, 32 + 0x1fff}, {0x10bff, second + 32 + 0xbff}};
  c.overlapping = test::LimeBuilder().Range(0x1000, 0x2fff).Range(0x2000, 0x3fff).Bytes();
  for (const std::uint64_t last : {kMax, kMax - 1, kMax - 0x20, std::uint64_t{1} << 63U}) {
    c.huge.push_back(Patched(c.good, 16, 8, last));
    c.huge.push_back(Patched(c.good, second + 16, 8, last));
  }
  c.huge.push_back(Patched(Patched(c.good, 8, 8, kMax), 16, 8, kMax));
  return c;
}

SuiteCase Elf(bool is64) {
  test::ElfBuilder::Options options;
  options.is64 = is64;
  test::ElfBuilder builder(options);
  builder.QemuCpu(test::ElfCpu{}).Load(0x1000, 0x1800).Load(0x8000, 0x1000);
  SuiteCase c;
  c.name = is64 ? "Elf64" : "Elf32";
  c.format = "elf-core";
  c.good = builder.Build();
  c.placed = {{0x1000, builder.DataAt(0)},
              {0x27ff, builder.DataAt(0) + 0x17ff},
              {0x8000, builder.DataAt(1)}};
  c.magic_bytes = 4;
  c.headers = {{0, static_cast<std::size_t>(builder.DataAt(0))}};  // with the note
  c.overlapping = test::ElfBuilder(options).Load(0x1000, 0x1000).Load(0x1800, 0x1000).Build();
  c.overlap = Overlap::kWarning;
  const std::size_t header = static_cast<std::size_t>(builder.HeaderAt(0));
  const std::size_t word = is64 ? 8 : 4;
  const std::size_t fields[] = {is64 ? 0x08U : 0x04U, is64 ? 0x18U : 0x0CU, is64 ? 0x20U : 0x10U,
                                is64 ? 0x28U : 0x14U};
  for (const std::size_t field : fields) {
    for (const std::uint64_t value : {kMax, kMax - 0xfff, kMax / 2}) {
      c.huge.push_back(Patched(c.good, header + field, word, value));
    }
  }
  for (const std::size_t table : {is64 ? 0x20U : 0x1CU, is64 ? 0x28U : 0x20U}) {  // phoff, shoff
    c.huge.push_back(Patched(c.good, table, word, kMax - 7));
  }
  return c;
}

// Overlapping runs exist where a dump lists runs; a bitmap cannot overlap itself.
SuiteCase Windows(const char* name, bool is_64, std::uint32_t type) {
  test::WindowsDumpBuilder builder(is_64, type, {{1, 2}, {9, 1}});
  SuiteCase c;
  c.name = name;
  c.format = "windows-crash-dump";
  c.good = builder.Build();
  for (const auto& [pfn, at] : builder.Pages()) c.placed.push_back({pfn * 0x1000 + 5, at + 5});
  c.magic_bytes = 8;
  const std::size_t header_end = static_cast<std::size_t>(builder.Pages().begin()->second);
  c.headers = {{0, header_end}};  // with the bitmap, where there is one
  if (type == 1) c.overlapping = test::WindowsDumpBuilder(is_64, 1, {{1, 2}, {2, 2}}).Build();
  const auto huge = [&](std::string_view field) {
    for (const std::uint64_t value : {kMax, kMax - 0xfff, kMax / 2}) {
      c.huge.push_back(c.good);
      builder.Patch(c.huge.back(), field, value);
    }
  };
  huge("header.NumberOfRuns");
  huge("header.NumberOfPages");
  for (const std::size_t word : {0U, 1U}) {  // the first run's frame and count
    const std::size_t bytes = is_64 ? 8 : 4;
    const std::size_t at = builder.At("header.Run") + word * bytes;
    for (const std::uint64_t value : {kMax, kMax / 2}) {
      c.huge.push_back(Patched(c.good, at, bytes, value));
    }
  }
  if (type == 5) {
    for (const char* field : {"second.FirstPage", "second.Pages", "second.TotalPresentPages"}) {
      huge(field);
    }
  }
  return c;
}

// Where a page is found is its place among the decompressed pages.
SuiteCase Hiberfil(const char* header) {
  using test::SetCoding;
  test::ModernHiberfil builder(header);
  builder.Boot({{{1, 2}}, SetCoding::kPlain, {}});
  builder.Kernel({{{9, 3}, {0x20, 1}}, SetCoding::kRaw, {}});
  builder.Kernel({{{0x40, 2}}, SetCoding::kPlain, {}});
  SuiteCase c;
  c.name = header;
  c.format = "hiberfil";
  c.good = builder.Build();
  c.placed = {{0x1005, 5}, {0xBFFF, 0x4FFF}, {0x20000, 0x5000}, {0x41FFF, 0x7FFF}};
  c.magic_bytes = 4;
  c.headers = {{0, builder.HeaderBytes()},
               {builder.HeadAt(0), builder.DataAt(0)},
               {builder.HeadAt(1), builder.DataAt(1)},
               {builder.HeadAt(2), c.good.size()}};
  c.byte_at = test::HiberByte;
  for (const char* field : {"NumPagesForLoader", "KernelPagesProcessed", "FirstBootRestorePage",
                            "FirstKernelRestorePage"}) {
    for (const std::uint64_t value : {kMax, kMax - 0xfff, kMax / 2}) {
      c.huge.push_back(Patched(c.good, builder.FieldAt(field), 4, value));
    }
  }
  for (const std::size_t set : {0U, 1U, 2U}) {
    c.huge.push_back(Patched(c.good, builder.HeadAt(set), 4, kMax));
    c.huge.push_back(Patched(c.good, builder.HeadAt(set) + 4, 4, kMax));
  }
  return c;
}

SuiteCase OldHiberfil(const char* header) {
  test::LegacyHiberfil builder(header);
  builder.Table({{1, 2}, {9, 15}}).Table({{0x40, 3}}, test::SetCoding::kRaw);
  SuiteCase c;
  c.name = header;
  c.format = "hiberfil";
  c.good = builder.Build();
  c.placed = {{0x1005, 5}, {0x17FFF, 0x10FFF}, {0x42FFF, 0x13FFF}};
  c.magic_bytes = 4;
  const std::size_t table = builder.Tables()[0];
  const std::size_t raw = builder.Blocks()[2] + 0x20;
  c.headers = {{0, builder.HeaderBytes()},
               {table, table + 0x40},
               {builder.Blocks()[0], builder.Blocks()[0] + 0x30},
               {builder.Tables()[1] + 1, builder.Tables()[1] + 0x40},
               {builder.Blocks()[2], raw + 0x10}};
  c.byte_at = test::HiberByte;
  for (const std::uint64_t value : {kMax, kMax / 2, kMax - 0xfff}) {
    c.huge.push_back(Patched(c.good, builder.FieldAt("FirstTablePage"), 4, value));
    for (std::size_t at = 0; at < 0x40; at += 4) {
      c.huge.push_back(Patched(c.good, table + at, 4, value));
    }
    c.huge.push_back(Patched(c.good, builder.Blocks()[0] + 8, 4, value));
  }
  return c;
}

const std::vector<SuiteCase>& Cases() {
  static const std::vector<SuiteCase> cases = {Lime(),
                                               Elf(true),
                                               Elf(false),
                                               Windows("WindowsFull64", true, 1),
                                               Windows("WindowsFull32", false, 1),
                                               Windows("WindowsBitmap64", true, 5),
                                               Hiberfil("modern64_3E0"),
                                               Hiberfil("modern64_4D8"),
                                               Hiberfil("modern32_2C8"),
                                               OldHiberfil("xp_x86"),
                                               OldHiberfil("vista2_x64"),
                                               OldHiberfil("win7_x86"),
                                               OldHiberfil("win7_x64")};
  return cases;
}

Result<Image> Open(const Bytes& bytes, std::size_t block_bytes = 0) {
  return OpenImage(std::make_shared<test::MemorySource>(bytes, block_bytes), {});
}

// Whatever was in the file, an image's extents are ascending, disjoint and inside the file, or
// inside what it decompresses to.
void ExpectSound(const Image& image, const std::string& format) {
  ASSERT_EQ(image.format, format);
  if (image.memory == nullptr) {
    EXPECT_FALSE(image.no_memory.empty());
    return;
  }
  const std::uint64_t file_bytes = image.memory->Source().Size();
  std::uint64_t end = 0;
  for (const Extent& extent : image.memory->Extents()) {
    ASSERT_GE(extent.begin.value, end);
    ASSERT_GT(extent.bytes, 0U);
    ASSERT_LE(extent.bytes, kMax - extent.begin.value);
    ASSERT_LE(extent.at.value, file_bytes);
    ASSERT_LE(extent.bytes, file_bytes - extent.at.value);
    end = extent.End().value;
  }
}

void ExpectErrorOrSound(const Bytes& bytes, const std::string& format) {
  const auto image = Open(bytes);
  if (image) {
    ExpectSound(*image, format);
    return;
  }
  EXPECT_FALSE(image.error().message.empty());
  EXPECT_EQ(image.error().message.find('\n'), std::string::npos) << "one line";
  EXPECT_EQ(image.error().file, "memory");
  EXPECT_NE(image.error().kind, ErrorKind::kUsage) << image.error().OneLine();
}

class SharedSuite : public testing::TestWithParam<SuiteCase> {};
class OverlapSuite : public SharedSuite {};

std::vector<SuiteCase> CasesThatCanOverlap() {
  std::vector<SuiteCase> cases;
  std::copy_if(Cases().begin(), Cases().end(), std::back_inserter(cases),
               [](const SuiteCase& c) { return !c.overlapping.empty(); });
  return cases;
}

TEST_P(SharedSuite, GoodImageStandsWhereItWasBuilt) {
  const SuiteCase& c = GetParam();
  for (const std::size_t block : {std::size_t{0}, std::size_t{333}}) {
    const auto image = Open(c.good, block);
    ASSERT_TRUE(image) << image.error().OneLine();
    ExpectSound(*image, c.format);
    EXPECT_TRUE(image->warnings.empty());
    EXPECT_EQ(image->facts.missing_pages, 0U);
    for (const Placed& placed : c.placed) {
      const auto found = image->memory->Find(PhysAddr(placed.pa));
      ASSERT_TRUE(found) << std::hex << placed.pa;
      EXPECT_EQ(found->at.value, placed.at) << std::hex << placed.pa;
      std::byte byte{};
      ASSERT_EQ(image->memory->Read(PhysAddr(placed.pa), std::span(&byte, 1)), 1U);
      EXPECT_EQ(byte, c.byte_at(placed.pa));
    }
  }
}

TEST_P(SharedSuite, NothingAndTheMagicAloneAreErrors) {
  const SuiteCase& c = GetParam();
  EXPECT_FALSE(Open({}));
  const Bytes magic(c.good.begin(), c.good.begin() + static_cast<std::ptrdiff_t>(c.magic_bytes));
  const auto image = Open(magic);
  ASSERT_FALSE(image) << "opened as " << image->format;
  EXPECT_NE(image.error().kind, ErrorKind::kUsage);
}

TEST_P(SharedSuite, CutAtEveryHeaderByteItIsNeverAnotherFormat) {
  const SuiteCase& c = GetParam();
  std::size_t errors = 0;
  for (const Region& region : c.headers) {
    for (std::size_t n = std::max(region.begin, c.magic_bytes); n < region.end; ++n) {
      const Bytes cut(c.good.begin(), c.good.begin() + static_cast<std::ptrdiff_t>(n));
      const auto image = Open(cut);
      errors += image ? 0 : 1;
      ExpectErrorOrSound(cut, c.format);
      if (HasFatalFailure()) FAIL() << "cut at " << n;
      if (!image || image->memory == nullptr) continue;
      EXPECT_TRUE(image->facts.missing_pages != 0 || !image->warnings.empty())
          << "a cut at " << n << " goes unmentioned";
    }
  }
  EXPECT_GT(errors, 0U);
}

TEST_P(SharedSuite, EveryHeaderByteMayBeAnything) {
  const SuiteCase& c = GetParam();
  for (const Region& region : c.headers) {
    for (std::size_t at = std::max(region.begin, c.magic_bytes); at < region.end; ++at) {
      for (const unsigned change : {0x01U, 0x80U, 0xFFU}) {
        Bytes bytes = c.good;
        bytes[at] ^= static_cast<std::byte>(change);
        ExpectErrorOrSound(bytes, c.format);
        if (HasFatalFailure()) FAIL() << "byte " << at << " ^ " << change;
      }
    }
  }
}

TEST_P(OverlapSuite, OverlappingRunsAreSaid) {
  const SuiteCase& c = GetParam();
  const auto image = Open(c.overlapping);
  if (c.overlap == Overlap::kError) {
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().kind, ErrorKind::kCorrupt);
    EXPECT_TRUE(image.error().at) << "names the place";
    return;
  }
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectSound(*image, c.format);
  EXPECT_EQ(image->warnings.size(), 1U);
}

TEST_P(SharedSuite, SizesNear2To64AreHarmless) {
  const SuiteCase& c = GetParam();
  ASSERT_FALSE(c.huge.empty());
  for (const Bytes& bytes : c.huge) ExpectErrorOrSound(bytes, c.format);
}

INSTANTIATE_TEST_SUITE_P(Formats, SharedSuite, testing::ValuesIn(Cases()),
                         [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(Formats, OverlapSuite, testing::ValuesIn(CasesThatCanOverlap()),
                         [](const auto& row) { return row.param.name; });

// A format that reads memory and is not in the suite fails here. Raw has no header to break.
TEST(SharedSuiteTest, EveryFormatThatIsReadTakesPart) {
  for (const Format* format : Formats()) {
    if (format->open == nullptr || format->name == "raw") continue;
    EXPECT_TRUE(std::any_of(Cases().begin(), Cases().end(), [&](const SuiteCase& c) {
      return c.format == format->name;
    })) << format->name;
  }
}

}  // namespace
}  // namespace v2p

// Raw images: linear, by the user's ranges, by named platforms.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>
#include <set>

#include "dumpfmt/format.h"
#include "dumpfmt/platforms.h"
#include "support/corpus.h"
#include "support/memory_source.h"
#include "support/temp_file.h"
#include "support/zstd_files.h"

namespace v2p {
namespace {

std::vector<std::byte> Bytes(std::size_t n) {
  std::vector<std::byte> bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i * 11 + (i >> 9U) + 1);
  return bytes;
}

Result<Image> Open(std::size_t size, const OpenOptions& options) {
  return OpenImage(std::make_shared<test::MemorySource>(Bytes(size)), options);
}

OpenOptions WithRanges(std::vector<UserRange> ranges) {
  OpenOptions options;
  options.ranges = std::move(ranges);
  return options;
}

TEST(RawTest, OffsetIsAddressAndTheLastPageIsKeptToTheByte) {
  const auto image = Open(0x2345, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->format, "raw");
  EXPECT_EQ(image->memory->PresentBytes(), 0x2345U);
  EXPECT_EQ(image->memory->Frame(Pfn(2)).end, 0x345);
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x2344)), FileOffset(0x2344));
  EXPECT_FALSE(image->memory->Contains(PhysAddr(0x2345)));
  EXPECT_TRUE(image->facts.dtb_claims.empty());
}

TEST(RawTest, RangesPlaceTheFilesBytes) {
  const auto image = Open(0x5000, WithRanges({{PhysAddr(0x100000000), 0x2000, std::nullopt},
                                              {PhysAddr(0x1000), 0x1000, std::nullopt},
                                              {PhysAddr(0x8000), 0x800, FileOffset(0x4400)}}));
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x100001fff)), FileOffset(0x1fff));
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x1000)), FileOffset(0x2000));
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x87ff)), FileOffset(0x4bff));
  EXPECT_FALSE(image->memory->Contains(PhysAddr(0)));
  EXPECT_EQ(image->memory->PresentBytes(), 0x3800U);
  ASSERT_EQ(image->warnings.size(), 1U);
  EXPECT_NE(image->warnings[0].find("1024 bytes"), std::string::npos) << image->warnings[0];
}

TEST(RawTest, RangesBeyondTheFileAreAbsentAndCounted) {
  const auto image = Open(0x1800, WithRanges({{PhysAddr(0), 0x1000, std::nullopt},
                                              {PhysAddr(0x10000), 0x3000, std::nullopt},
                                              {PhysAddr(0x20000), 0x1000, std::nullopt}}));
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory->PresentBytes(), 0x1800U);
  EXPECT_EQ(image->facts.missing_pages, 4U);
  EXPECT_EQ(image->warnings.size(), 1U);
}

struct Ranges {
  std::vector<UserRange> list;
};
void PrintTo(const Ranges& ranges, std::ostream* out) {
  for (const UserRange& range : ranges.list) {
    *out << std::hex << range.begin.value << "+" << range.bytes;
    if (range.at) *out << "@" << range.at->value;
    *out << " ";
  }
}
class BadRangesTest : public testing::TestWithParam<Ranges> {};

TEST_P(BadRangesTest, IsAUsageError) {
  const auto image = Open(0x4000, WithRanges(GetParam().list));
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kUsage);
}

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
INSTANTIATE_TEST_SUITE_P(Rows, BadRangesTest,
                         testing::Values(Ranges{{{PhysAddr(0), 0, std::nullopt}}},
                                         Ranges{{{PhysAddr(kMax), 2, std::nullopt}}},
                                         Ranges{{{PhysAddr(0), 0x1000, FileOffset(kMax)}}},
                                         Ranges{{{PhysAddr(0), 0x1000, FileOffset(0x4000)}}},
                                         Ranges{{{PhysAddr(0), 0x2000, std::nullopt},
                                                 {PhysAddr(0x1fff), 0x1000, std::nullopt}}},
                                         Ranges{{{PhysAddr(0x1000), 0x1000, std::nullopt},
                                                 {PhysAddr(0x1000), 0x1000, std::nullopt}}}));

TEST(RawTest, RangesAndPlatformExcludeEachOther) {
  OpenOptions options = WithRanges({{PhysAddr(0), 0x1000, std::nullopt}});
  options.platform = "q35";
  const auto image = Open(0x4000, options);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kUsage);
}

TEST(RawTest, UnknownPlatformListsTheKnownOnes) {
  OpenOptions options;
  options.platform = "pc98";
  const auto image = Open(0x4000, options);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kUsage);
  EXPECT_NE(image.error().message.find("i440fx"), std::string::npos);
}

TEST(RawTest, PlatformMovesRam) {
  OpenOptions options;
  options.platform = "qemu-arm64-virt";
  const auto image = Open(0x4000, options);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x40001000)), FileOffset(0x1000));
  EXPECT_FALSE(image->memory->Contains(PhysAddr(0x1000)));
}

// Sizes at the edges of QEMU's rules, worked out by hand from pc_q35.c and pc_piix.c.
struct Layout {
  const char* platform;
  std::uint64_t ram, low, high;  // bytes below and from 4 GiB
};
void PrintTo(const Layout& row, std::ostream* out) {
  *out << row.platform << " with " << row.ram << " bytes";
}
class PlatformTest : public testing::TestWithParam<Layout> {};

TEST_P(PlatformTest, SplitsWhereTheMachineDoes) {
  const Layout& row = GetParam();
  const Platform* platform = FindPlatform(row.platform);
  ASSERT_NE(platform, nullptr);
  const auto extents = RamExtents(*platform, row.ram);
  ASSERT_EQ(extents.size(), row.high == 0 ? 1U : 2U);
  EXPECT_EQ(extents[0], (Extent{PhysAddr(0), row.low, FileOffset(0)}));
  if (row.high != 0) {
    EXPECT_EQ(extents[1], (Extent{PhysAddr(0x100000000), row.high, FileOffset(row.low)}));
  }
}

constexpr std::uint64_t kGiB = 1ULL << 30U;
INSTANTIATE_TEST_SUITE_P(Rows, PlatformTest,
                         testing::Values(Layout{"q35", 2 * kGiB, 2 * kGiB, 0},
                                         Layout{"q35", 0xB0000000 - 4096, 0xB0000000 - 4096, 0},
                                         Layout{"q35", 0xB0000000, 2 * kGiB, 0x30000000},
                                         Layout{"q35", 8 * kGiB, 2 * kGiB, 6 * kGiB},
                                         Layout{"i440fx", 3 * kGiB, 3 * kGiB, 0},
                                         Layout{"i440fx", 0xE0000000 - 4096, 0xE0000000 - 4096, 0},
                                         Layout{"i440fx", 0xE0000000, 3 * kGiB, 0x20000000},
                                         Layout{"i440fx-old", 0xE0000000, 0xE0000000, 0},
                                         Layout{"i440fx-old", 4 * kGiB, 0xE0000000, 0x20000000},
                                         Layout{"microvm", 4 * kGiB, 3 * kGiB, kGiB},
                                         Layout{"xen-hvm", 4 * kGiB, 0xF0000000, 0x10000000},
                                         Layout{"hyperv-gen2", 4 * kGiB, 0xF8000000, 0x08000000},
                                         Layout{"vmware", 3 * kGiB, 3 * kGiB, 0},
                                         Layout{"vmware", 6 * kGiB, 3 * kGiB, 3 * kGiB}));

TEST(PlatformTableTest, NamesAreUniqueAndSourced) {
  std::set<std::string_view> names;
  for (const Platform& platform : Platforms()) {
    EXPECT_TRUE(names.insert(platform.name).second) << platform.name;
    EXPECT_FALSE(platform.source.empty()) << platform.name;
    EXPECT_FALSE(platform.description.empty()) << platform.name;
  }
}

// A sparse file of `size` bytes whose name ends in `suffix`.
class SparseFile {
 public:
  SparseFile(std::uint64_t size, const std::string& suffix) : file_(Bytes(16), suffix) {
    EXPECT_EQ(truncate(Path().c_str(), static_cast<off_t>(size)), 0);
  }
  const std::string& Path() const { return file_.Path(); }

 private:
  test::TempFile file_;
};

TEST(RawTest, LargeVmemNeedsALayout) {
  const SparseFile file(4 * kGiB, ".vmem");
  const auto refused = OpenImage(file.Path(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(refused.error().file, file.Path());
  EXPECT_NE(refused.error().message.find("--platform"), std::string::npos);
  OpenOptions options;
  options.platform = "vmware";
  const auto image = OpenImage(file.Path(), options);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x100000000)), FileOffset(0xC0000000));
  const auto ranges = OpenImage(file.Path(), WithRanges({{PhysAddr(0), 4 * kGiB, std::nullopt}}));
  EXPECT_TRUE(ranges);
}

// Packing a .vmem must not make it readable as linear memory: its own name and the one that the
// advice to pack leads to.
TEST(RawTest, APackedLargeVmemNeedsALayoutToo) {
  const std::size_t frame_bytes = 64U << 20U;
  const auto zeros =
      test::CompressFrames(std::vector<std::byte>(frame_bytes), frame_bytes, "--no-check")[0];
  const auto packed = test::Concat(std::vector(3 * kGiB / frame_bytes + 1, zeros));
  const test::TempDir dir;
  for (const std::string name : {"guest.vmem.zst", "guest.seek.vmem.zst", "guest.raw.zst"}) {
    test::WriteFile(dir.Path(name), packed);
  }
  for (const std::string name : {"guest.vmem.zst", "guest.seek.vmem.zst"}) {
    const auto refused = OpenImage(dir.Path(name), {});
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(refused.error().message.find("--platform"), std::string::npos);
  }
  EXPECT_TRUE(OpenImage(dir.Path("guest.raw.zst"), {})) << "the name alone decides";
}

TEST(RawTest, VmemUpTo3GiBAndOtherNamesAreLinear) {
  EXPECT_TRUE(OpenImage(SparseFile(3 * kGiB, ".VMEM").Path(), {}));
  EXPECT_FALSE(OpenImage(SparseFile(3 * kGiB + 4096, ".VMEM").Path(), {}));
  EXPECT_TRUE(OpenImage(SparseFile(4 * kGiB, ".raw").Path(), {}));
}

TEST(RawCorpusTest, PmemsaveOfAGuest) {
  V2P_CORPUS_FILE(path, "guests/x86/x86.raw");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->format, "raw");
  EXPECT_EQ(image->memory->PresentBytes(), image->memory->Source().Size());
}

}  // namespace
}  // namespace v2p

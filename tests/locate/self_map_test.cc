// Self-map detectors on real bytes: pages of Windows 10 17763 (x64) and 19042 (ARM64), and memory
// of Linux guests, which has no such root. Pages made here are synthetic and say so.
// SPDX-License-Identifier: Apache-2.0
#include "locate/self_map.h"

#include <gtest/gtest.h>

#include <array>

#include "dumpfmt/format.h"
#include "locate/detectors.h"
#include "locate/survey.h"
#include "support/corpus.h"

namespace v2p::test {
namespace {

constexpr std::array kRootKinds = {SightingKind::kSelfMap64, SightingKind::kSelfMapLa57,
                                   SightingKind::kPaeDirectory, SightingKind::kPaePointers,
                                   SightingKind::kX86Directory};

Sightings ScanRoots(const std::string& path) {
  const auto image = OpenImage(path, {});
  if (!image) throw std::runtime_error(image.error().OneLine());
  const std::array detectors = {Detector{"64", DetectSelfMap64}, Detector{"32", DetectSelfMap32}};
  Sightings seen;
  const RamBounds ram = RamOf(*image->memory, image->facts);
  Survey(*image->memory, ram, 2).Scan(detectors, PhysAddr(0), image->memory->End(), seen);
  return seen;
}

TEST(SelfMap, RealPagesOf17763) {
  const Sightings seen = ScanRoots(V2P_TESTDATA "/windows/rewind_cng.dmp.zst");
  const auto roots = seen.Of(SightingKind::kSelfMap64);
  ASSERT_EQ(roots.size(), 2U);
  EXPECT_EQ(seen.Count(), 2U);
  EXPECT_EQ(roots[0].at, PhysAddr(0x3700000));
  EXPECT_EQ(roots[1].at, PhysAddr(0x235500000));
  EXPECT_EQ(roots[1].value, 0x0a00000235500863U);
  for (const Sighting& root : roots) {
    EXPECT_EQ(root.slot, 0x1e8);
    EXPECT_EQ(root.mode, ModeName::kX64);
  }
}

TEST(SelfMap, RealPagesOfArm64) {
  const Sightings seen = ScanRoots(V2P_TESTDATA "/windows/arm64_first_mib.dmp.zst");
  const auto roots = seen.Of(SightingKind::kSelfMap64);
  ASSERT_EQ(roots.size(), 1U);
  EXPECT_EQ(seen.Count(), 1U);
  EXPECT_EQ(roots[0].at, PhysAddr(0x800a9000));
  EXPECT_EQ(roots[0].slot, 500);
  EXPECT_EQ(roots[0].mode, ModeName::kArm64);
}

void ExpectNone(const std::string& path) {
  const Sightings seen = ScanRoots(path);
  for (const SightingKind kind : kRootKinds) {
    EXPECT_TRUE(seen.Of(kind).empty())
        << path << " " << static_cast<int>(kind) << " at " << std::hex << seen.Of(kind)[0].at.value;
  }
}

class LinuxGuests : public testing::TestWithParam<const char*> {};

TEST_P(LinuxGuests, HaveNoWindowsRoot) {
  std::string name = GetParam();
  ExpectNone(V2P_TESTDATA "/guests/" + name + ".zst");
}

INSTANTIATE_TEST_SUITE_P(SelfMap, LinuxGuests,
                         testing::Values("x64.elf", "x64pti.elf", "x86.lime", "x86pae.elf",
                                         "arm64.elf", "lime.lime", "win64.dmp", "win32pae.dmp",
                                         "x64hole.lime", "x64la57.lime"));

class LinuxCorpus : public testing::TestWithParam<const char*> {};

TEST_P(LinuxCorpus, HasNoWindowsRoot) {
  V2P_CORPUS_FILE(path, std::string("guests/") + GetParam());
  ExpectNone(path);
}

INSTANTIATE_TEST_SUITE_P(SelfMap, LinuxCorpus,
                         testing::Values("x64/x64.elf", "x64pti/x64pti.elf", "x86/x86.raw",
                                         "x86pae/x86pae.elf", "arm64/arm64.elf", "lime/lime.lime",
                                         "win64/win64.dmp", "win32pae/win32pae.dmp",
                                         "tables/x64hole.lime", "tables/x64la57.lime"));

// Synthetic pages from here on.
class Page {
 public:
  explicit Page(std::uint64_t at) : at_(at) {}
  Page& Set(std::size_t slot, std::uint64_t entry) {
    StoreLe(bytes_.data() + slot * 8, entry);
    return *this;
  }
  Page& Set32(std::size_t slot, std::uint32_t entry) {
    StoreLe(bytes_.data() + slot * 4, entry);
    return *this;
  }
  Page& Kernel() { return Set(0x1EF, 0x1234063).Set(0x1F0, 0x1235063); }

  Sightings See(Detect detect) const {
    Sightings seen;
    detect({PhysAddr(at_), bytes_}, RamBounds{0x4'0000'0000}, seen);
    return seen;
  }
  std::optional<Sighting> Root() const {
    const Sightings seen = See(DetectSelfMap64);
    if (seen.Of(SightingKind::kSelfMap64).empty()) return std::nullopt;
    return seen.Of(SightingKind::kSelfMap64)[0];
  }
  std::span<const std::byte> Bytes() const { return bytes_; }

 private:
  std::uint64_t at_;
  std::array<std::byte, kPageBytes> bytes_{};
};

TEST(SelfMapPage, AnySlotButTheFixedTwo) {
  for (unsigned slot = 0x100; slot < 0x200; ++slot) {
    const auto root = Page(0x7b5000).Kernel().Set(slot, 0x7b5063).Root();
    EXPECT_EQ(root.has_value(), slot != 0x1EF && slot != 0x1F0) << slot;
  }
  EXPECT_FALSE(Page(0x7b5000).Kernel().Set(0xFF, 0x7b5063).Root());
}

TEST(SelfMapPage, TwoSelfEntriesAreNone) {
  EXPECT_FALSE(Page(0x7b5000).Kernel().Set(0x1ED, 0x7b5063).Set(0x120, 0x7b5063).Root());
}

TEST(SelfMapPage, ALeafOfADirectMapIsNone) {
  Page leaf(0x1f3f0000);
  for (std::uint64_t i = 0; i < 512; ++i) leaf.Set(i, (0x1f200000 + i * 0x1000) | 0x163);
  EXPECT_FALSE(leaf.Root());
  EXPECT_FALSE(FindSelfEntry(leaf.Bytes(), PhysAddr(0x1f3f0000), ModeName::kX64));
}

// Seen in ReactOS: SMSS's root has its next frame in the hyperspace slot beside the self entry.
TEST(SelfMapPage, OneLinearNeighbourIsNoVeto) {
  EXPECT_TRUE(Page(0x1ed000).Kernel().Set(0x1ED, 0x1ed063).Set(0x1EE, 0x1ee063).Root());
}

TEST(SelfMapPage, AUserShadowIsNoRoot) {
  const auto shadow = Page(0x7b5000).Set(0x1F0, 0x1235063).Set(0x1ED, 0x7b5063);
  EXPECT_FALSE(shadow.Root());
  EXPECT_TRUE(FindSelfEntry(shadow.Bytes(), PhysAddr(0x7b5000), ModeName::kX64));
}

TEST(SelfMapPage, SomeSmearIsTolerated) {
  auto page = Page(0x7b5000).Kernel().Set(0x1ED, 0x7b5063);
  page.Set(0, 0x1081).Set(1, 0xffff'ffff'f000'0003 & 0xf'ffff'ffff'ffff);
  EXPECT_TRUE(page.Root());
  page.Set(2, 0x2081);
  EXPECT_FALSE(page.Root());
}

TEST(SelfMapPage, Arm64WithTheNonSecureBit) {
  const auto page = Page(0x81715000)
                        .Set(0x1EF, 0x0060000081716f03)
                        .Set(0x1F0, 0x0060000081717f03)
                        .Set(0x10C, 0x0060000081715f23);
  ASSERT_TRUE(page.Root());
  EXPECT_EQ(page.Root()->mode, ModeName::kArm64);
  EXPECT_EQ(page.See(DetectSelfMap64).Count(), 1U);
}

TEST(SelfMapPage, Pml5) {
  const auto seen = Page(0x7b5000).Set(0x1FF, 0x1234063).Set(0x181, 0x7b5063).See(DetectSelfMap64);
  ASSERT_EQ(seen.Of(SightingKind::kSelfMapLa57).size(), 1U);
  EXPECT_EQ(seen.Of(SightingKind::kSelfMapLa57)[0].mode, ModeName::kX64La57);
}

TEST(SelfMapPage, PaeTopDirectory) {
  auto page = Page(0x189000).Set(0, 0x186063).Set(1, 0x187063).Set(2, 0x188063).Set(3, 0x189063);
  EXPECT_EQ(page.See(DetectSelfMap32).Of(SightingKind::kPaeDirectory).size(), 1U);
  page.Set(2, 0x187063);
  EXPECT_EQ(page.See(DetectSelfMap32).Count(), 0U);
}

TEST(SelfMapPage, ALeafOfAPaeLinearMapIsNone) {
  Page leaf(0x603000);
  for (std::uint64_t i = 0; i < 512; ++i) leaf.Set(i, (0x600000 + i * 0x1000) | 0x63);
  EXPECT_EQ(leaf.See(DetectSelfMap32).Of(SightingKind::kPaeDirectory).size(), 0U);
}

TEST(SelfMapPage, BootTimePaePointers) {
  auto page = Page(0x185000).Set(0, 0x186001).Set(1, 0x187001).Set(2, 0x188001).Set(3, 0x189001);
  EXPECT_EQ(page.See(DetectSelfMap32).Of(SightingKind::kPaePointers).size(), 1U);
  page.Set(4, 1);
  EXPECT_EQ(page.See(DetectSelfMap32).Count(), 0U);
}

TEST(SelfMapPage, X86Directory) {
  auto page = Page(0x39000).Set32(0x300, 0x39063).Set32(0x3FF, 0x40063);
  EXPECT_EQ(page.See(DetectSelfMap32).Of(SightingKind::kX86Directory).size(), 1U);
  Page leaf(0x700000);
  for (std::uint32_t i = 0; i < 1024; ++i) leaf.Set32(i, (0x400000 + i * 0x1000) | 0x63);
  EXPECT_EQ(leaf.See(DetectSelfMap32).Of(SightingKind::kX86Directory).size(), 0U);
}

}  // namespace
}  // namespace v2p::test

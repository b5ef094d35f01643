// EPROCESS by its signature: in the bytes of real triage dumps (expected addresses: spec tables of
// the dumps, read by hand from their headers), in small synthetic pages where every condition is
// broken in turn, and nowhere in the memory of Linux guests.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>

#include "base/bytes.h"
#include "dumpfmt/format.h"
#include "locate/detectors.h"
#include "locate/survey.h"
#include "support/corpus.h"

namespace v2p::test {
namespace {

constexpr RamBounds kRam{0x1'4000'0000};

Sightings Detect(std::span<const std::byte> pages, PhysAddr at) {
  Sightings seen;
  DetectProcessObjects({at, pages}, kRam, seen);
  return seen;
}

class Page {
 public:
  Page& Put64(std::size_t at, std::uint64_t value) {
    StoreLe(bytes_.data() + at, value);
    return *this;
  }
  Page& Put32(std::size_t at, std::uint32_t value) {
    StoreLe(bytes_.data() + at, value);
    return *this;
  }
  std::size_t Seen(SightingKind kind) const {
    return Detect(bytes_, PhysAddr(0x7'9000)).Of(kind).size();
  }

 private:
  std::vector<std::byte> bytes_ = std::vector<std::byte>(0x1000);
};

// KPROCESS at 0x340 of a page that is mapped at 0xFFFFE00123456000.
Page Process64() {
  constexpr std::uint64_t kVa = 0xFFFF'E001'2345'6340;
  return Page()
      .Put64(0x340, 3)
      .Put64(0x348, kVa + 8)
      .Put64(0x350, kVa + 8)
      .Put64(0x358, kVa + 0x18)
      .Put64(0x360, kVa + 0x18)
      .Put64(0x368, 0x7B5002);
}

Page Process32() {
  constexpr std::uint32_t kVa = 0x8123'4028;
  return Page()
      .Put32(0x28, 0x001B0003)
      .Put32(0x2C, 0)
      .Put32(0x30, kVa + 8)
      .Put32(0x34, kVa + 8)
      .Put32(0x38, kVa + 0x10)
      .Put32(0x3C, kVa + 0x10)
      .Put32(0x40, 0x07A0'0020);
}

TEST(ProcessObjects, EveryConditionOf64BitCounts) {
  constexpr auto kKind = SightingKind::kProcessObject64;
  EXPECT_EQ(Process64().Seen(kKind), 1U);
  EXPECT_EQ(Process64().Put64(0x340, 0x1'00B8'0003).Seen(kKind), 1U) << "exited, size of 18362";
  EXPECT_EQ(Process64().Put64(0x350, 0xFFFF'E001'9999'0208).Seen(kKind), 1U) << "somebody waits";
  EXPECT_EQ(Process64().Put64(0x340, 6).Seen(kKind), 0U) << "a thread";
  EXPECT_EQ(Process64().Put64(0x340, 0x2'0000'0003).Seen(kKind), 0U) << "signal state";
  EXPECT_EQ(Process64().Put64(0x340, 0x0000'FF03).Seen(kKind), 0U) << "flags";
  EXPECT_EQ(Process64().Put64(0x340, 0xFF00'0003).Seen(kKind), 0U) << "flags";
  EXPECT_EQ(Process64().Put64(0x348, 0x7FF6'0000'0000).Seen(kKind), 0U) << "wait list";
  EXPECT_EQ(Process64().Put64(0x350, 0).Seen(kKind), 0U) << "wait list";
  EXPECT_EQ(Process64().Put64(0x360, 0xFFFF'E001'2345'6350).Seen(kKind), 0U) << "not empty";
  EXPECT_EQ(Process64()
                .Put64(0x358, 0xFFFF'E001'2345'6368)
                .Put64(0x360, 0xFFFF'E001'2345'6368)
                .Seen(kKind),
            0U)
      << "not its own address";
  EXPECT_EQ(Process64()
                .Put64(0x358, 0x8000'0001'2345'6358)
                .Put64(0x360, 0x8000'0001'2345'6358)
                .Seen(kKind),
            0U)
      << "not canonical";
  EXPECT_EQ(Process64().Put64(0x368, 0).Seen(kKind), 0U) << "no root";
  EXPECT_EQ(Process64().Put64(0x368, 0x2).Seen(kKind), 0U) << "no root but flags";
  EXPECT_EQ(Process64().Put64(0x368, 0x0010'0000'007B'5000).Seen(kKind), 0U) << "upper bits";
  EXPECT_EQ(Process64().Put64(0x368, 0x1'4000'0000).Seen(kKind), 0U) << "outside memory";
  EXPECT_EQ(Process64().Seen(SightingKind::kProcessObject32), 0U);
}

TEST(ProcessObjects, EveryConditionOf32BitCounts) {
  constexpr auto kKind = SightingKind::kProcessObject32;
  EXPECT_EQ(Process32().Seen(kKind), 1U);
  EXPECT_EQ(Process32().Put32(0x28, 0x001B0006).Seen(kKind), 0U) << "a thread";
  EXPECT_EQ(Process32().Put32(0x2C, 2).Seen(kKind), 0U) << "signal state";
  EXPECT_EQ(Process32().Put32(0x30, 0x7FFE'0000).Seen(kKind), 0U) << "wait list";
  EXPECT_EQ(Process32().Put32(0x34, 0).Seen(kKind), 0U) << "wait list";
  EXPECT_EQ(Process32().Put32(0x3C, 0x8123'4040).Seen(kKind), 0U) << "not empty";
  EXPECT_EQ(Process32().Put32(0x38, 0x8123'4040).Put32(0x3C, 0x8123'4040).Seen(kKind), 0U)
      << "not its own address";
  EXPECT_EQ(Process32().Put32(0x38, 0x7123'4038).Put32(0x3C, 0x7123'4038).Seen(kKind), 0U)
      << "a user's address";
  EXPECT_EQ(Process32().Put32(0x40, 0).Seen(kKind), 0U) << "no root";
  EXPECT_EQ(Process32().Put32(0x40, 0x07A0'0010).Seen(kKind), 0U) << "root not aligned";
  EXPECT_EQ(Process32().Seen(SightingKind::kProcessObject64), 0U);
}

// What an object needs may end a page; what crosses into the next is not looked at.
TEST(ProcessObjects, LiesInOnePage) {
  for (const std::size_t at : {std::size_t{0}, std::size_t{0xFD0}, std::size_t{0xFE0}}) {
    std::vector<std::byte> pages(0x2000);
    const std::uint64_t va = 0xFFFF'E001'2345'6000 + at;
    for (const auto& [field, value] : {std::pair<std::size_t, std::uint64_t>{0, 3},
                                       {8, va + 8},
                                       {0x10, va + 8},
                                       {0x18, va + 0x18},
                                       {0x20, va + 0x18},
                                       {0x28, 0x7B5000}}) {
      StoreLe(pages.data() + at + field, value);
    }
    const auto seen = Detect(pages, PhysAddr(0x10000));
    const auto objects = seen.Of(SightingKind::kProcessObject64);
    ASSERT_EQ(objects.size(), at == 0xFE0 ? 0U : 1U) << at;
    if (objects.empty()) continue;
    EXPECT_EQ(objects[0].at, PhysAddr(0x10000 + at));
    EXPECT_EQ(objects[0].value, va);
  }
}

TEST(ProcessObjects, NoneInNoise) {
  std::vector<std::byte> pages(256 * 0x1000);
  std::mt19937_64 random(3);
  for (std::size_t at = 0; at < pages.size(); at += 8) StoreLe(pages.data() + at, random());
  EXPECT_EQ(Detect(pages, PhysAddr(0)).Count(), 0U);
  for (const auto fill : {std::byte{0}, std::byte{0xFF}, std::byte{3}}) {
    std::fill(pages.begin(), pages.end(), fill);
    EXPECT_EQ(Detect(pages, PhysAddr(0)).Count(), 0U);
  }
}

struct Triage {
  const char* file;
  std::uint64_t object;
  std::uint64_t root;
};

class TriageDump : public testing::TestWithParam<Triage> {};

// The dump's copy of the System process, put where its virtual address says in a page.
TEST_P(TriageDump, HoldsTheSystemProcess) {
  constexpr std::size_t kProcessFieldAt = 0x2020;  // TRIAGE_DUMP64.ProcessOffset
  V2P_CORPUS_FILE(path, std::string("windows/triage/") + GetParam().file);
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> file(std::istreambuf_iterator<char>(in), {});
  const auto bytes = std::as_bytes(std::span(file));
  ASSERT_GT(bytes.size(), kProcessFieldAt + 4);
  const auto at = LoadLe<std::uint32_t>(bytes.data() + kProcessFieldAt);
  constexpr std::size_t kTaken = 0xA40;
  ASSERT_LT(at + kTaken, bytes.size());
  std::vector<std::byte> page(0x1000);
  const std::size_t in_page = GetParam().object & 0xFFFU;
  std::copy_n(bytes.data() + at, kTaken, page.data() + in_page);
  const auto seen = Detect(page, PhysAddr(0x1234'5000));
  const auto objects = seen.Of(SightingKind::kProcessObject64);
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_EQ(objects[0].at, PhysAddr(0x1234'5000 + in_page));
  EXPECT_EQ(objects[0].value, GetParam().object);
  EXPECT_EQ(LoadLe<std::uint64_t>(page.data() + in_page + 0x28), GetParam().root);
}

INSTANTIATE_TEST_SUITE_P(
    ProcessObjects, TriageDump,
    testing::Values(Triage{"triage_x64_19041.dmp", 0xFFFF'C08B'DCE9'4180, 0x1AD000},
                    Triage{"triage_arm64_22000.dmp", 0xFFFF'BB8E'B169'0080, 0x946AA000}));

class LinuxMemory : public testing::TestWithParam<const char*> {};

TEST_P(LinuxMemory, HoldsNone) {
  V2P_CORPUS_FILE(path, std::string("guests/") + GetParam());
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image);
  constexpr Detector kOnly[] = {{"process-objects", DetectProcessObjects}};
  Sightings seen;
  const PhysicalMemory& memory = *image->memory;
  Survey(memory, RamOf(memory, image->facts)).Scan(kOnly, PhysAddr(0), memory.End(), seen);
  EXPECT_EQ(seen.Count(), 0U);
}

INSTANTIATE_TEST_SUITE_P(ProcessObjects, LinuxMemory,
                         testing::Values("x64/x64.elf", "x64pti/x64pti.elf", "x86/x86.raw",
                                         "x86pae/x86pae.elf", "arm64/arm64.elf", "lime/lime.lime",
                                         "win64/win64.dmp", "win32pae/win32pae.dmp"));

}  // namespace
}  // namespace v2p::test

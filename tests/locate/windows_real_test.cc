// Roots of Windows in real bytes: pages of Windows 10 17763 (quarkslab/rewind), the first MiB of a
// dump of 19042 on ARM64; and none in the memory of Linux guests. Expected values: the registers of
// the first, the walkable tables of the second (testdata/README.md).
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "dumpfmt/format.h"
#include "locate/locator.h"
#include "support/corpus.h"

namespace v2p::test {
namespace {

Image Open(const std::string& path) {
  auto image = OpenImage(path, {});
  if (!image) throw std::runtime_error(image.error().OneLine());
  return std::move(*image);
}

const Candidate* Find(const Findings& findings, std::uint64_t table) {
  for (const Candidate& c : findings.candidates) {
    if (c.root.table.value == table) return &c;
  }
  return nullptr;
}

bool Passed(const Candidate& candidate, std::string_view test) {
  for (const Evidence& e : candidate.evidence) {
    if (e.test == test) return e.verdict == Verdict::kPass;
  }
  return false;
}

const Fact* FactOf(const System& system, std::string_view key) {
  for (const Fact& fact : system.facts) {
    if (fact.key == key) return &fact;
  }
  return nullptr;
}

TEST(WindowsReal, PagesOf17763WithoutAnyClaim) {
  const Image image = Open(V2P_TESTDATA "/windows/rewind_cng.dmp.zst");
  LocateOptions options;
  options.whole_image = true;
  const Findings findings = Locate(*image.memory, ImageFacts{}, options);
  ASSERT_EQ(findings.candidates.size(), 2U);
  const Candidate* kernel = Find(findings, 0x3700000);
  const Candidate* process = Find(findings, 0x235500000);
  ASSERT_TRUE(kernel != nullptr && process != nullptr);
  EXPECT_EQ(process->os, GuestOs::kWindows);
  EXPECT_NE(process->TheStanding(), Standing::kRejected);
  EXPECT_NE(kernel->TheStanding(), Standing::kRejected);
  EXPECT_EQ(kernel->cluster, process->cluster);
  for (const Candidate* c : {kernel, process}) {
    EXPECT_TRUE(Passed(*c, "self-map"));
    EXPECT_TRUE(Passed(*c, "self-map-round-trip"));
    EXPECT_TRUE(Passed(*c, "user-shared-data"));
    EXPECT_TRUE(Passed(*c, "user-shared-data-page"));
    EXPECT_EQ(c->root.mode, ModeName::kX64);
  }
  ASSERT_EQ(findings.systems.size(), 1U);
  EXPECT_EQ(findings.systems[0].version, "10.0.17763");
  const Fact* at = FactOf(findings.systems[0], "user-shared-data");
  ASSERT_NE(at, nullptr);
  EXPECT_EQ(std::get<Hex64>(at->value).value, 0x3a31000U);
  EXPECT_EQ(std::get<std::string>(FactOf(findings.systems[0], "system-root")->value),
            "C:\\Windows");
}

TEST(WindowsReal, TheHeaderOf17763NamesTheProcess) {
  const Image image = Open(V2P_TESTDATA "/windows/rewind_cng.dmp.zst");
  const auto hints = ClaimedRoots(image.facts);
  const Findings findings = WeighRoots(*image.memory, image.facts, hints, true);
  const Candidate* process = Find(findings, 0x235500000);
  ASSERT_NE(process, nullptr);
  EXPECT_TRUE(Passed(*process, "claim"));
  EXPECT_NE(process->TheStanding(), Standing::kRejected);
}

TEST(WindowsReal, FirstMiBOfArm64) {
  const Image image = Open(V2P_TESTDATA "/windows/arm64_first_mib.dmp.zst");
  LocateOptions options;
  options.whole_image = true;
  const Findings findings = Locate(*image.memory, image.facts, options);
  const Candidate* root = Find(findings, 0x800a9000);
  ASSERT_NE(root, nullptr);
  EXPECT_EQ(root->root.mode, ModeName::kArm64);
  EXPECT_TRUE(Passed(*root, "self-map"));
  EXPECT_TRUE(Passed(*root, "self-map-round-trip"));
  // The header's root lies outside the slice.
  const Candidate* claimed = Find(findings, 0x2200c0000);
  ASSERT_NE(claimed, nullptr);
  EXPECT_EQ(claimed->TheStanding(), Standing::kRejected);
  EXPECT_EQ(claimed->reason, "the root page is not in the image");
}

void ExpectNoWindows(const Image& image, const ImageFacts& facts) {
  LocateOptions options;
  options.whole_image = true;
  const Findings findings = Locate(*image.memory, facts, options);
  for (const Candidate& c : findings.candidates) {
    if (c.os != GuestOs::kWindows) continue;
    EXPECT_EQ(c.TheStanding(), Standing::kRejected) << std::hex << c.root.table.value;
  }
  for (const System& system : findings.systems) EXPECT_NE(system.os, GuestOs::kWindows);
}

class LinuxGuest : public testing::TestWithParam<const char*> {};

TEST_P(LinuxGuest, IsNoWindows) {
  const Image image = Open(std::string(V2P_TESTDATA "/guests/") + GetParam() + ".zst");
  ExpectNoWindows(image, image.facts);
  ExpectNoWindows(image, ImageFacts{});
}

INSTANTIATE_TEST_SUITE_P(WindowsReal, LinuxGuest,
                         testing::Values("x64.elf", "x64pti.elf", "x86.lime", "x86pae.elf",
                                         "arm64.elf", "lime.lime", "win64.dmp", "win32pae.dmp",
                                         "x64hole.lime", "x64la57.lime"));

class LinuxImage : public testing::TestWithParam<const char*> {};

TEST_P(LinuxImage, IsNoWindows) {
  V2P_CORPUS_FILE(path, std::string("guests/") + GetParam());
  const Image image = Open(path);
  ExpectNoWindows(image, image.facts);
  ExpectNoWindows(image, ImageFacts{});
}

INSTANTIATE_TEST_SUITE_P(WindowsReal, LinuxImage,
                         testing::Values("x64/x64.elf", "x64pti/x64pti.elf", "x86/x86.raw",
                                         "x86pae/x86pae.elf", "arm64/arm64.elf", "lime/lime.lime",
                                         "win64/win64.dmp", "win32pae/win32pae.dmp",
                                         "tables/x64hole.lime", "tables/x64la57.lime"));

}  // namespace
}  // namespace v2p::test

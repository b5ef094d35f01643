// The cases that a locator of Windows must get right, in synthetic images made by
// tests/support/windows_image.*: no byte of them comes from a real system. What is expected is what
// the builder was told to build.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "support/findings_checks.h"
#include "support/layout.h"
#include "support/windows_image.h"

namespace v2p::test {
namespace {

WindowsRecipe Usual(ModeName mode = ModeName::kX64, std::string layout = "19041") {
  WindowsRecipe recipe;
  recipe.mode = mode;
  recipe.layout = std::move(layout);
  recipe.processes = UsualProcesses();
  return recipe;
}

// That `findings` name the image's own root, and nothing else as a system.
void ExpectFound(const Findings& findings, const WindowsImage& image, ModeName mode) {
  ASSERT_EQ(findings.systems.size(), 1U);
  const Candidate& kernel = findings.systems[0].kernel;
  EXPECT_EQ(kernel.root, (Root{mode, PhysAddr(image.root), std::nullopt}));
  EXPECT_EQ(kernel.TheStanding(), Standing::kVerified);
  EXPECT_EQ(kernel.cls, RootClass::kKernel);
  EXPECT_FALSE(findings.ambiguous);
}

TEST(WindowsCase1, TwelveProcessesAndAnOrphan) {
  WindowsRecipe recipe = Usual();
  recipe.processes[9].exited = true;
  recipe.processes[7].linked = false;
  recipe.orphans = 1;
  const WindowsImage image = BuildWindows(recipe);
  const Findings findings = LocateWhole(*image.memory.Build());
  ExpectFound(findings, image, ModeName::kX64);
  EXPECT_EQ(findings.systems[0].version, "10.0.19041");
  std::set<std::uint64_t> expected = {image.root, image.orphans[0]};
  for (const BuiltProcess& process : image.processes) expected.insert(process.root);
  std::set<std::uint64_t> shown;
  for (const Candidate& c : findings.candidates) {
    shown.insert(c.root.table.value);
    EXPECT_EQ(c.cluster, findings.systems[0].kernel.cluster);
    EXPECT_EQ(c.cls, c.root.table.value == image.root ? RootClass::kKernel : RootClass::kProcess);
  }
  EXPECT_EQ(shown, expected);
}

TEST(WindowsCase2, ShadowsAreNeverChosen) {
  for (const char* const layout : {"16299", "17763", "19041", "22000"}) {
    SCOPED_TRACE(layout);
    WindowsRecipe recipe = Usual(ModeName::kX64, layout);
    recipe.shadows = true;
    recipe.pcid = true;
    const WindowsImage image = BuildWindows(recipe);
    const auto memory = image.memory.Build();
    ExpectFound(LocateWhole(*memory), image, ModeName::kX64);

    // A processor that was stopped in user mode names a shadow; its KPCR has the kernel's root.
    const BuiltProcess& process = image.processes[3];
    ImageFacts facts = FactsNaming(process.user_root | 1, "cpu0-note", ModeName::kX64);
    facts.cpus.resize(1);
    facts.cpus[0].kernel_gs_base = image.places.processor;
    const Findings weighed = WeighRoots(*memory, facts, ClaimedRoots(facts), true);
    ExpectFound(weighed, image, ModeName::kX64);
    EXPECT_EQ(weighed.systems[0].kernel.source, "processor");
    const Candidate* shadow = CandidateAt(weighed, process.user_root);
    ASSERT_NE(shadow, nullptr);
    EXPECT_EQ(shadow->cls, RootClass::kUserShadow);
    EXPECT_EQ(shadow->TheStanding(), Standing::kRejected);

    const Findings whole = LocateWhole(*memory, facts);
    ExpectFound(whole, image, ModeName::kX64);
    shadow = CandidateAt(whole, process.user_root);
    ASSERT_NE(shadow, nullptr);
    EXPECT_EQ(shadow->pair, PhysAddr(process.root));
    EXPECT_EQ(CandidateAt(whole, process.root)->pair, PhysAddr(process.user_root));
  }
}

TEST(WindowsCase4, BitsBesideTheAddress) {
  WindowsRecipe recipe = Usual();
  recipe.pcid = true;
  recipe.software = 0x0A0ULL << 52;
  const WindowsImage image = BuildWindows(recipe);
  const auto memory = image.memory.Build();
  ExpectFound(LocateWhole(*memory), image, ModeName::kX64);
  for (const std::uint64_t bits : {std::uint64_t{2}, std::uint64_t{1} << 63 | 0xFFF}) {
    const ImageFacts facts = FactsNaming(image.root | bits);
    const Findings findings = WeighRoots(*memory, facts, ClaimedRoots(facts), false);
    ExpectFound(findings, image, ModeName::kX64);
    EXPECT_EQ(findings.systems[0].kernel.source, "header");
    EXPECT_TRUE(PassedTest(findings.systems[0].kernel, "claim"));
  }
}

TEST(WindowsCase5, LowStub) {
  WindowsRecipe recipe = Usual();
  recipe.root = 0x3'0070'0000;  // where no fast path looks
  recipe.ram_end = 0x4'0000'0000;
  recipe.stub = StubKind::kRight;
  const WindowsImage right = BuildWindows(recipe);
  const Findings found = Locate(*right.memory.Build(), ImageFacts{});
  ExpectFound(found, right, ModeName::kX64);
  EXPECT_EQ(found.systems[0].kernel.source, "low-stub");
  EXPECT_TRUE(PassedTest(found.systems[0].kernel, "low-stub"));
  EXPECT_FALSE(found.whole_image);
  EXPECT_LE(found.scanned_bytes, 2U << 20U);  // of the sparse image, what is below 16 MiB

  recipe.stub = StubKind::kWrongSelfMap;
  const WindowsImage wrong = BuildWindows(recipe);
  const Findings judged = Locate(*wrong.memory.Build(), ImageFacts{});
  ExpectFound(judged, wrong, ModeName::kX64);
  EXPECT_FALSE(PassedTest(judged.systems[0].kernel, "low-stub"));
}

// A stub left over from another boot names a root that is none.
TEST(WindowsCase5, LowStubOfAnotherRoot) {
  WindowsRecipe recipe = Usual();
  recipe.stub = StubKind::kRight;
  WindowsImage image = BuildWindows(recipe);
  const std::size_t cr3 = Layout("windows_kernel").Get("stub.Cr3").at;
  image.memory.Put64(recipe.stub_at + cr3, image.processes[2].object_at & ~0xFFFULL);
  ExpectFound(LocateWhole(*image.memory.Build()), image, ModeName::kX64);
}

TEST(WindowsCase7, PaePointersAnywhere) {
  for (const char* const layout : {"2600", "7601", "19041"}) {
    WindowsRecipe recipe = Usual(ModeName::kPae, layout);
    recipe.pae = PaeForm::kScattered;
    recipe.root = 0x3f3020;
    const WindowsImage image = BuildWindows(recipe);
    const auto memory = image.memory.Build();
    SCOPED_TRACE(layout);
    ExpectFound(Locate(*memory, ImageFacts{}), image, ModeName::kPae);
    ExpectFound(LocateWhole(*memory), image, ModeName::kPae);
  }
}

TEST(WindowsCase7, DecoyWithoutPaeComesFirst) {
  for (const PaeForm form : {PaeForm::kBehindTheRoot, PaeForm::kScattered}) {
    WindowsRecipe recipe = Usual(ModeName::kPae, "7601");
    recipe.pae = form;
    WindowsImage image = BuildWindows(recipe);
    const std::uint32_t decoy = 0x39000;
    image.memory.Put32(decoy + 0xC00, decoy | 0x63);
    image.memory.Put32(decoy + 0xFFC, 0x40063);
    image.memory.Put32(decoy + 0x800, 0x41063);
    ExpectFound(LocateWhole(*image.memory.Build()), image, ModeName::kPae);
  }
}

// A header whose PaeEnabled is 'P', filled in by nobody: the mode is open.
TEST(WindowsCase8, HeaderThatDoesNotTellPae) {
  for (const ModeName mode : {ModeName::kX86, ModeName::kPae}) {
    const WindowsImage image = BuildWindows(Usual(mode, "7601"));
    ImageFacts facts = FactsNaming(image.root);
    facts.machine = Machine::kX86;
    facts.os = GuestOs::kWindows;
    const auto memory = image.memory.Build();
    ExpectFound(WeighRoots(*memory, facts, ClaimedRoots(facts), false), image, mode);
  }
}

TEST(WindowsCase9, Arm64WithTheNonSecureBitAndWithout) {
  for (const bool non_secure : {false, true}) {
    WindowsRecipe recipe = Usual(ModeName::kArm64, "22000");
    recipe.slot = 0x10C;
    recipe.root = 0x8171'5000;
    recipe.ram_begin = 0x8000'0000;
    recipe.ram_end = 0xC000'0000;
    recipe.non_secure = non_secure;
    const WindowsImage image = BuildWindows(recipe);
    const auto memory = image.memory.Build();
    ExpectFound(Locate(*memory, ImageFacts{}), image, ModeName::kArm64);
    // TTBR1 of the same page, with an ASID; and as a header has it.
    for (const std::uint64_t raw : {image.root, image.root | std::uint64_t{4} << 48 | 1}) {
      const ImageFacts facts = FactsNaming(raw);
      ExpectFound(WeighRoots(*memory, facts, ClaimedRoots(facts), false), image, ModeName::kArm64);
    }
  }
}

TEST(WindowsCase10, FiveLevels) {
  for (const StubKind stub : {StubKind::kNone, StubKind::kRight}) {
    WindowsRecipe recipe = Usual(ModeName::kX64La57, "20348");
    recipe.slot = 0x181;
    recipe.stub = stub;
    const WindowsImage image = BuildWindows(recipe);
    const auto memory = image.memory.Build();
    ExpectFound(Locate(*memory, ImageFacts{}), image, ModeName::kX64La57);
    ExpectFound(LocateWhole(*memory), image, ModeName::kX64La57);
    const ImageFacts facts = FactsNaming(image.root, "header", ModeName::kX64);
    ExpectFound(WeighRoots(*memory, facts, ClaimedRoots(facts), false), image, ModeName::kX64La57);
  }
}

TEST(WindowsCase11, RootPageMissing) {
  for (const ModeName mode :
       {ModeName::kX86, ModeName::kPae, ModeName::kX64, ModeName::kX64La57, ModeName::kArm64}) {
    for (const bool claimed : {false, true}) {
      const std::string layout = mode == ModeName::kX86   ? "7601"
                                 : mode == ModeName::kPae ? "19041"
                                                          : "22000";
      WindowsImage image = BuildWindows(Usual(mode, layout));
      image.memory.RemovePage(image.root);
      const ImageFacts facts = claimed ? FactsNaming(image.root, "header", mode) : ImageFacts{};
      const Findings findings = LocateWhole(*image.memory.Build(), facts);
      EXPECT_TRUE(findings.systems.empty()) << static_cast<int>(mode);
      const Candidate* const root = CandidateAt(findings, image.root);
      if (!claimed) continue;
      ASSERT_NE(root, nullptr);
      EXPECT_EQ(root->TheStanding(), Standing::kRejected);
    }
  }
}

}  // namespace
}  // namespace v2p::test

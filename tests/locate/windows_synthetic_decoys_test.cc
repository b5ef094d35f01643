// Things in memory that look like a root of Windows and are none, or none of this system, in
// synthetic images made by tests/support/windows_image.*: no byte of them comes from a real system.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "support/findings_checks.h"
#include "support/repeated_memory.h"
#include "support/windows_image.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kTable = 0x63;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

WindowsRecipe Usual(ModeName mode = ModeName::kX64, std::string layout = "19041") {
  WindowsRecipe recipe;
  recipe.mode = mode;
  recipe.layout = std::move(layout);
  recipe.processes = UsualProcesses();
  return recipe;
}

// However it is searched, the image has one system, and its root is the one it was built with.
void ExpectOnlyItsRoot(const SparseMemory& memory, const WindowsImage& image) {
  const auto built = memory.Build();
  for (const bool whole : {false, true}) {
    const Findings findings =
        whole ? LocateWhole(*built) : Locate(*built, ImageFacts{}, LocateOptions{});
    ASSERT_EQ(findings.systems.size(), 1U) << whole;
    EXPECT_EQ(KernelRoot(findings), image.root);
    EXPECT_EQ(findings.systems[0].kernel.TheStanding(), Standing::kVerified);
    EXPECT_FALSE(findings.ambiguous);
  }
}

struct Table {
  SparseMemory& memory;
  std::uint64_t at;
  Table& Set(std::uint64_t slot, std::uint64_t entry) {
    memory.Put64(at + 8 * slot, entry);
    return *this;
  }
};

TEST(WindowsCase6, LeafOfADirectMap) {
  WindowsImage image = BuildWindows(Usual());
  for (const std::uint64_t at : {0x3F0000ULL, 0x508000ULL}) {
    Table leaf{image.memory, at};
    const std::uint64_t first = at & ~0x1F'FFFFULL;
    for (std::uint64_t i = 0; i < 512; ++i) leaf.Set(i, (first + i * kGuestPage) | 0x163);
    for (std::uint64_t i = 0; i < 512; ++i) image.memory.AddPage(first + i * kGuestPage);
  }
  ExpectOnlyItsRoot(image.memory, image);
}

TEST(WindowsCase6, TwoSelfEntries) {
  WindowsImage image = BuildWindows(Usual());
  Table{image.memory, 0x101000}
      .Set(0x1EF, 0x102000 | kTable)
      .Set(0x1F0, 0x103000 | kTable)
      .Set(0x108, 0x101000 | kTable)
      .Set(0x1ED, 0x101000 | kTable);
  ExpectOnlyItsRoot(image.memory, image);
}

// What loaders leave behind: a self map and two tables, of its own or the kernel's.
TEST(WindowsCase6, DummyRootBelowTheRealOne) {
  for (const bool kernels : {false, true}) {
    WindowsImage image = BuildWindows(Usual());
    const auto real = [&](std::uint64_t slot) {
      return *image.memory.Get(image.root + 8 * slot, 8);
    };
    Table{image.memory, 0x101000}
        .Set(0x108, 0x101000 | kTable)
        .Set(0x1EF, kernels ? real(0x1EF) : 0x102000 | kTable)
        .Set(0x1F0, kernels ? real(0x1F0) : 0x103000 | kTable);
    image.memory.AddPage(0x102000);
    image.memory.AddPage(0x103000);
    ExpectOnlyItsRoot(image.memory, image);
  }
}

TEST(WindowsCase6, DummyDirectoryBelowTheRealOne) {
  WindowsImage image = BuildWindows(Usual(ModeName::kX86, "7601"));
  image.memory.Put32(0x39000 + 0xC00, 0x39000 | kTable);
  const auto top = *image.memory.Get(image.root + 0xFFC, 4);
  image.memory.Put32(0x39000 + 0xFFC, static_cast<std::uint32_t>(top));
  ExpectOnlyItsRoot(image.memory, image);
}

TEST(WindowsCase6, SecureKernelWithoutSharedData) {
  WindowsImage image = BuildWindows(Usual());
  WindowsRecipe secure = Usual();
  secure.root = 0x111000;
  secure.slot = 0x133;
  secure.seed = 77;
  secure.shared_data = false;
  secure.ram_begin = 0x5000'0000;
  secure.ram_end = 0x6000'0000;
  secure.kernel.name = "securekernel.exe";
  secure.kernel.symbols = "securekernel.pdb";
  secure.processes.clear();
  image.memory.Merge(BuildWindows(secure).memory);
  ExpectOnlyItsRoot(image.memory, image);
}

TEST(WindowsCase6, RecursiveSlotOfAnotherSystem) {
  WindowsImage image = BuildWindows(Usual());
  Table{image.memory, 0x101000}
      .Set(0, 0x102000 | 0x67)
      .Set(0x100, 0x101000 | kTable)
      .Set(0x1FE, 0x103000 | kTable)
      .Set(0x1FF, 0x104000 | kTable);
  for (std::uint64_t at = 0x102000; at <= 0x104000; at += kGuestPage) image.memory.AddPage(at);
  ExpectOnlyItsRoot(image.memory, image);
}

TEST(WindowsCase6, NestedGuest) {
  for (const ModeName guest_mode : {ModeName::kX64, ModeName::kPae}) {
    WindowsRecipe inside = Usual(guest_mode, guest_mode == ModeName::kX64 ? "19041" : "7601");
    inside.seed = 5;
    inside.stub = guest_mode == ModeName::kX64 ? StubKind::kRight : StubKind::kNone;
    inside.debugger_data = true;
    inside.ram_end = 0x1000'0000;
    const WindowsImage guest = BuildWindows(inside);
    WindowsImage host = BuildWindows(Usual());
    host.memory.Merge(guest.memory, kGiB);
    ExpectOnlyItsRoot(host.memory, host);
    // Without the host's own root nothing is left: the guest's is no root of this machine.
    host.memory.RemovePage(host.root);
    EXPECT_TRUE(LocateWhole(*host.memory.Build()).systems.empty());
  }
}

TEST(WindowsDecoys, CopiesOfTheRootPage) {
  WindowsImage image = BuildWindows(Usual());
  const std::vector<std::byte> copy(image.memory.PageAt(image.root),
                                    image.memory.PageAt(image.root) + kGuestPage);
  for (const std::uint64_t at : {0x101000ULL, 0x700000ULL}) image.memory.PutBytes(at, copy);
  ExpectOnlyItsRoot(image.memory, image);
}

TEST(WindowsPlaces, RootAnywhere) {
  for (const std::uint64_t root :
       {0x1ad000ULL, 0x370'0000ULL, 0xB000'0000ULL, 0x1'2345'6000ULL, 0x3F'FFFF'F000ULL}) {
    WindowsRecipe recipe = Usual();
    recipe.root = root;
    const WindowsImage image = BuildWindows(recipe);
    SCOPED_TRACE(root);
    ExpectOnlyItsRoot(image.memory, image);
  }
}

TEST(WindowsPlaces, FirstMiBIsMissing) {
  WindowsRecipe recipe = Usual();
  recipe.stub = StubKind::kRight;
  WindowsImage image = BuildWindows(recipe);
  for (const std::uint64_t page : image.memory.Pages()) {
    if (page < 0x100000) image.memory.RemovePage(page);
  }
  ExpectOnlyItsRoot(image.memory, image);
}

// What is absent contradicts nothing: the kernel and the System process are found all the same.
TEST(WindowsPlaces, SharedDataIsMissing) {
  for (const ModeName mode : {ModeName::kX86, ModeName::kPae, ModeName::kX64, ModeName::kArm64}) {
    WindowsRecipe recipe = Usual(mode, "22000");
    if (PointerBytes(mode) == 4) recipe.layout = "7601";
    WindowsImage image = BuildWindows(recipe);
    image.memory.RemovePage(image.shared_data_at);
    SCOPED_TRACE(static_cast<int>(mode));
    ExpectOnlyItsRoot(image.memory, image);
    const Findings findings = LocateWhole(*image.memory.Build());
    EXPECT_EQ(findings.systems[0].build, image.build);
  }
}

// Without the System process no root is known to be its own: one is used, with a warning.
TEST(WindowsPlaces, SystemProcessIsMissing) {
  for (const ModeName mode : {ModeName::kX86, ModeName::kPae, ModeName::kX64, ModeName::kArm64}) {
    WindowsRecipe recipe = Usual(mode, "22000");
    if (PointerBytes(mode) == 4) recipe.layout = "7601";
    WindowsImage image = BuildWindows(recipe);
    image.memory.RemovePage(image.System().object_at);
    SCOPED_TRACE(static_cast<int>(mode));
    const auto memory = image.memory.Build();
    const Findings findings = LocateWhole(*memory);
    ASSERT_EQ(findings.systems.size(), 1U);
    EXPECT_EQ(KernelRoot(findings), image.root);
    EXPECT_EQ(findings.systems[0].kernel.TheStanding(), Standing::kProbable);
    // The header's word counts.
    const Findings named = LocateWhole(*memory, FactsNaming(image.root, "header", mode));
    EXPECT_EQ(KernelRoot(named), image.root);
    EXPECT_EQ(named.systems[0].kernel.TheStanding(), Standing::kVerified);
  }
}

TEST(WindowsPlaces, ProcessesThatHideOrShareARoot) {
  WindowsRecipe recipe = Usual();
  recipe.processes[4].linked = false;
  WindowsImage first = BuildWindows(recipe);
  recipe.processes[5].exited = true;
  recipe.processes[5].own_root = false;
  recipe.processes[5].dtb = first.processes[8].root;  // recycled
  WindowsImage image = BuildWindows(recipe);
  ExpectOnlyItsRoot(image.memory, image);
  const Findings findings = LocateWhole(*image.memory.Build());
  const Candidate* hidden = CandidateAt(findings, image.processes[5].root);
  ASSERT_NE(hidden, nullptr);
  EXPECT_EQ(hidden->cls, RootClass::kProcess);
}

TEST(WindowsPlaces, KernelInOneLargePage) {
  for (const ModeName mode :
       {ModeName::kX86, ModeName::kPae, ModeName::kX64, ModeName::kX64La57, ModeName::kArm64}) {
    WindowsRecipe recipe =
        Usual(mode, mode == ModeName::kX86 || mode == ModeName::kPae ? "7601" : "22000");
    recipe.large_kernel = true;
    const WindowsImage image = BuildWindows(recipe);
    SCOPED_TRACE(static_cast<int>(mode));
    ExpectOnlyItsRoot(image.memory, image);
  }
}

TEST(WindowsPlaces, DebuggerDataInPlainText) {
  for (const ModeName mode : {ModeName::kPae, ModeName::kX64}) {
    WindowsRecipe recipe = Usual(mode, "7601");
    recipe.debugger_data = true;
    const WindowsImage image = BuildWindows(recipe);
    const Findings findings = LocateWhole(*image.memory.Build());
    ASSERT_EQ(KernelRoot(findings), image.root);
    EXPECT_TRUE(PassedTest(findings.systems[0].kernel, "debugger-data"));
    EXPECT_TRUE(PassedTest(findings.systems[0].kernel, "processor"));
  }
}

std::vector<std::byte> Pattern(unsigned kind) {
  std::vector<std::byte> bytes(1U << 20U, kind == 0 ? std::byte{0} : std::byte{0xFF});
  std::mt19937_64 random(12);
  for (std::size_t i = 0; kind == 2 && i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(random());
  return bytes;
}

TEST(WindowsCase12, ZerosOnesAndNoiseAreNothing) {
  for (const unsigned kind : {0U, 1U, 2U}) {
    const auto memory = RepeatedMemory(Pattern(kind), 96);
    const Findings findings = LocateWhole(*memory);
    EXPECT_TRUE(findings.systems.empty());
    EXPECT_TRUE(findings.candidates.empty());
    EXPECT_EQ(findings.rejected_left_out, 0U);
    EXPECT_EQ(findings.scanned_bytes, 96U << 20U);
  }
}

// Two systems that nothing tells apart: neither is chosen for the user.
TEST(WindowsTwoSystems, AreAmbiguous) {
  WindowsRecipe other = Usual(ModeName::kX64, "17763");
  other.seed = 9;
  other.root = 0x9A0000;
  other.slot = 0x1C7;
  other.ram_begin = 0x4000'0000;
  other.ram_end = 0x8000'0000;
  const WindowsImage second = BuildWindows(other);
  WindowsImage first = BuildWindows(Usual());
  first.memory.Merge(second.memory);
  const auto memory = first.memory.Build();
  for (const bool whole : {false, true}) {
    const Findings findings =
        whole ? LocateWhole(*memory) : Locate(*memory, ImageFacts{}, LocateOptions{});
    ASSERT_EQ(findings.systems.size(), 2U);
    EXPECT_TRUE(findings.ambiguous);
    std::set<std::uint64_t> roots, builds;
    for (const System& system : findings.systems) {
      roots.insert(system.kernel.root.table.value);
      builds.insert(system.build.value_or(0));
      EXPECT_EQ(system.kernel.TheStanding(), Standing::kVerified);
    }
    EXPECT_EQ(roots, (std::set<std::uint64_t>{first.root, second.root}));
    EXPECT_EQ(builds, (std::set<std::uint64_t>{17763, 19041}));
    EXPECT_NE(findings.systems[0].kernel.cluster, findings.systems[1].kernel.cluster);
  }
}

TEST(WindowsTwoSystems, OfDifferentModes) {
  WindowsRecipe other = Usual(ModeName::kPae, "7601");
  other.root = 0x185000;
  other.ram_begin = 0x4000'0000;
  other.ram_end = 0x8000'0000;
  WindowsImage first = BuildWindows(Usual());
  first.memory.Merge(BuildWindows(other).memory);
  const Findings findings = LocateWhole(*first.memory.Build());
  ASSERT_EQ(findings.systems.size(), 2U);
  EXPECT_TRUE(findings.ambiguous);
}

}  // namespace
}  // namespace v2p::test

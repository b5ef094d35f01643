// Roots of Windows in synthetic images, made by tests/support/windows_image.*: no byte of them
// comes from a real system. What is expected is what the builder was told to build.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "support/findings_checks.h"
#include "support/windows_eras.h"
#include "support/windows_image.h"

namespace v2p::test {
namespace {

WindowsRecipe RecipeOf(const Era& era) {
  WindowsRecipe recipe;
  recipe.mode = era.mode;
  recipe.layout = era.layout;
  recipe.processes = UsualProcesses();
  return recipe;
}

class WindowsEra : public testing::TestWithParam<Era> {};

TEST_P(WindowsEra, RootOfSystemIsVerified) {
  const WindowsRecipe recipe = RecipeOf(GetParam());
  const WindowsImage image = BuildWindows(recipe);
  const Findings findings = Locate(*image.memory.Build(), ImageFacts{});
  ASSERT_EQ(findings.systems.size(), 1U);
  const System& system = findings.systems[0];
  EXPECT_EQ(system.kernel.root, (Root{recipe.mode, PhysAddr(recipe.root), std::nullopt}));
  EXPECT_EQ(system.kernel.TheStanding(), Standing::kVerified);
  EXPECT_EQ(system.build, image.build);
  EXPECT_EQ(system.kernel_base, VirtAddr(image.places.kernel_base));
  EXPECT_FALSE(findings.ambiguous);
}

// What a container names is often the root of the process that ran.
TEST_P(WindowsEra, NamedRootOfAProcessLeadsToSystems) {
  const WindowsImage image = BuildWindows(RecipeOf(GetParam()));
  const std::uint64_t named = image.processes[4].root;
  const ImageFacts facts = FactsNaming(named, "header", GetParam().mode);
  const Findings findings = WeighRoots(*image.memory.Build(), facts, ClaimedRoots(facts), false);
  EXPECT_EQ(KernelRoot(findings), image.root);
  const Candidate* const process = CandidateAt(findings, named);
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(process->TheStanding(), Standing::kVerified);
  EXPECT_EQ(process->cls, RootClass::kProcess);
  EXPECT_TRUE(PassedTest(*process, "claim"));
}

TEST_P(WindowsEra, ClaimsThatAreWrongDoNotHinder) {
  WindowsRecipe recipe = RecipeOf(GetParam());
  recipe.system_user_half = true;
  const WindowsImage image = BuildWindows(recipe);
  const auto memory = image.memory.Build();
  for (const std::uint64_t wrong : {image.shared_data_at, image.root + 0x1000000}) {
    const Findings findings = Locate(*memory, FactsNaming(wrong, "header", recipe.mode));
    ASSERT_EQ(findings.systems.size(), 1U);
    EXPECT_EQ(KernelRoot(findings), image.root);
    EXPECT_EQ(findings.systems[0].kernel.TheStanding(), Standing::kVerified);
  }
}

// The headers of the kernel are lost: the System process is found by its own looks.
TEST_P(WindowsEra, KernelWithoutHeaders) {
  WindowsImage image = BuildWindows(RecipeOf(GetParam()));
  image.memory.RemovePage(image.kernel_at);
  const Findings findings = Locate(*image.memory.Build(), ImageFacts{});
  ASSERT_EQ(findings.systems.size(), 1U);
  EXPECT_EQ(KernelRoot(findings), image.root);
  EXPECT_EQ(findings.systems[0].kernel.TheStanding(), Standing::kVerified);
  EXPECT_EQ(findings.systems[0].kernel_base, std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Windows, WindowsEra, testing::ValuesIn(kEras), NameOfEra);

// However an image is stored and however many threads look, the findings are the same.
TEST(WindowsStored, InAnyWay) {
  for (const Era era : {Era{ModeName::kX64, "19041"}, Era{ModeName::kPae, "7601"}}) {
    const WindowsImage image = BuildWindows(RecipeOf(era));
    std::vector<std::pair<std::uint64_t, int>> first;
    for (const Backing backing : kAllBackings) {
      for (const unsigned threads : {1U, 5U}) {
        LocateOptions options;
        options.whole_image = true;
        options.threads = threads;
        const Findings findings = Locate(*image.memory.Build(backing), ImageFacts{}, options);
        EXPECT_EQ(KernelRoot(findings), image.root);
        std::vector<std::pair<std::uint64_t, int>> roots;
        for (const Candidate& c : findings.candidates) {
          roots.emplace_back(c.root.table.value, c.confidence);
        }
        if (first.empty()) first = roots;
        EXPECT_EQ(roots, first);
      }
    }
    EXPECT_EQ(first.size(), image.processes.size());
  }
}

}  // namespace
}  // namespace v2p::test

// Two systems of Windows in one image, both synthetic (tests/support/windows_image.*): no byte of
// them comes from a real system.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "support/findings_checks.h"
#include "support/windows_image.h"

namespace v2p::test {
namespace {

WindowsRecipe Usual(ModeName mode, std::string layout) {
  WindowsRecipe recipe;
  recipe.mode = mode;
  recipe.layout = std::move(layout);
  recipe.processes = UsualProcesses();
  return recipe;
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
  WindowsImage first = BuildWindows(Usual(ModeName::kX64, "19041"));
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
  const Findings listed = LocateProcesses(*memory);
  ASSERT_EQ(listed.systems.size(), 2U);
  for (const System& system : listed.systems) {
    const WindowsImage& image = system.kernel.root.table.value == first.root ? first : second;
    EXPECT_EQ(system.processes.size(), image.processes.size() + 1);  // and Idle
    for (const BuiltProcess& built : image.processes) {
      EXPECT_NE(FindProcess(system, built.object), nullptr) << built.recipe.name;
    }
  }
}

TEST(WindowsTwoSystems, OfDifferentModes) {
  WindowsRecipe other = Usual(ModeName::kPae, "7601");
  other.root = 0x185000;
  other.ram_begin = 0x4000'0000;
  other.ram_end = 0x8000'0000;
  WindowsImage first = BuildWindows(Usual(ModeName::kX64, "19041"));
  first.memory.Merge(BuildWindows(other).memory);
  const Findings findings = LocateWhole(*first.memory.Build());
  ASSERT_EQ(findings.systems.size(), 2U);
  EXPECT_TRUE(findings.ambiguous);
}

}  // namespace
}  // namespace v2p::test

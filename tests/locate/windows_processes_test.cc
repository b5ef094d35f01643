// Processes of Windows in synthetic images, made by tests/support/windows_image.* in every
// published layout of EPROCESS: no byte of them comes from a real system. What is expected is what
// the builder was told to build. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/findings_checks.h"
#include "support/process_checks.h"
#include "support/windows_eras.h"
#include "support/windows_image.h"

namespace v2p::test {
namespace {

Root RootOf(ModeName mode, std::uint64_t table) { return {mode, PhysAddr(table), std::nullopt}; }

void ExpectSame(const Process& process, const BuiltProcess& built, ModeName mode) {
  SCOPED_TRACE(built.recipe.name);
  EXPECT_EQ(process.pid, built.recipe.pid);
  EXPECT_EQ(process.parent_pid, built.recipe.ppid);
  EXPECT_EQ(process.name, built.recipe.name.substr(0, 15));
  EXPECT_EQ(process.object, VirtAddr(built.object));
  EXPECT_EQ(process.object_at, PhysAddr(built.object_at));
  EXPECT_EQ(process.root, RootOf(mode, built.root));
  EXPECT_EQ(process.root_state, RootState::kOk);
  EXPECT_EQ(process.create_time, built.create_time);
  if (built.user_root == 0) {
    EXPECT_EQ(process.user_root, std::nullopt);
  } else {
    EXPECT_EQ(process.user_root, RootOf(mode, built.user_root));
  }
  const Linkage linkage = built.recipe.linked   ? Linkage::kLinked
                          : built.recipe.exited ? Linkage::kExited
                                                : Linkage::kHidden;
  EXPECT_EQ(process.linkage, linkage);
}

WindowsRecipe RecipeOf(const Era& era) {
  WindowsRecipe recipe;
  recipe.mode = era.mode;
  recipe.layout = era.layout;
  recipe.processes = UsualProcesses();
  return recipe;
}

class WindowsProcesses : public testing::TestWithParam<Era> {};

// One ended and still listed, one ended and taken out, one hidden.
TEST_P(WindowsProcesses, ListAndMemoryTogether) {
  WindowsRecipe recipe = RecipeOf(GetParam());
  recipe.orphans = 2;
  recipe.processes[7].exited = true;
  recipe.processes.push_back({"gone.exe", 0x1600, 0xF10, false, true});
  recipe.processes.push_back({"rootkit.exe", 0x1700, 0x2F4, false, false});
  const WindowsImage image = BuildWindows(recipe);
  const Findings findings = ListWhole(*image.memory.Build());
  ASSERT_EQ(findings.systems.size(), 1U);
  const System& system = findings.systems[0];
  EXPECT_EQ(Notes(system), "");
  EXPECT_EQ(OffsetSources(system), "derived = table");
  ASSERT_EQ(system.processes.size(), image.processes.size() + 1);
  const auto ascending = [](const Process& a, const Process& b) { return a.pid < b.pid; };
  EXPECT_TRUE(std::is_sorted(system.processes.begin(), system.processes.end(), ascending));
  for (const BuiltProcess& built : image.processes) {
    const Process& process = ProcessAt(system, built.object);
    ExpectSame(process, built, recipe.mode);
    // No source gives ExitTime of 24H2: the builder leaves noise there.
    if (image.build >= 26100) continue;
    const auto exit =
        built.exit_time == 0 ? std::nullopt : std::optional<std::uint64_t>(built.exit_time);
    EXPECT_EQ(process.exit_time, exit) << built.recipe.name;
  }
  const Process& idle = system.processes[0];
  EXPECT_EQ(idle.pid, 0U);
  EXPECT_EQ(idle.name, "Idle");
  EXPECT_EQ(idle.object_at, PhysAddr(image.idle.object_at));
  EXPECT_EQ(idle.root, std::nullopt);
  EXPECT_EQ(idle.root_state, RootState::kShared);
  EXPECT_EQ(idle.linkage, Linkage::kUnknown);
  std::set<std::uint64_t> orphans;
  for (const OrphanRoot& orphan : system.orphans) {
    EXPECT_FALSE(orphan.user_shadow);
    orphans.insert(orphan.root.table.value);
  }
  EXPECT_EQ(orphans, std::set(image.orphans.begin(), image.orphans.end()));
}

TEST_P(WindowsProcesses, ListAlone) {
  WindowsRecipe recipe = RecipeOf(GetParam());
  recipe.processes[9].exited = true;
  recipe.processes.push_back({"rootkit.exe", 0x1700, 0x2F4, false, false});
  const WindowsImage image = BuildWindows(recipe);
  const auto memory = image.memory.Build();
  const System system = ListOnly(*memory, FactsNaming(recipe.root, "header", recipe.mode));
  EXPECT_EQ(Notes(system), "");
  EXPECT_EQ(OffsetSources(system), "derived = table");
  ASSERT_EQ(system.processes.size(), image.processes.size() - 1);
  for (const BuiltProcess& built : image.processes) {
    ASSERT_EQ(HasProcess(system, built.object), built.recipe.linked) << built.recipe.name;
    if (!built.recipe.linked) continue;
    ExpectSame(ProcessAt(system, built.object), built, recipe.mode);
  }
  EXPECT_TRUE(system.orphans.empty());
}

INSTANTIATE_TEST_SUITE_P(Windows, WindowsProcesses, testing::ValuesIn(kEras), NameOfEra);

}  // namespace
}  // namespace v2p::test

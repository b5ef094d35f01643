// States of the roots of Windows' processes and roots without a process, in synthetic images of
// tests/support/windows_image.*; what is expected is what was done to them.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "support/findings_checks.h"
#include "support/process_checks.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kUserRootAt = 0x388;  // of 19041 x64, as in testdata/layouts

WindowsRecipe Recipe(ModeName mode = ModeName::kX64) {
  WindowsRecipe recipe;
  recipe.mode = mode;
  recipe.layout = mode == ModeName::kX86 ? "7601" : mode == ModeName::kArm64 ? "22000" : "19041";
  recipe.processes = UsualProcesses();
  return recipe;
}

class ProcessRoots : public testing::TestWithParam<ModeName> {};

TEST_P(ProcessRoots, HaveStates) {
  WindowsRecipe recipe = Recipe(GetParam());
  recipe.processes[0].own_root = false;  // on the kernel's
  recipe.processes[2].exited = true;     // and its root is overwritten
  recipe.processes[4].exited = true;     // and its root is another's now
  recipe.processes[6].exited = true;     // and its root is as it was
  recipe.processes.push_back({"fresh.exe", 0x2000, 0xF10});
  WindowsImage image = BuildWindows(recipe);
  const auto built = [&](std::size_t i) -> BuiltProcess& { return image.processes[i + 1]; };
  KernelEditor editor(image, recipe.mode);
  const std::uint64_t dtb_at = PointerBytes(recipe.mode) == 8 ? 0x28 : 0x18;
  editor.PutPointer(built(4).object + dtb_at, built(11).root);
  const std::uint64_t smeared = 0x5A5A'5A5A'5A5A'5A5A;
  for (const std::size_t i : {std::size_t{2}, std::size_t{3}}) {
    const std::uint64_t bytes = recipe.mode == ModeName::kPae ? 0x20 : 0x1000;
    for (std::uint64_t at = 0; at < bytes; at += 8) image.memory.Put64(built(i).root + at, smeared);
  }
  const bool pae = recipe.mode == ModeName::kPae;  // many roots share a page
  image.memory.RemovePage(pae ? image.memory.Get(built(5).root + 0x18, 8).value() & ~0xFFFULL
                              : built(5).root);

  const Findings findings = ListWhole(*image.memory.Build());
  ASSERT_EQ(findings.systems.size(), 1U);
  const System& system = findings.systems[0];
  const auto found = [&](std::size_t i) { return ProcessAt(system, built(i).object); };
  EXPECT_EQ(ProcessAt(system, image.System().object).root_state, RootState::kOk);
  EXPECT_EQ(found(0).root_state, RootState::kShared);
  EXPECT_EQ(found(0).root, std::nullopt);
  EXPECT_EQ(found(1).root_state, RootState::kOk);
  EXPECT_EQ(found(2).root_state, RootState::kFreed);
  EXPECT_EQ(found(3).root_state, RootState::kInvalid);
  EXPECT_EQ(found(4).root_state, RootState::kRecycled);
  EXPECT_EQ(found(4).root->table, PhysAddr(built(11).root));
  EXPECT_EQ(found(5).root_state, RootState::kNotInImage);
  EXPECT_EQ(found(6).root_state, RootState::kOk);
  EXPECT_EQ(found(11).root_state, RootState::kOk);
}

std::string NameOfMode(const testing::TestParamInfo<ModeName>& mode) {
  constexpr const char* kModes[] = {"x86", "pae", "x64", "la57", "arm64"};
  return kModes[static_cast<std::size_t>(mode.param)];
}

INSTANTIATE_TEST_SUITE_P(Windows, ProcessRoots,
                         testing::Values(ModeName::kX86, ModeName::kPae, ModeName::kX64,
                                         ModeName::kX64La57, ModeName::kArm64),
                         NameOfMode);

TEST(ProcessShadows, BelongToTheirProcesses) {
  WindowsRecipe recipe = Recipe();
  recipe.shadows = recipe.pcid = true;
  recipe.software = 0x0A00'0000'0000'0000;
  WindowsImage image = BuildWindows(recipe);
  // The object of one process no longer names its shadow, that of another names a page of noise.
  KernelEditor editor(image, recipe.mode);
  editor.Put64(image.processes[3].object + kUserRootAt, 0);
  editor.Put64(image.processes[4].object + kUserRootAt, image.shared_data_at);
  const Findings findings = ListWhole(*image.memory.Build());
  ASSERT_EQ(findings.systems.size(), 1U);
  const System& system = findings.systems[0];
  EXPECT_EQ(OffsetSources(system), "derived = table");
  for (std::size_t i = 0; i < image.processes.size(); ++i) {
    const BuiltProcess& built = image.processes[i];
    const Process& process = ProcessAt(system, built.object);
    ASSERT_TRUE(process.root.has_value());
    EXPECT_EQ(process.root->table, PhysAddr(built.root));
    EXPECT_EQ(process.root_state, RootState::kOk);
    if (i == 0 || i == 3 || i == 4) {
      EXPECT_EQ(process.user_root, std::nullopt) << i;
    } else {
      ASSERT_TRUE(process.user_root.has_value()) << i;
      EXPECT_EQ(process.user_root->table, PhysAddr(built.user_root));
    }
  }
  ASSERT_EQ(system.orphans.size(), 2U);
  std::set<std::uint64_t> orphans;
  for (const OrphanRoot& orphan : system.orphans) {
    EXPECT_TRUE(orphan.user_shadow);
    orphans.insert(orphan.root.table.value);
  }
  EXPECT_EQ(orphans, (std::set{image.processes[3].user_root, image.processes[4].user_root}));
}

}  // namespace
}  // namespace v2p::test

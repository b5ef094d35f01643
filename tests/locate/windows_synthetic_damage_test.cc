// Windows in synthetic images (tests/support/windows_image.*) some pages of which are lost or hold
// random bytes, as live acquisitions leave them. The right root or none: never another one.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "support/findings_checks.h"
#include "support/windows_image.h"

namespace v2p::test {
namespace {

struct Machine {
  ModeName mode;
  const char* layout;
};

enum class Damage { kAbsent, kRandom };

// Every page with the same chance, in thousandths.
void Harm(SparseMemory& memory, Damage damage, unsigned chance, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const std::uint64_t page : memory.Pages()) {
    if (random() % 1000 >= chance) continue;
    if (damage == Damage::kAbsent) {
      memory.RemovePage(page);
    } else {
      for (std::uint64_t at = 0; at < kGuestPage; at += 8) memory.Put64(page + at, random());
    }
  }
}

class WindowsDamage : public testing::TestWithParam<std::tuple<Machine, Damage>> {
 protected:
  static constexpr unsigned kImages = 16;

  // Searches images with so much damage; returns how many end with System's root. A root that
  // counts as verified is System's; one that is used with a warning has its kernel half.
  unsigned Right(unsigned chance) {
    const auto& [machine, damage] = GetParam();
    unsigned right = 0;
    for (unsigned seed = 1; seed <= kImages; ++seed) {
      SCOPED_TRACE(seed);
      WindowsRecipe recipe;
      recipe.mode = machine.mode;
      recipe.layout = machine.layout;
      recipe.processes = UsualProcesses();
      recipe.seed = seed;
      WindowsImage image = BuildWindows(recipe);
      Harm(image.memory, damage, chance, seed);
      const Findings findings = LocateWhole(*image.memory.Build());
      EXPECT_LE(findings.systems.size(), 1U);
      if (!findings.systems.empty()) ExpectNotWrong(findings.systems[0].kernel, image);
      right += KernelRoot(findings) == image.root ? 1 : 0;
    }
    return right;
  }

 private:
  static void ExpectNotWrong(const Candidate& kernel, const WindowsImage& image) {
    EXPECT_EQ(kernel.root.mode, std::get<0>(GetParam()).mode);
    const std::uint64_t root = kernel.root.table.value;
    EXPECT_TRUE(kernel.TheStanding() != Standing::kVerified || root == image.root);
    const bool own = std::any_of(image.processes.begin(), image.processes.end(),
                                 [&](const BuiltProcess& process) { return process.root == root; });
    EXPECT_TRUE(own) << std::hex << root;
  }
};

TEST_P(WindowsDamage, OnePageInAHundred) { EXPECT_GE(Right(10), kImages * 3 / 4); }
TEST_P(WindowsDamage, OnePageInTwenty) { EXPECT_GE(Right(50), kImages / 2); }
TEST_P(WindowsDamage, OnePageInFive) { EXPECT_GE(Right(200), 1U); }

constexpr Machine kMachines[] = {{ModeName::kX86, "7601"},      {ModeName::kPae, "19041"},
                                 {ModeName::kX64, "7601"},      {ModeName::kX64, "19041"},
                                 {ModeName::kX64La57, "20348"}, {ModeName::kArm64, "22000"}};

INSTANTIATE_TEST_SUITE_P(Windows, WindowsDamage,
                         testing::Combine(testing::ValuesIn(kMachines),
                                          testing::Values(Damage::kAbsent, Damage::kRandom)));

}  // namespace
}  // namespace v2p::test

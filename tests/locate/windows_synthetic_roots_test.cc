// Roots of Windows in synthetic images, made by tests/support/windows_image.*: no byte of them
// comes from a real system. What is expected is what the builder was told to build.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "locate/locator.h"
#include "support/windows_eras.h"
#include "support/windows_image.h"

namespace v2p::test {
namespace {

class WindowsEra : public testing::TestWithParam<Era> {};

TEST_P(WindowsEra, RootOfSystemIsVerified) {
  WindowsRecipe recipe;
  recipe.mode = GetParam().mode;
  recipe.layout = GetParam().layout;
  recipe.processes = UsualProcesses();
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

INSTANTIATE_TEST_SUITE_P(Windows, WindowsEra, testing::ValuesIn(kEras), NameOfEra);

}  // namespace
}  // namespace v2p::test

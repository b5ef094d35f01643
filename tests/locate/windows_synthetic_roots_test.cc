// Roots of Windows in synthetic images, made by tests/support/windows_image.*: no byte of them
// comes from a real system. What is expected is what the builder was told to build.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "locate/locator.h"
#include "support/windows_image.h"

namespace v2p::test {
namespace {

struct Era {
  ModeName mode;
  const char* layout;
};

constexpr Era kEras[] = {
    {ModeName::kX86, "2600"},      {ModeName::kX86, "3790sp0"}, {ModeName::kX86, "3790"},
    {ModeName::kX86, "6000"},      {ModeName::kX86, "7601"},    {ModeName::kPae, "2600"},
    {ModeName::kPae, "3790"},      {ModeName::kPae, "6000"},    {ModeName::kPae, "7601"},
    {ModeName::kPae, "9200"},      {ModeName::kPae, "9600"},    {ModeName::kPae, "10240"},
    {ModeName::kPae, "10586"},     {ModeName::kPae, "14393"},   {ModeName::kPae, "15063"},
    {ModeName::kPae, "16299"},     {ModeName::kPae, "17134"},   {ModeName::kPae, "17763"},
    {ModeName::kPae, "18362"},     {ModeName::kPae, "19041"},   {ModeName::kX64, "3790"},
    {ModeName::kX64, "6000"},      {ModeName::kX64, "7601"},    {ModeName::kX64, "9200"},
    {ModeName::kX64, "9600"},      {ModeName::kX64, "10240"},   {ModeName::kX64, "10586"},
    {ModeName::kX64, "14393"},     {ModeName::kX64, "15063"},   {ModeName::kX64, "16299"},
    {ModeName::kX64, "17134"},     {ModeName::kX64, "17763"},   {ModeName::kX64, "18362"},
    {ModeName::kX64, "19041"},     {ModeName::kX64, "20348"},   {ModeName::kX64, "22000"},
    {ModeName::kX64, "22621"},     {ModeName::kX64, "26100"},   {ModeName::kX64La57, "20348"},
    {ModeName::kX64La57, "26100"}, {ModeName::kArm64, "22000"},
};

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

std::string NameOf(const testing::TestParamInfo<Era>& era) {
  constexpr const char* kModes[] = {"x86", "pae", "x64", "la57", "arm64"};
  return std::string(kModes[static_cast<std::size_t>(era.param.mode)]) + "_" + era.param.layout;
}

INSTANTIATE_TEST_SUITE_P(Windows, WindowsEra, testing::ValuesIn(kEras), NameOf);

}  // namespace
}  // namespace v2p::test

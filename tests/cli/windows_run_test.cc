// The tool on synthetic images of Windows (tests/support/windows_image.*, no real bytes): processes
// by name and PID, two systems in one image. What is expected is what the builder was told.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "support/tool_run.h"
#include "support/windows_image.h"
#include "support/zstd_files.h"

namespace v2p::test {
namespace {

class WindowsRun : public testing::Test {
 protected:
  static WindowsRecipe Recipe() {
    WindowsRecipe recipe;
    recipe.ram_end = 0x4000000;  // 64 MiB: the file is sparse, and read in a blink
    recipe.processes = UsualProcesses();
    recipe.processes.push_back({"twin.exe", 5000, 4});
    recipe.processes.push_back({"twin.exe", 5004, 4});
    recipe.processes.push_back({"evil.exe", 6000, 4, /*linked=*/false});
    return recipe;
  }

  std::string Write(const WindowsImage& image) const {
    const std::string path = folder_.Path("image.raw");
    WriteRaw(image.memory, path);
    return path;
  }

  static const BuiltProcess& Named(const WindowsImage& image, const std::string& name) {
    for (const BuiltProcess& process : image.processes) {
      if (process.recipe.name == name) return process;
    }
    throw std::runtime_error("no such process");
  }

  TempDir folder_;
};

TEST_F(WindowsRun, PsListsLinkedAndHiddenProcesses) {
  const WindowsImage image = BuildWindows(Recipe());
  const std::string path = Write(image);
  const Outcome run = RunTool("ps --json --dump " + path);
  ASSERT_EQ(run.status, 0) << run.out;
  const auto document = nlohmann::json::parse(run.out);
  const auto& processes = document.at("systems").at(0).at("processes");
  std::size_t matched = 0;
  for (const auto& process : processes) {
    for (const BuiltProcess& built : image.processes) {
      if (process.at("object") != fmt::format("0x{:016x}", built.object)) continue;
      ++matched;
      EXPECT_EQ(process.at("pid"), built.recipe.pid);
      EXPECT_EQ(process.at("dtb"), fmt::format("0x{:016x}", built.root));
      EXPECT_EQ(process.at("linkage"), built.recipe.linked   ? "linked"
                                       : built.recipe.exited ? "exited"
                                                             : "hidden");
    }
  }
  EXPECT_EQ(matched, image.processes.size());
}

TEST_F(WindowsRun, AProcessIsNamedByPidOrName) {
  const WindowsImage image = BuildWindows(Recipe());
  const std::string path = Write(image);
  const BuiltProcess& evil = Named(image, "evil.exe");
  for (const char* by : {"--pid 6000", "--process EVIL.EXE"}) {
    const Outcome run = RunTool(fmt::format("-q --json {} --dump {} fffff78000000014", by, path));
    ASSERT_EQ(run.status, 0) << run.out;
    const auto document = nlohmann::json::parse(run.out);
    EXPECT_EQ(document.at("dtb"), fmt::format("0x{:016x}", evil.root));
    EXPECT_EQ(document.at("dtb_source"), "process");
    const auto& record = document.at("translations").at(0);
    EXPECT_EQ(record.at("pa"), fmt::format("0x{:016x}", image.shared_data_at + 0x14));
  }
}

TEST_F(WindowsRun, SeveralOfANameAreAnError) {
  const std::string path = Write(BuildWindows(Recipe()));
  const Outcome run = RunTool(fmt::format("--process twin.exe --dump {} 0", path));
  EXPECT_EQ(run.status, 3);
  EXPECT_NE(run.out.find("2 processes have the name twin.exe; choose with --pid: 5000 5004"),
            std::string::npos)
      << run.out;
}

TEST_F(WindowsRun, TwoSystemsAreNotGuessedAmong) {
  WindowsRecipe second = Recipe();
  second.ram_begin = 0x6000000;
  second.ram_end = 0x8000000;
  second.root = 0x6FF0000;
  second.slot = 0x133;
  second.seed = 2;
  WindowsImage image = BuildWindows(Recipe());
  const std::uint64_t first_root = image.root;
  image.memory.Merge(BuildWindows(second).memory);
  const std::string path = Write(image);
  const Outcome run = RunTool(fmt::format("--os 3 --dump {} fffff78000000014", path));
  EXPECT_EQ(run.status, 3);
  EXPECT_NE(run.out.find("--os 3: the image holds 1: "), std::string::npos) << run.out;
  std::size_t found = 0;
  for (const char* os : {"1", "2"}) {
    const Outcome one =
        RunTool(fmt::format("-q --json --os {} --dump {} fffff78000000014", os, path));
    ASSERT_EQ(one.status, 0) << one.out;
    const std::string dtb = nlohmann::json::parse(one.out).at("dtb");
    for (const std::uint64_t root : {first_root, second.root}) {
      if (dtb == fmt::format("0x{:016x}", root)) found |= root == first_root ? 1U : 2U;
    }
  }
  EXPECT_EQ(found, 3U);
  const Outcome ps = RunTool("dtb --all --dump " + path);
  EXPECT_EQ(ps.status, 0);
  EXPECT_NE(ps.out.find("more than one system: choose with --os"), std::string::npos) << ps.out;
}

}  // namespace
}  // namespace v2p::test

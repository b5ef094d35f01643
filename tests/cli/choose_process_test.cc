// Which process --pid and --process mean, and when its root is refused.
// SPDX-License-Identifier: Apache-2.0
#include "cli/choose_process.h"

#include <gtest/gtest.h>

namespace v2p::cli {
namespace {

Process Named(std::uint64_t pid, const char* name) {
  Process process;
  process.pid = pid;
  process.name = name;
  process.root = Root{ModeName::kX64, PhysAddr(0x1000 * pid), std::nullopt};
  process.linkage = Linkage::kLinked;
  return process;
}

System Desktop() {
  System system;
  system.os = GuestOs::kWindows;
  system.kernel.root = Root{ModeName::kX64, PhysAddr(0x1AD000), std::nullopt};
  system.kernel.confidence = 97;
  system.processes = {Named(4, "System"), Named(812, "chrome.exe"), Named(900, "evil.exe"),
                      Named(1204, "chrome.exe"), Named(1300, "averylongnamed.")};
  return system;
}

Args ByPid(std::uint64_t pid) {
  Args args;
  args.pid = pid;
  return args;
}

Args ByName(const char* name) {
  Args args;
  args.process = name;
  return args;
}

TEST(ChooseProcess, ByPid) {
  const auto process = ChooseProcess(ByPid(900), Desktop());
  ASSERT_TRUE(process);
  EXPECT_EQ(process->name, "evil.exe");
}

TEST(ChooseProcess, ByNameWithoutCaseAndAsFarAsKernelsKeepIt) {
  EXPECT_EQ(ChooseProcess(ByName("EVIL.exe"), Desktop())->pid, 900U);
  EXPECT_EQ(ChooseProcess(ByName("averylongnamed.exe"), Desktop())->pid, 1300U);
  EXPECT_FALSE(ChooseProcess(ByName("evil"), Desktop()));
}

TEST(ChooseProcess, SeveralAreAnErrorWithTheirPids) {
  const auto process = ChooseProcess(ByName("chrome.exe"), Desktop());
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().kind, ErrorKind::kNoRoot);
  EXPECT_NE(process.error().message.find("choose with --pid: 812 1204"), std::string::npos);
}

TEST(ChooseProcess, TheOneThatRunsIsMeant) {
  System system = Desktop();
  system.processes[1].linkage = Linkage::kExited;
  EXPECT_EQ(ChooseProcess(ByName("chrome.exe"), system)->pid, 1204U);
}

TEST(ChooseProcess, NoneIsAnError) {
  const auto process = ChooseProcess(ByPid(5), Desktop());
  ASSERT_FALSE(process);
  EXPECT_NE(process.error().message.find("no process is PID 5"), std::string::npos);
}

TEST(ChooseProcess, NamesOfTheImageAreMadeSafe) {
  System system = Desktop();
  system.processes = {Named(1, "a\x1b[2J"), Named(1, "b")};
  const auto process = ChooseProcess(ByPid(1), system);
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().message.find('\x1b'), std::string::npos);
}

TEST(RootOfProcess, IsItsOwnRoot) {
  const System system = Desktop();
  const auto root = RootOfProcess(system.processes[2], system);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->value, 900U * 0x1000);
  EXPECT_EQ(root->dtb_source, "process");
  EXPECT_EQ(root->confidence, 97);
}

TEST(RootOfProcess, WithoutOneItIsTheKernels) {
  const System system = Desktop();
  Process process = system.processes[0];
  process.root.reset();
  process.root_state = RootState::kShared;
  EXPECT_EQ(RootOfProcess(process, system)->value, 0x1AD000U);
}

TEST(RootOfProcess, BothHalvesOfArm64) {
  const System system = Desktop();
  Process process = system.processes[2];
  process.root = Root{ModeName::kArm64, PhysAddr(0x43233000), PhysAddr(0x41858000)};
  const auto root = RootOfProcess(process, system);
  EXPECT_EQ(root->ttbr1, 0x41858000U);
  EXPECT_EQ(root->ttbr1_source, "process");
  EXPECT_EQ(root->mode, ModeName::kArm64);
}

TEST(RootOfProcess, AFreedOrRecycledOneIsRefused) {
  const System system = Desktop();
  Process process = system.processes[2];
  for (const auto& [state, why] :
       {std::pair(RootState::kFreed, "freed"), std::pair(RootState::kRecycled, "another process"),
        std::pair(RootState::kNotInImage, "not in the image"),
        std::pair(RootState::kInvalid, "no root of this system")}) {
    process.root_state = state;
    const auto root = RootOfProcess(process, system);
    ASSERT_FALSE(root);
    EXPECT_NE(root.error().message.find(why), std::string::npos) << root.error().message;
  }
}

}  // namespace
}  // namespace v2p::cli

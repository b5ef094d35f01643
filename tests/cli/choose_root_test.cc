// Which root and mode are taken, from claims and requests, and what is said when none can be.
// SPDX-License-Identifier: Apache-2.0
#include "cli/choose_root.h"

#include <gtest/gtest.h>

namespace v2p::cli {
namespace {

DtbClaim HeaderClaim(std::uint64_t value, std::optional<ModeName> mode) {
  DtbClaim claim;
  claim.value = value;
  claim.source = "header";
  claim.mode = mode;
  claim.mode_source = "header";
  return claim;
}

// Two CPUs, the second in kernel mode, whose claims stand in the order of the CPUs.
ImageFacts TwoCpus() {
  ImageFacts facts;
  facts.machine = Machine::kX64;
  facts.cpus.resize(2);
  facts.cpus[0].privilege = Privilege::kUser;
  facts.cpus[1].privilege = Privilege::kKernel;
  for (unsigned cpu = 0; cpu < 2; ++cpu) {
    DtbClaim claim;
    claim.value = 0x1000 * (cpu + 1);
    claim.source = "cpu" + std::to_string(cpu) + "-note";
    claim.mode = ModeName::kX64La57;
    claim.mode_source = "cpu-note";
    claim.cpu = cpu;
    facts.dtb_claims.push_back(claim);
  }
  return facts;
}

TEST(ChooseRoot, TheHeaderComesFirst) {
  ImageFacts facts = TwoCpus();
  facts.dtb_claims.push_back(HeaderClaim(0x9000, ModeName::kX64));
  const auto root = ChooseRoot(facts, {});
  ASSERT_TRUE(root);
  EXPECT_EQ(root->value, 0x9000U);
  EXPECT_EQ(root->dtb_source, "header");
  EXPECT_EQ(root->mode_source, "header");
}

TEST(ChooseRoot, ThenTheFirstCpuInKernelMode) {
  const auto root = ChooseRoot(TwoCpus(), {});
  ASSERT_TRUE(root);
  EXPECT_EQ(root->value, 0x2000U);
  EXPECT_EQ(root->dtb_source, "cpu1-note");
  EXPECT_EQ(root->mode, ModeName::kX64La57);
  EXPECT_EQ(root->mode_source, "cpu-note");
}

TEST(ChooseRoot, ThenCpuZeroBeforeWhatElseIsClaimed) {
  ImageFacts facts = TwoCpus();
  facts.cpus[1].privilege = Privilege::kUser;
  DtbClaim other = HeaderClaim(0x7000, ModeName::kX64);
  other.source = "vmcoreinfo";
  facts.dtb_claims.insert(facts.dtb_claims.begin(), other);
  EXPECT_EQ(ChooseRoot(facts, {})->dtb_source, "cpu0-note");
  facts.dtb_claims.resize(1);
  EXPECT_EQ(ChooseRoot(facts, {})->dtb_source, "vmcoreinfo");
}

TEST(ChooseRoot, TheUserMayNameACpu) {
  RootRequest request;
  request.cpu = 0;
  EXPECT_EQ(ChooseRoot(TwoCpus(), request)->dtb_source, "cpu0-note");
  request.cpu = 2;
  const auto missing = ChooseRoot(TwoCpus(), request);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNoRoot);
}

TEST(ChooseRoot, AUserRootTakesTheClaimsModeAndIsMasked) {
  ImageFacts facts;
  facts.machine = Machine::kX64;
  facts.dtb_claims.push_back(HeaderClaim(0x1ad000, ModeName::kX64));
  RootRequest request;
  request.dtb = 0x80000000005d7002;
  const auto root = ChooseRoot(facts, request);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->dtb_source, "user");
  EXPECT_EQ(root->mode_source, "header");
  EXPECT_EQ(root->Masked(), 0x5D7000U);
  ASSERT_EQ(root->notes.size(), 1U);
  EXPECT_NE(root->notes[0].find("0x5d7000"), std::string::npos) << root->notes[0];
}

TEST(ChooseRoot, PaeKeepsTheThirtyTwoByteRoot) {
  RootRequest request;
  request.dtb = 0x0a680320;
  request.mode = ModeName::kPae;
  const auto root = ChooseRoot({}, request);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->Masked(), 0x0A680320U);
  EXPECT_EQ(root->mode_source, "user");
  EXPECT_TRUE(root->notes.empty());
}

TEST(ChooseRoot, AnAssumedModeIsSaid) {
  ImageFacts facts;
  facts.dtb_claims.push_back(HeaderClaim(0x1ad000, ModeName::kX64));
  facts.dtb_claims[0].mode_assumed = true;
  const auto root = ChooseRoot(facts, {});
  ASSERT_TRUE(root);
  EXPECT_TRUE(root->mode_assumed);
  ASSERT_EQ(root->notes.size(), 1U);
  EXPECT_NE(root->notes[0].find("assumed"), std::string::npos);
  RootRequest said;
  said.mode = ModeName::kX64;
  EXPECT_FALSE(ChooseRoot(facts, said)->mode_assumed);
}

TEST(ChooseRoot, UnknownPaeAsksForTheMode) {
  ImageFacts facts;
  facts.machine = Machine::kX86;
  facts.dtb_claims.push_back(HeaderClaim(0x185000, std::nullopt));
  const auto none = ChooseRoot(facts, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kNoMode);
  EXPECT_NE(none.error().message.find("--mode"), std::string::npos);
  RootRequest request;
  request.mode = ModeName::kX86;
  EXPECT_TRUE(ChooseRoot(facts, request));
}

TEST(ChooseRoot, NoClaimAsksForTheRootThenForTheMode) {
  const auto none = ChooseRoot({}, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kNoRoot);
  EXPECT_NE(none.error().message.find("--dtb"), std::string::npos);
  RootRequest request;
  request.dtb = 0x1000;
  const auto no_mode = ChooseRoot({}, request);
  ASSERT_FALSE(no_mode);
  EXPECT_EQ(no_mode.error().kind, ErrorKind::kNoMode);
}

TEST(ChooseRoot, ASeparateUpperRootIsForArm64) {
  RootRequest request;
  request.dtb = 0x1000;
  request.ttbr1 = 0x2000;
  request.mode = ModeName::kX64;
  const auto bad = ChooseRoot({}, request);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::kUsage);
  request.mode = ModeName::kArm64;
  EXPECT_EQ(ChooseRoot({}, request)->ttbr1, 0x2000U);
}

TEST(ChooseRoot, ARootWiderThanTheModeIsNotCut) {
  RootRequest request;
  request.dtb = 0x7700001000;
  for (const ModeName mode : {ModeName::kX86, ModeName::kPae}) {
    request.mode = mode;
    const auto root = ChooseRoot({}, request);
    ASSERT_FALSE(root);
    EXPECT_EQ(root.error().kind, ErrorKind::kUsage);
  }
  request.mode = ModeName::kX64;
  EXPECT_TRUE(ChooseRoot({}, request));
  request.dtb = 0x0010000000001000;  // bit 52 is neither address nor flag
  EXPECT_FALSE(ChooseRoot({}, request));
}

TEST(ChooseRoot, AClaimWiderThanItsModeIsNoRoot) {
  ImageFacts facts;
  facts.dtb_claims.push_back(HeaderClaim(0x100001000, ModeName::kPae));
  const auto root = ChooseRoot(facts, {});
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().kind, ErrorKind::kNoRoot);
}

TEST(ChooseRoot, FlagsBesideTheAddressAreDropped) {
  RootRequest request;
  request.mode = ModeName::kX64;
  request.dtb = 0x80000000001ad002;  // no-flush bit and PCID
  EXPECT_EQ(ChooseRoot({}, request)->Masked(), 0x1ad000U);
  request.mode = ModeName::kArm64;
  request.dtb = 0x0004000041858001;  // ASID and CnP
  EXPECT_EQ(ChooseRoot({}, request)->Masked(), 0x41858000U);
}

}  // namespace
}  // namespace v2p::cli

// ELF cores of real guests against what QEMU's monitor said of their CPUs, and hostile real files.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "dumpfmt/format.h"
#include "support/corpus.h"

namespace v2p {
namespace {

using nlohmann::json;

json Registers(const std::string& guest) {
  std::ifstream in(test::CorpusFile("guests/" + guest + "/regs.json"));
  return json::parse(in);
}

// Memory blocks of the monitor, in address order, plus the ROM below 4 GiB where there is one.
void ExpectBlocks(const Image& image, const json& registers) {
  for (const auto& block : registers["blocks"]) {
    const PhysAddr begin(block[0].get<std::uint64_t>());
    const PhysAddr last = begin + (block[1].get<std::uint64_t>() - 1);
    EXPECT_TRUE(image.memory->Contains(begin)) << std::hex << begin.value;
    EXPECT_TRUE(image.memory->Contains(last)) << std::hex << last.value;
    EXPECT_FALSE(image.memory->Contains(last + 1)) << std::hex << last.value + 1;
  }
}

void ExpectCpus(const Image& image, const json& registers, ModeName mode) {
  const auto& cpus = registers["vcpus"];
  ASSERT_EQ(image.facts.cpus.size(), cpus.size());
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    const CpuFacts& cpu = image.facts.cpus[i];
    EXPECT_EQ(cpu.cr0, cpus[i]["cr0"].get<std::uint64_t>());
    EXPECT_EQ(cpu.cr3, cpus[i]["cr3"].get<std::uint64_t>());
    EXPECT_EQ(cpu.cr4, cpus[i]["cr4"].get<std::uint64_t>());
    EXPECT_EQ(cpu.ip, cpus[i][cpus[i].contains("rip") ? "rip" : "eip"].get<std::uint64_t>());
    EXPECT_EQ(cpu.privilege, cpus[i]["cpl"] == 0 ? Privilege::kKernel : Privilege::kUser);
    EXPECT_EQ(cpu.mode, mode);
    EXPECT_TRUE(cpu.kernel_gs_base) << "QEMU 7.2 records it";
  }
}

std::optional<std::uint64_t> KernelRootOf(const Image& image) {
  for (const Fact& fact : image.facts.details) {
    if (fact.key == "kernel-root") return std::get<Hex64>(fact.value).value;
  }
  return std::nullopt;
}

class GuestTest : public testing::TestWithParam<std::pair<std::string, ModeName>> {};

TEST_P(GuestTest, CpusAndBlocksAreTheMonitors) {
  const std::string guest = GetParam().first;
  V2P_CORPUS_FILE(path, "guests/" + guest + "/" + guest + ".elf");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  const json registers = Registers(guest);
  ExpectBlocks(*image, registers);
  ExpectCpus(*image, registers, GetParam().second);
  EXPECT_TRUE(image->warnings.empty());
  EXPECT_EQ(image->facts.os, GuestOs::kLinux);
  EXPECT_TRUE(image->memory->Contains(PhysAddr(0xffffffff))) << "ROM";
  ASSERT_GE(image->facts.dtb_claims.size(), image->facts.cpus.size());
  bool user_seen = false;
  for (std::size_t i = 0; i < image->facts.cpus.size(); ++i) {
    const DtbClaim& claim = image->facts.dtb_claims[i];
    const CpuFacts& cpu = image->facts.cpus.at(claim.cpu.value());
    EXPECT_EQ(claim.value, cpu.cr3);
    EXPECT_FALSE(user_seen && cpu.privilege == Privilege::kKernel) << "kernel mode comes first";
    user_seen = user_seen || cpu.privilege == Privilege::kUser;
  }
}

INSTANTIATE_TEST_SUITE_P(Guests, GuestTest,
                         testing::Values(std::pair{"x64", ModeName::kX64},
                                         std::pair{"x64pti", ModeName::kX64},
                                         std::pair{"x86pae", ModeName::kPae}),
                         [](const auto& row) { return std::string(row.param.first); });

// Linux copies the kernel's half of its root into every process: VMCOREINFO's root and a CR3 in
// kernel mode must agree there.
TEST(ElfCorpusTest, KernelRootFromVmcoreinfoSharesItsUpperHalfWithCr3) {
  V2P_CORPUS_FILE(path, "guests/x64pti/x64pti.elf");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  const auto root = KernelRootOf(*image);
  ASSERT_TRUE(root);
  std::array<std::byte, 2048> kernel{};
  std::array<std::byte, 2048> process{};
  const std::uint64_t cr3 = image->facts.dtb_claims.at(0).value & ~std::uint64_t{0xfff};
  ASSERT_EQ(image->memory->Read(PhysAddr(*root + 2048), kernel), kernel.size());
  ASSERT_EQ(image->memory->Read(PhysAddr(cr3 + 2048), process), process.size());
  EXPECT_EQ(kernel, process);
  EXPECT_NE(kernel, (std::array<std::byte, 2048>{}));
}

TEST(ElfCorpusTest, Arm64HasNoClaimsAndItsKernelRootIsTtbr1) {
  V2P_CORPUS_FILE(path, "guests/arm64/arm64.elf");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  const json registers = Registers("arm64");
  ExpectBlocks(*image, registers);
  EXPECT_EQ(image->facts.machine, Machine::kArm64);
  EXPECT_EQ(image->facts.os, GuestOs::kLinux);
  EXPECT_TRUE(image->facts.dtb_claims.empty());
  const std::uint64_t ttbr1 = registers["vcpus"][0]["TTBR1_EL1"].get<std::uint64_t>();
  EXPECT_EQ(KernelRootOf(*image), ttbr1 & 0xffffffff'f000ULL) << "bits 63:48 are the ASID";
}

TEST(ElfCorpusTest, KcoreCopiesAreRefused) {
  for (const char* name :
       {"elfcore/dumpit-linux_rhel7_kcore", "elfcore/dumpit-linux_ubuntu22.04-arm64_kcore"}) {
    V2P_CORPUS_FILE(path, name);
    const auto image = OpenImage(path, {});
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(image.error().message.find("kcore"), std::string::npos);
  }
}

TEST(ElfCorpusTest, Opens131070Segments) {
  V2P_CORPUS_FILE(path, "elfcore/pn_xnum_131070_segments.core");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_TRUE(image->warnings.empty());
  EXPECT_EQ(image->memory->PresentBytes(), 131070 * 0x1000ULL);
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x1fffd000)), FileOffset(0x2040));
}

}  // namespace
}  // namespace v2p

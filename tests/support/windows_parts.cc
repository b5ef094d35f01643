// Pages of Windows for synthetic images.
// SPDX-License-Identifier: Apache-2.0
#include "support/windows_parts.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "support/layout.h"

namespace v2p::test {
namespace {

const Layout& Table() {
  static const Layout layout("windows_kernel");
  return layout;
}

const char* Suffix(ModeName mode) { return PointerBytes(mode) == 4 ? "32" : "64"; }

// KSYSTEM_TIME: low, high, high again.
void PutTime(Blob& bytes, const std::string& field, std::uint64_t time) {
  const std::size_t at = Table().Get("kuser." + field).at;
  PutLe(bytes, at, 8, time);
  PutLe(bytes, at + 8, 4, time >> 32);
}

}  // namespace

NtVersion VersionOf(unsigned build) {
  if (build >= 10240) return {10, 0};
  if (build >= 9600) return {6, 3};
  if (build >= 9200) return {6, 2};
  if (build >= 7600) return {6, 1};
  if (build >= 6000) return {6, 0};
  return {5, build >= 3790 ? 2U : 1U};
}

Blob SharedDataPage(ModeName mode, unsigned build, std::uint32_t physical_pages) {
  Blob page(0x1000);
  PutTime(page, "InterruptTime", kLastTime - kBootTime);
  PutTime(page, "SystemTime", kLastTime);
  constexpr std::string_view kRoot = "C:\\Windows";
  for (std::size_t i = 0; i < kRoot.size(); ++i) {
    page[Table().Get("kuser.NtSystemRoot").at + 2 * i] = static_cast<std::byte>(kRoot[i]);
  }
  const auto put = [&](const char* field, std::uint64_t value) {
    Table().Put(page, 0, std::string("kuser.") + field, value);
  };
  const NtVersion version = VersionOf(build);
  if (version.major >= 10) put("NtBuildNumber", 0xF000'0000 | build);
  put("NtProductType", 1);
  put("ProductTypeIsValid", 1);
  const bool is_x64 = mode == ModeName::kX64 || mode == ModeName::kX64La57;
  put("NativeProcessorArchitecture", mode == ModeName::kArm64 ? 12 : is_x64 ? 9 : 0);
  put("NtMajorVersion", version.major);
  put("NtMinorVersion", version.minor);
  put("NumberOfPhysicalPages", physical_pages);
  if (version.major >= 6) put("ActiveProcessorCount", 1);
  return page;
}

Blob ProcessorRegion(ModeName mode, unsigned build, std::uint64_t va, std::uint64_t root) {
  const std::string kpcr = std::string("kpcr") + Suffix(mode) + ".";
  const std::size_t prcb = Table().Get(kpcr + "Prcb").at;
  Blob bytes(0x1000);
  Table().Put(bytes, 0, kpcr + "Self", va);
  Table().Put(bytes, 0, kpcr + "CurrentPrcb", va + prcb);
  if (PointerBytes(mode) == 8) {
    const std::string kprcb = build >= 10240 ? "kprcb64.10240." : "kprcb64.3790.";
    Table().Put(bytes, 0, kpcr + "IdtBase", va - 0x2000);
    Table().Put(bytes, prcb, kprcb + "Cr3", root);
  }
  return bytes;
}

std::uint64_t KernelRootFromProcessor(unsigned build) {
  if (build < 16299 || build > 22631) return 0;
  const char* const from = build < 18362 ? "16299" : "19041";
  return Table().Get(std::string("kernel_root.x64.") + from + ".KernelDirectoryTableBase").at;
}

Blob StartBlockPage(const StartBlock& block) {
  Blob page(0x1000);
  const auto put = [&](const char* field, std::uint64_t value) {
    Table().Put(page, 0, std::string("stub.") + field, value);
  };
  put("Jmp", 0x0006'4DE9);
  put("CompletionFlag", 1);
  put("Gdt32Limit", 0x3F);
  put("Gdt32Base", block.at + 0x18);
  put("Code64", 0x0020'9B00'0000'0000);
  put("Data32", 0x00CF'9300'0000'FFFF);
  put("Code32", 0x00CF'9B00'0000'FFFF);
  put("TiledCr3", 0x0014'0000);
  put("LmTarget", block.target);
  put("SelfMap", block.self_map);
  put("MsrPat", 0x0007'0106'0007'0106);
  put("MsrEfer", 0xD01);
  put("Cr0", 0x8005'0033);
  put("Cr3", block.root);
  put("Cr4", block.five_levels ? 0x16F8 : 0x6F8);
  put("LStar", block.target + 0x800);
  return page;
}

Blob EnvironmentBlock(ModeName mode, unsigned build) {
  const std::string peb = std::string("peb") + Suffix(mode) + ".";
  Blob page(0x1000);
  const NtVersion version = VersionOf(build);
  Table().Put(page, 0, peb + "ImageBaseAddress", 0x0040'0000);
  Table().Put(page, 0, peb + "OSMajorVersion", version.major);
  Table().Put(page, 0, peb + "OSMinorVersion", version.minor);
  Table().Put(page, 0, peb + "OSBuildNumber", build);
  return page;
}

Blob DebuggerBlock(ModeName mode, const DebuggerData& data) {
  Blob bytes(Table().SizeOf("kdbg"));
  // 32-bit kernels sign-extend the pointers.
  const std::uint64_t high = PointerBytes(mode) == 4 ? 0xFFFF'FFFF'0000'0000 : 0;
  const auto put = [&](const char* field, std::uint64_t value) {
    Table().Put(bytes, 0, std::string("kdbg.") + field, value);
  };
  put("Flink", data.at | high);
  put("Blink", data.at | high);
  put("OwnerTag", 0x4742'444B);
  put("Size", bytes.size());
  put("KernBase", data.kernel_base | high);
  put("PsActiveProcessHead", data.process_head | high);
  put("MmPageSize", 0x1000);
  put("SizeEProcess", data.process_bytes);
  put("OffsetEprocessPeb", data.peb);
  put("OffsetEprocessParentCID", data.parent);
  put("OffsetEprocessDirectoryTableBase", PointerBytes(mode) == 4 ? 0x18 : 0x28);
  return bytes;
}

}  // namespace v2p::test

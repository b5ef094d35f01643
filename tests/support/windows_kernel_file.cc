// A small ntoskrnl.exe as it lies in memory: Microsoft PE and COFF Specification.
// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string_view>

#include "support/layout.h"
#include "support/windows_parts.h"

namespace v2p::test {
namespace {

constexpr std::size_t kSignatureAt = 0xF8;
constexpr std::size_t kExportsAt = KernelFile::kExportsAt;
constexpr std::size_t kDebugAt = 0x2000;
constexpr std::size_t kRsdsAt = 0x2080;

// Sorted, as the specification asks; with where each lies.
constexpr std::array<std::pair<std::string_view, std::uint64_t>, 6> kExports = {{
    {"KeBugCheckEx", 0x3000},
    {"NtBuildNumber", 0x4010},
    {"PsGetCurrentProcess", 0x3100},
    {"PsInitialSystemProcess", 0x4020},
    {"PsLoadedModuleList", 0x4060},
    {"ZwClose", 0x3200},
}};

const Layout& Table() {
  static const Layout layout("windows_kernel");
  return layout;
}

std::uint64_t MachineOf(ModeName mode) {
  if (mode == ModeName::kArm64) return 0xAA64;
  return PointerBytes(mode) == 4 ? 0x14C : 0x8664;
}

void PutHeaders(const KernelFileOptions& options, Blob& bytes) {
  const std::string pe = PointerBytes(options.mode) == 4 ? "pe32" : "pe64";
  const auto put = [&](const char* field, std::uint64_t value) {
    Table().Put(bytes, kSignatureAt, pe + "." + field, value);
  };
  Table().Put(bytes, 0, "dos.Magic", 0x5A4D);
  Table().Put(bytes, 0, "dos.NewHeader", kSignatureAt);
  put("Signature", 0x4550);
  put("Machine", MachineOf(options.mode));
  put("NumberOfSections", 3);
  put("SizeOfOptionalHeader", Table().SizeOf(pe) - 0x18);
  put("Magic", PointerBytes(options.mode) == 4 ? 0x10B : 0x20B);
  put("SizeOfImage", KernelFile::kBytes);
  put("NumberOfRvaAndSizes", 16);
  if (options.exports) put("ExportDirectory", kExportsAt);
  if (options.exports) put("ExportDirectorySize", 0x400);
  put("DebugDirectory", kDebugAt);
  put("DebugDirectorySize", Table().SizeOf("debug"));
  std::size_t at = kSignatureAt + Table().SizeOf(pe);
  for (const std::string_view name :
       {std::string_view(".text"), std::string_view(options.section), std::string_view(".data")}) {
    PutText(bytes, at, name);
    Table().Put(bytes, at, "section.VirtualSize", 0x1000);
    Table().Put(bytes, at, "section.VirtualAddress", 0x3000);
    at += Table().SizeOf("section");
  }
}

void PutExports(const std::string& name, KernelFile& file) {
  Blob& bytes = file.bytes;
  constexpr std::size_t kFunctions = kExportsAt + 0x40, kNames = kExportsAt + 0x80,
                        kOrdinals = kExportsAt + 0xC0;
  std::size_t text = kExportsAt + 0x100;
  const auto put = [&](const char* field, std::uint64_t value) {
    Table().Put(bytes, kExportsAt, std::string("export.") + field, value);
  };
  put("Name", text);
  put("OrdinalBase", 1);
  put("NumberOfFunctions", kExports.size());
  put("NumberOfNames", kExports.size());
  put("Functions", kFunctions);
  put("Names", kNames);
  put("Ordinals", kOrdinals);
  PutText(bytes, text, name);
  text += name.size() + 1;
  for (std::size_t i = 0; i < kExports.size(); ++i) {
    const std::size_t function = kExports.size() - 1 - i;  // so that ordinals matter
    PutLe(bytes, kFunctions + 4 * function, 4, kExports[i].second);
    PutLe(bytes, kNames + 4 * i, 4, text);
    PutLe(bytes, kOrdinals + 2 * i, 2, function);
    PutText(bytes, text, kExports[i].first);
    text += kExports[i].first.size() + 1;
    file.exports[std::string(kExports[i].first)] = kExports[i].second;
  }
}

void PutSymbolsName(const std::string& name, Blob& bytes) {
  Table().Put(bytes, kDebugAt, "debug.Type", 2);
  Table().Put(bytes, kDebugAt, "debug.SizeOfData", 0x18 + name.size() + 1);
  Table().Put(bytes, kDebugAt, "debug.AddressOfRawData", kRsdsAt);
  Table().Put(bytes, kRsdsAt, "rsds.Signature", 0x5344'5352);
  const std::size_t guid = kRsdsAt + Table().Get("rsds.Guid").at;
  for (unsigned i = 0; i < 16; ++i) PutLe(bytes, guid + i, 1, 0x10 + i);
  Table().Put(bytes, kRsdsAt, "rsds.Age", 1);
  PutText(bytes, kRsdsAt + Table().Get("rsds.Name").at, name);
}

}  // namespace

KernelFile MakeKernelFile(const KernelFileOptions& options) {
  KernelFile file;
  file.bytes.resize(KernelFile::kBytes);
  PutHeaders(options, file.bytes);
  if (options.exports) PutExports(options.name, file);
  PutSymbolsName(options.symbols, file.bytes);
  PutLe(file.bytes, 0x4010, 4, 0xF000'0000 | options.build);
  return file;
}

}  // namespace v2p::test

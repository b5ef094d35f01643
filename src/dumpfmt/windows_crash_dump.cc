// Windows kernel crash dumps (PAGEDUMP, PAGEDU64): every type that Windows and WinDbg write.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "dumpfmt/formats.h"
#include "dumpfmt/windows_facts.h"
#include "dumpfmt/windows_header.h"
#include "dumpfmt/windows_pages.h"
#include "dumpfmt/windows_triage.h"

namespace v2p {
namespace {

using windows::PageLayout;
using windows::PageMap;
using windows::WindowsHeader;

std::string_view MachineWord(Machine machine) {
  switch (machine) {
    case Machine::kX86:
      return "x86";
    case Machine::kX64:
      return "x64";
    case Machine::kArm64:
      return "ARM64";
    default:
      return "unknown machine";
  }
}

std::string Title(const WindowsHeader& header, const PageMap& pages) {
  const std::string_view machine = MachineWord(header.machine);
  if (!header.dump_type) {
    return fmt::format("Windows crash dump, {} (type not set), {}", LayoutWords(pages.layout),
                       machine);
  }
  const bool as_declared = LayoutOf(header) == pages.layout;
  return fmt::format(
      "Windows crash dump, {} ({}type {}), {}",
      as_declared ? windows::TypeWords(*header.dump_type) : windows::LayoutWords(pages.layout),
      as_declared ? "" : "header says ", *header.dump_type, machine);
}

std::string NoMemoryLine(std::uint32_t type) {
  const std::string_view take = "take a kernel, active or complete memory dump instead";
  if (type == windows::kTypeTriage) {
    return fmt::format(
        "a triage dump (type 4, small memory dump) holds blocks of virtual memory "
        "and no page of physical memory; {}",
        take);
  }
  return fmt::format("a header-only dump (type 3) holds no page of physical memory; {}", take);
}

void AddPages(std::shared_ptr<const ByteSource> source, PageMap pages, Image& image) {
  ImageFacts& facts = image.facts;
  std::move(pages.details.begin(), pages.details.end(), std::back_inserter(facts.details));
  std::move(pages.warnings.begin(), pages.warnings.end(), std::back_inserter(image.warnings));
  facts.details.push_back({"first-page-offset", Hex64{pages.first_page}});
  facts.details.push_back({"stored-pages", pages.stored});
  facts.missing_pages = pages.promised - pages.stored;
  if (facts.missing_pages != 0) {
    image.warnings.push_back(
        fmt::format("the file is truncated: {} of {} pages lie past its end and are absent",
                    facts.missing_pages, pages.promised));
  }
  image.memory = std::make_shared<const PhysicalMemory>(std::move(source), std::move(pages.index));
}

void AddClaims(const WindowsHeader& header, Image& image) {
  image.facts.machine = header.machine;
  image.facts.os = GuestOs::kWindows;
  image.facts.windows = {header.debugger_data, header.loaded_modules, header.active_processes,
                         header.pfn_database, header.minor_version};
  image.facts.details = windows::HeaderFacts(header);
  if (auto claim = windows::HeaderClaim(header)) {
    image.facts.dtb_claims.push_back(std::move(*claim));
  } else {
    image.warnings.push_back("the header claims no DirectoryTableBase");
  }
}

Result<Image> OpenCrashDump(std::shared_ptr<const ByteSource> source, const OpenOptions&) {
  const auto header = windows::ReadWindowsHeader(*source);
  if (!header) return tl::unexpected<Error>(header.error());
  if (header->IsEncrypted()) {
    return Fail(ErrorKind::kUnsupported,
                "the dump is encrypted: decrypt it with KernelDumpDecrypt.exe (Debugging Tools for "
                "Windows)",
                header->raw.At(header->layout->attributes));
  }
  auto pages = windows::MapPages(source, *header);
  if (!pages) return tl::unexpected<Error>(std::move(pages).error());
  Image image;
  image.format = "windows-crash-dump";
  image.title = Title(*header, *pages);
  AddClaims(*header, image);
  if (!header->dump_type) {
    image.warnings.push_back(fmt::format("the header's dump type is not set; read as a {} dump",
                                         LayoutWords(pages->layout)));
  }
  if (pages->layout != PageLayout::kNone) {
    AddPages(std::move(source), std::move(*pages), image);
    return image;
  }
  image.no_memory = NoMemoryLine(*header->dump_type);
  if (header->dump_type == windows::kTypeTriage) {
    auto triage = windows::TriageFacts(*source, *header, image.warnings);
    std::move(triage.begin(), triage.end(), std::back_inserter(image.facts.details));
  }
  return image;
}

}  // namespace

const Format kWindowsCrashDumpFormat = {
    "windows-crash-dump",
    "Windows kernel crash dump (MEMORY.DMP)",
    [](const ProbeView& probe) { return windows::IsCrashDump(probe.head); },
    OpenCrashDump,
    {}};

}  // namespace v2p

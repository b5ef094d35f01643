// ELF cores of whole machines: QEMU, VirtualBox, Linux vmcore and makedumpfile -E.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/vmcoreinfo.h"
#include "dumpfmt/elf_core_extents.h"
#include "dumpfmt/elf_core_headers.h"
#include "dumpfmt/elf_core_notes.h"
#include "dumpfmt/formats.h"

namespace v2p {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMagic =
    "\x7F"
    "ELF"sv;

Machine MachineOf(const ElfHeader& header) {
  switch (header.machine) {
    case kElfMachine386:
      return Machine::kX86;
    case kElfMachineX64:
      return Machine::kX64;
    case kElfMachineArm64:
      return Machine::kArm64;
    default:
      return Machine::kUnknown;
  }
}

std::string_view MachineText(const ElfHeader& header) {
  switch (MachineOf(header)) {
    case Machine::kX86:
      return "x86";
    case Machine::kX64:
      return "x64";
    case Machine::kArm64:
      return "ARM64";
    case Machine::kUnknown:
      break;
  }
  return "unknown machine";
}

// libelf of Xen's tools, tools/libs/guest: pages in a section instead of segments.
Status RefuseXen(const ByteSource& source, const ElfHeader& header) {
  const auto xen = HasElfSection(source, header, ".xen_pages");
  if (!xen) return tl::unexpected<Error>(xen.error());
  if (!*xen) return {};
  return Fail(ErrorKind::kUnsupported,
              "Xen core (xl dump-core): not read by this version; acquire inside the guest, for "
              "example with LiME, AVML or WinPmem");
}

// Cores of processes and copies of /proc/kcore have segments, but not of physical memory.
Status RefuseVirtual(const ElfHeader& header, const ElfSegments& segments, const ElfNotes& notes) {
  const std::uint64_t unknown = header.is64 ? ~std::uint64_t{0} : 0xFFFFFFFF;
  const auto& loads = segments.loads;
  const auto is_unknown = [&](const ElfSegment& s) { return s.paddr == unknown; };
  if (std::any_of(loads.begin(), loads.end(), is_unknown)) {
    return Fail(ErrorKind::kUnsupported,
                "copy of /proc/kcore: segments without a physical address; acquire with LiME or "
                "AVML instead");
  }
  const bool zero =
      std::all_of(loads.begin(), loads.end(), [](const ElfSegment& s) { return s.paddr == 0; });
  const bool machine =
      notes.from_qemu || notes.from_virtualbox || notes.vmcoreinfo || !notes.windows_header.empty();
  if (zero && !machine && (loads.size() > 1 || notes.user_process)) {
    return Fail(ErrorKind::kUnsupported,
                "ELF core of a process (no segment has a physical address): take an image of the "
                "machine's memory");
  }
  return {};
}

void ClaimCpus(const std::vector<CpuFacts>& cpus, bool kernel, ImageFacts& facts) {
  for (unsigned i = 0; i < cpus.size(); ++i) {
    const CpuFacts& cpu = cpus[i];
    if (!cpu.mode || (cpu.privilege == Privilege::kKernel) != kernel) continue;
    DtbClaim claim;
    claim.value = *cpu.cr3;
    claim.source = fmt::format("cpu{}-note", i);
    claim.mode = cpu.mode;
    claim.mode_source = "cpu-note";
    claim.cpu = i;
    facts.dtb_claims.push_back(std::move(claim));
  }
}

// The Linux kernel's own root. On ARM64 it is TTBR1, half of what a walk needs: shown, not claimed.
void ClaimLinuxRoot(const Vmcoreinfo& info, ImageFacts& facts) {
  const auto root = KernelRoot(info, facts.machine);
  if (!root) return;
  facts.details.push_back({"kernel-root", Hex64{*root}});
  if (facts.machine != Machine::kX64) return;
  DtbClaim claim;
  claim.value = *root;
  claim.source = "vmcoreinfo";
  claim.mode = info.five_levels.value_or(0) != 0 ? ModeName::kX64La57 : ModeName::kX64;
  claim.mode_source = "header";
  claim.mode_assumed = !info.five_levels;
  facts.dtb_claims.push_back(std::move(claim));
}

void ClaimWindowsRoot(const ElfNotes& notes, ImageFacts& facts) {
  facts.os = GuestOs::kWindows;
  facts.details.push_back({"vmcoreinfo-header", notes.windows_header});
  if (!notes.windows_root) return;
  facts.details.push_back({"vmcoreinfo-dtb", Hex64{*notes.windows_root}});
  DtbClaim claim;
  claim.value = *notes.windows_root;
  claim.source = "vmcoreinfo";
  if (notes.windows_header == "PAGEDU64" && facts.machine == Machine::kX64) {
    claim.mode = ModeName::kX64;
    claim.mode_source = "header";
    claim.mode_assumed = true;
  }
  facts.dtb_claims.push_back(std::move(claim));
}

// Who wrote the file, where a note tells; empty otherwise.
std::string_view Producer(const ElfNotes& notes) {
  if (notes.from_qemu) return "QEMU";
  return notes.from_virtualbox ? "VirtualBox" : "";
}

std::string Title(const ElfHeader& header, const ElfNotes& notes, std::size_t segments) {
  const std::string_view producer = Producer(notes);
  return fmt::format("ELF core{}, {}, {} segment{}",
                     producer.empty() ? "" : fmt::format(" ({})", producer), MachineText(header),
                     segments, segments == 1 ? "" : "s");
}

ImageFacts MakeFacts(const ElfHeader& header, const ElfSegments& segments, const ElfNotes& notes,
                     const ElfExtents& extents) {
  ImageFacts facts;
  facts.machine = MachineOf(header);
  facts.cpus = notes.cpus;
  facts.missing_pages = PagesIn(extents.missing_bytes);
  facts.details.push_back({"elf-class", std::uint64_t{header.is64 ? 64U : 32U}});
  facts.details.push_back({"elf-machine", std::uint64_t{header.machine}});
  if (const auto producer = Producer(notes); !producer.empty()) {
    facts.details.push_back({"producer", std::string(producer)});
  }
  facts.details.push_back({"segments", std::uint64_t{segments.loads.size()}});
  facts.details.push_back({"conflicting-segments", extents.conflicts});
  facts.details.push_back({"bytes-not-stored", extents.not_stored_bytes});
  facts.details.push_back({"register-sets", notes.register_sets});
  ClaimCpus(notes.cpus, true, facts);
  ClaimCpus(notes.cpus, false, facts);
  if (notes.vmcoreinfo) {
    const Vmcoreinfo info = ParseVmcoreinfo(*notes.vmcoreinfo);
    if (info.release) facts.os = GuestOs::kLinux;
    facts.vmcoreinfo = *notes.vmcoreinfo;
    for (Fact& fact : Facts(info)) facts.details.push_back(std::move(fact));
    ClaimLinuxRoot(info, facts);
  }
  if (!notes.windows_header.empty()) ClaimWindowsRoot(notes, facts);
  return facts;
}

void WarnOfExtents(const ElfExtents& extents, Image& image) {
  if (extents.conflicts != 0) {
    image.warnings.push_back(
        fmt::format("{} segments overlap earlier ones that store other bytes; "
                    "the first in the file's order is used",
                    extents.conflicts));
  }
  if (image.facts.missing_pages != 0) {
    image.warnings.push_back(fmt::format("{} pages that the segments promise are not in the file",
                                         image.facts.missing_pages));
  }
}

Result<Image> OpenElfCore(std::shared_ptr<const ByteSource> source, const OpenOptions&) {
  const auto header = ReadElfHeader(*source);
  if (!header) return tl::unexpected<Error>(header.error());
  if (auto xen = RefuseXen(*source, *header); !xen) return tl::unexpected<Error>(xen.error());
  if (header->type != kElfTypeCore) {
    return Fail(ErrorKind::kUnsupported,
                fmt::format("ELF file of type {}, not a core: take a memory image", header->type));
  }
  const auto segments = ReadElfSegments(*source, *header);
  if (!segments) return tl::unexpected<Error>(segments.error());
  if (segments->loads.empty()) return Fail(ErrorKind::kCorrupt, "ELF core without a LOAD segment");
  auto notes = ReadElfNotes(*source, *header, segments->notes);
  if (!notes) return tl::unexpected<Error>(notes.error());
  if (auto virtual_memory = RefuseVirtual(*header, *segments, *notes); !virtual_memory) {
    return tl::unexpected<Error>(virtual_memory.error());
  }
  auto extents = MakeElfExtents(segments->loads, source->Size());
  if (!extents) return tl::unexpected<Error>(extents.error());
  if (extents->extents.empty()) {
    return Fail(ErrorKind::kTruncated, "no LOAD segment has bytes in the file");
  }
  Image image;
  image.format = "elf-core";
  image.title = Title(*header, *notes, segments->loads.size());
  image.facts = MakeFacts(*header, *segments, *notes, *extents);
  image.warnings = std::move(notes->warnings);
  WarnOfExtents(*extents, image);
  image.memory = std::make_shared<const PhysicalMemory>(std::move(source),
                                                        RunIndex(std::move(extents->extents)));
  return image;
}

}  // namespace

const Format kElfCoreFormat = {
    "elf-core",
    "ELF core of a machine (QEMU, libvirt, VirtualBox, Linux vmcore)",
    [](const ProbeView& probe) { return HasText(probe.head, 0, kMagic); },
    OpenElfCore,
    {}};

}  // namespace v2p

// Walking the notes and parsing the ones that hold CPU state.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/elf_core_notes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/checked_math.h"

namespace v2p {
namespace {

// gABI, "Note Section"; types of "CORE" notes from Linux include/uapi/linux/elf.h.
constexpr std::size_t kNoteHeaderBytes = 12;
constexpr std::size_t kNameLimit = 16;
constexpr std::uint32_t kPrStatus = 1;
constexpr std::uint32_t kAuxv = 6;

// QEMU target/i386/arch_dump.c, struct QEMUCPUState. A segment register is {u32 selector, limit,
// flags, pad; u64 base}.
namespace qemu {
constexpr std::size_t kRsp = 0x38;
constexpr std::size_t kRip = 0x88;
constexpr std::size_t kCs = 0x98;
constexpr std::size_t kGs = 0xF8;
constexpr std::size_t kGdt = 0x158;
constexpr std::size_t kIdt = 0x170;
constexpr std::size_t kSegmentFlags = 0x08;
constexpr std::size_t kSegmentBase = 0x10;
constexpr std::uint32_t kFlagLong = 1U << 21U;  // target/i386/cpu.h, DESC_L_MASK
constexpr std::size_t kCr0 = 0x188;
constexpr std::size_t kCr3 = 0x1A0;
constexpr std::size_t kCr4 = 0x1A8;
constexpr std::size_t kBytes = 0x1B0;
constexpr std::size_t kKernelGsBase = 0x1B0;  // added later; `version` stayed 1
constexpr std::size_t kBytesWithKernelGs = 0x1B8;
}  // namespace qemu

// VirtualBox include/VBox/vmm/dbgfcorefmt.h, DBGFCORECPU. A selector is {u64 base; u32 limit,
// attributes; u16 selector, ...}, 24 bytes.
namespace vbox {
constexpr std::uint32_t kCpuNote = 0xB01;
constexpr std::size_t kRip = 0x70;
constexpr std::size_t kRsp = 0x78;
constexpr std::size_t kCs = 0x90;
constexpr std::size_t kGs = 0xF0;
constexpr std::size_t kSelector = 0x10;
constexpr std::size_t kCr0 = 0x120;
constexpr std::size_t kCr3 = 0x130;
constexpr std::size_t kCr4 = 0x138;
constexpr std::size_t kGdtr = 0x180;
constexpr std::size_t kIdtr = 0x190;
constexpr std::size_t kEfer = 0x1E8;
constexpr std::size_t kKernelGsBase = 0x218;
constexpr std::size_t kBytes = 0x220;
constexpr std::uint64_t kEferLma = 1U << 10U;
}  // namespace vbox

// mindumpdef.h, DUMP_HEADER64 and DUMP_HEADER32: the field after the two version words.
constexpr std::size_t kDumpHeaderRoot = 0x10;

// Bounds on what hostile files can make us do; real ones have a few thousand notes at most.
constexpr std::uint64_t kNoteCountLimit = 100'000;
constexpr std::size_t kWarningLimit = 8;
constexpr std::uint64_t kVmcoreinfoLimit = 1U << 20U;

constexpr std::uint64_t kCr0Paging = std::uint64_t{1} << 31U;
constexpr std::uint64_t kCr4Pae = 1U << 5U;
constexpr std::uint64_t kCr4La57 = 1U << 12U;

Privilege PrivilegeOf(std::uint64_t cs) {
  return (cs & 3U) == 0 ? Privilege::kKernel : Privilege::kUser;
}

CpuFacts FromQemu(const ElfHeader& header, const Record& r) {
  CpuFacts cpu;
  cpu.cr0 = r.U64(qemu::kCr0);
  cpu.cr3 = r.U64(qemu::kCr3);
  cpu.cr4 = r.U64(qemu::kCr4);
  cpu.gs_base = r.U64(qemu::kGs + qemu::kSegmentBase);
  cpu.gdt_base = r.U64(qemu::kGdt + qemu::kSegmentBase);
  cpu.idt_base = r.U64(qemu::kIdt + qemu::kSegmentBase);
  if (r.Size() >= qemu::kBytesWithKernelGs) cpu.kernel_gs_base = r.U64(qemu::kKernelGsBase);
  cpu.ip = r.U64(qemu::kRip);
  cpu.sp = r.U64(qemu::kRsp);
  cpu.privilege = PrivilegeOf(r.U32(qemu::kCs));
  // EFER is not recorded. QEMU writes EM_X86_64 when the first CPU is in long mode.
  const bool long_code = (r.U32(qemu::kCs + qemu::kSegmentFlags) & qemu::kFlagLong) != 0;
  const bool long_mode = header.machine == kElfMachineX64 || (header.is64 && long_code);
  cpu.mode = ModeFromRegisters(header, *cpu.cr0, *cpu.cr4, long_mode);
  return cpu;
}

CpuFacts FromVirtualBox(const ElfHeader& header, const Record& r) {
  CpuFacts cpu;
  cpu.cr0 = r.U64(vbox::kCr0);
  cpu.cr3 = r.U64(vbox::kCr3);
  cpu.cr4 = r.U64(vbox::kCr4);
  cpu.gs_base = r.U64(vbox::kGs);
  cpu.gdt_base = r.U64(vbox::kGdtr);
  cpu.idt_base = r.U64(vbox::kIdtr);
  cpu.kernel_gs_base = r.U64(vbox::kKernelGsBase);
  cpu.ip = r.U64(vbox::kRip);
  cpu.sp = r.U64(vbox::kRsp);
  cpu.privilege = PrivilegeOf(r.U16(vbox::kCs + vbox::kSelector));
  const bool long_mode = (r.U64(vbox::kEfer) & vbox::kEferLma) != 0;
  cpu.mode = ModeFromRegisters(header, *cpu.cr0, *cpu.cr4, long_mode);
  return cpu;
}

struct Note {
  std::string name;
  std::uint32_t type = 0;
  std::uint64_t desc_at = 0;
  std::uint64_t desc_bytes = 0;
};

// Walks the notes of one file; collects into an ElfNotes.
class NoteReader {
 public:
  NoteReader(const ByteSource& source, const ElfHeader& header)
      : source_(source), header_(header) {}

  Status Segment(const ElfSegment& segment);
  ElfNotes Take() { return std::move(notes_); }

 private:
  Result<std::optional<Note>> ReadNote(std::uint64_t at, std::uint64_t end, std::uint64_t* next);
  Status Use(const Note& note);
  Status UseVmcoreinfo(const Note& note);
  Result<Record> Desc(const Note& note, std::uint64_t limit) {
    return ReadRecord(source_, note.desc_at,
                      static_cast<std::size_t>(std::min(note.desc_bytes, limit)), "ELF note");
  }
  void Warn(std::string text) {
    if (notes_.warnings.size() < kWarningLimit) notes_.warnings.push_back(std::move(text));
  }

  const ByteSource& source_;
  const ElfHeader& header_;
  std::uint64_t count_ = 0;
  ElfNotes notes_;
};

// Nothing when the note does not fit [at, end).
Result<std::optional<Note>> NoteReader::ReadNote(std::uint64_t at, std::uint64_t end,
                                                 std::uint64_t* next) {
  const auto head = ReadRecord(source_, at, kNoteHeaderBytes, "ELF note");
  if (!head) return tl::unexpected<Error>(head.error());
  const auto padded = [](std::uint64_t n) { return (n + 3) & ~std::uint64_t{3}; };
  const std::uint64_t name_bytes = head->U32(0);
  Note note;
  note.desc_bytes = head->U32(4);
  note.type = head->U32(8);
  note.desc_at = at + kNoteHeaderBytes + padded(name_bytes);
  if (note.desc_at > end || note.desc_bytes > end - note.desc_at) return std::optional<Note>();
  const auto name = ReadRecord(
      source_, at + kNoteHeaderBytes,
      static_cast<std::size_t>(std::min<std::uint64_t>(name_bytes, kNameLimit)), "ELF note name");
  if (!name) return tl::unexpected<Error>(name.error());
  note.name = name->Text(0, name->Size());
  *next = note.desc_at + padded(note.desc_bytes);
  return note;
}

Status NoteReader::UseVmcoreinfo(const Note& note) {
  const auto desc = Desc(note, kVmcoreinfoLimit);
  if (!desc) return tl::unexpected<Error>(desc.error());
  // QEMU dump/dump.c: a Windows driver may put a crash dump header where Linux puts its text.
  const bool wide = HasText(desc->Bytes(), 0, "PAGEDU64");
  if (!wide && !HasText(desc->Bytes(), 0, "PAGEDUMP")) {
    notes_.vmcoreinfo = desc->Text(0, desc->Size());
    return {};
  }
  notes_.windows_header = wide ? "PAGEDU64" : "PAGEDUMP";
  if (wide) notes_.windows_root = TryLoad<std::uint64_t>(desc->Bytes(), kDumpHeaderRoot);
  if (!wide) notes_.windows_root = TryLoad<std::uint32_t>(desc->Bytes(), kDumpHeaderRoot);
  return {};
}

Status NoteReader::Use(const Note& note) {
  if (note.name == "CORE") {
    notes_.register_sets += note.type == kPrStatus ? 1 : 0;
    notes_.user_process = notes_.user_process || note.type == kAuxv;
  } else if (note.name == "VMCOREINFO") {
    return UseVmcoreinfo(note);
  } else if (note.name == "QEMU" && note.type == 0) {
    notes_.from_qemu = true;
    if (note.desc_bytes < qemu::kBytes) {
      Warn(fmt::format("a QEMU note of {} bytes is too short for CPU registers", note.desc_bytes));
      return {};
    }
    const auto desc = Desc(note, qemu::kBytesWithKernelGs);
    if (!desc) return tl::unexpected<Error>(desc.error());
    notes_.cpus.push_back(FromQemu(header_, *desc));
  } else if (note.name == "VBCORE") {
    notes_.from_virtualbox = true;
  } else if (note.name == "VBCPU" && note.type == vbox::kCpuNote) {
    if (note.desc_bytes < vbox::kBytes) {
      Warn(fmt::format("a VBCPU note of {} bytes is too short for CPU registers", note.desc_bytes));
      return {};
    }
    const auto desc = Desc(note, vbox::kBytes);
    if (!desc) return tl::unexpected<Error>(desc.error());
    notes_.cpus.push_back(FromVirtualBox(header_, *desc));
  }
  return {};
}

Status NoteReader::Segment(const ElfSegment& segment) {
  const std::uint64_t size = source_.Size();
  const std::uint64_t begin = std::min(segment.at, size);
  const std::uint64_t end = begin + std::min(segment.file_bytes, size - begin);
  if (end - begin < segment.file_bytes) Warn("the ELF notes are cut short by the end of the file");
  for (std::uint64_t at = begin; at < end && end - at >= kNoteHeaderBytes;) {
    if (count_++ == kNoteCountLimit) {
      Warn(fmt::format("only the first {} ELF notes are read", kNoteCountLimit));
      break;
    }
    std::uint64_t next = end;
    auto note = ReadNote(at, end, &next);
    if (!note) return tl::unexpected<Error>(note.error());
    if (!*note) {
      Warn(fmt::format("the ELF note at file offset {:#x} does not fit its segment", at));
      break;
    }
    if (auto used = Use(**note); !used) return used;
    at = next;
  }
  return {};
}

}  // namespace

std::optional<ModeName> ModeFromRegisters(const ElfHeader& header, std::uint64_t cr0,
                                          std::uint64_t cr4, std::optional<bool> long_mode) {
  if ((cr0 & kCr0Paging) == 0) return std::nullopt;
  if ((cr4 & kCr4Pae) == 0) return ModeName::kX86;
  if (!long_mode.value_or(header.machine == kElfMachineX64)) return ModeName::kPae;
  return (cr4 & kCr4La57) != 0 ? ModeName::kX64La57 : ModeName::kX64;
}

Result<ElfNotes> ReadElfNotes(const ByteSource& source, const ElfHeader& header,
                              std::span<const ElfSegment> segments) {
  NoteReader reader(source, header);
  for (const ElfSegment& segment : segments) {
    if (auto read = reader.Segment(segment); !read) return tl::unexpected<Error>(read.error());
  }
  return reader.Take();
}

}  // namespace v2p

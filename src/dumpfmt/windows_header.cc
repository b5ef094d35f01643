// Reading of DUMP_HEADER32 and DUMP_HEADER64.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/windows_header.h"

#include <fmt/format.h>

namespace v2p::windows {
namespace {

constexpr std::size_t kSignatureBytes = 8;

// One byte that the filler text would hold at `at`, which is how unset single bytes look.
std::optional<std::uint8_t> Byte(const Record& record, std::size_t at) {
  const auto filler = static_cast<std::uint8_t>("PAGE"[at % 4]);
  const std::uint8_t value = record.U8(at);
  return value == filler ? std::nullopt : std::optional(value);
}

// Where a CONTEXT keeps what we show; winnt.h, CONTEXT of each machine.
struct ContextLayout {
  std::size_t flags;
  std::uint32_t machine_flag;
  std::size_t ip, sp;
};

constexpr std::uint32_t kContextControl = 1;

ContextLayout ContextOf(Machine machine) {
  switch (machine) {
    case Machine::kX86:
      return {0x00, 0x0001'0000, 0xB8, 0xC4};
    case Machine::kArm64:
      return {0x00, 0x0040'0000, 0x108, 0x100};
    default:
      return {0x30, 0x0010'0000, 0xF8, 0x98};
  }
}

// Runs beyond the descriptor's room overwrite the context record.
bool RunsReachContext(const WindowsHeader& header) {
  return header.run_count.value_or(0) > header.layout->run_capacity;
}

void ReadContext(WindowsHeader& header) {
  if (RunsReachContext(header)) return;
  const ContextLayout context = ContextOf(header.machine);
  const std::size_t base = header.layout->context;
  const FieldReader fields(header.raw, header.layout->word);
  const std::uint32_t flags = fields.U32(base + context.flags).value_or(0);
  if ((flags & context.machine_flag) == 0 || (flags & kContextControl) == 0) return;
  header.context_ip = fields.Word(base + context.ip);
  header.context_sp = fields.Word(base + context.sp);
}

void ReadMachineState(WindowsHeader& header) {
  const HeaderLayout& at = *header.layout;
  const FieldReader fields(header.raw, at.word);
  header.directory_table_base = fields.Word(at.directory_table_base);
  header.pfn_database = fields.Word(at.pfn_database);
  header.loaded_modules = fields.Word(at.loaded_modules);
  header.active_processes = fields.Word(at.active_processes);
  header.debugger_data = fields.Word(at.debugger_data);
  header.processors = fields.U32(at.processors);
  header.bugcheck_code = fields.U32(at.bugcheck_code);
  for (std::size_t i = 0; i < header.bugcheck_parameters.size(); ++i) {
    header.bugcheck_parameters[i] = fields.Word(at.bugcheck_parameters + i * at.word);
  }
  if (at.pae_enabled != 0) header.pae_enabled = Byte(header.raw, at.pae_enabled);
  header.run_count = fields.U32(at.run_count);
  header.page_count = fields.Word(at.page_count);
  header.exception_code = fields.U32(at.exception);
  if (header.exception_code) header.exception_address = fields.Word(at.exception_address);
  ReadContext(header);
}

void ReadDescription(WindowsHeader& header) {
  const HeaderLayout& at = *header.layout;
  const FieldReader fields(header.raw, at.word);
  header.major_version = fields.U32(at.major_version);
  header.minor_version = fields.U32(at.minor_version);
  header.version_user = fields.Text(at.version_user, kVersionUserBytes);
  header.comment = fields.Text(at.comment, kCommentBytes);
  header.kd_secondary_version = Byte(header.raw, at.kd_secondary_version);
  header.dump_type = fields.U32(at.dump_type);
  header.mini_dump_fields = fields.U32(at.mini_dump_fields);
  header.secondary_data_state = fields.U32(at.secondary_data_state);
  header.product_type = fields.U32(at.product_type);
  header.suite_mask = fields.U32(at.suite_mask);
  header.writer_status = fields.U32(at.writer_status);
  header.attributes = fields.U32(at.attributes);
  header.boot_id = fields.U32(at.boot_id);
  header.required_space = fields.U64(at.required_space);
  header.system_up_time = fields.U64(at.system_up_time);
  header.system_time = fields.U64(at.system_time);
}

// winnt.h, IMAGE_FILE_MACHINE_*: kernels that wrote crash dumps and whose paging v2p lacks.
std::string_view UnsupportedMachine(std::uint32_t code) {
  switch (code) {
    case 0x0166:
      return "MIPS";
    case 0x0184:
    case 0x0284:
      return "Alpha";
    case 0x01C0:
    case 0x01C4:
      return "32-bit ARM";
    case 0x01F0:
      return "PowerPC";
    case 0x0200:
      return "IA-64";
    default:
      return {};
  }
}

Result<Machine> MachineOf(const WindowsHeader& header) {
  const std::uint32_t code = header.machine_code;
  const FileOffset at = header.raw.At(header.layout->machine);
  if (code == kFiller32) {
    return Fail(ErrorKind::kCorrupt, "the crash dump header names no machine", at);
  }
  if (code != kMachineX86 && code != kMachineX64 && code != kMachineArm64) {
    const std::string_view name = UnsupportedMachine(code);
    return Fail(ErrorKind::kUnsupported,
                fmt::format("this is a crash dump of {} (machine type {:#x}); x86, x64 and ARM64 "
                            "are read",
                            name.empty() ? "an unknown machine" : name, code),
                at);
  }
  if ((code == kMachineX86) == header.Is64()) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("a {}-bit crash dump header names machine type {:#x}",
                            header.layout->word * 8, code),
                at);
  }
  if (code == kMachineX86) return Machine::kX86;
  return code == kMachineX64 ? Machine::kX64 : Machine::kArm64;
}

}  // namespace

std::optional<std::uint32_t> FieldReader::U32(std::size_t at) const {
  const std::uint32_t value = record_->U32(at);
  return value == kFiller32 ? std::nullopt : std::optional(value);
}

std::optional<std::uint64_t> FieldReader::U64(std::size_t at) const {
  const std::uint64_t value = record_->U64(at);
  if (value == kFiller64) return std::nullopt;
  return value >> 32U == kFiller32 ? value & 0xFFFF'FFFFU : value;
}

std::optional<std::uint64_t> FieldReader::Word(std::size_t at) const {
  if (word_ == 8) return U64(at);
  return U32(at);
}

std::string FieldReader::Text(std::size_t at, std::size_t length) const {
  std::string text = record_->Text(at, length);
  return text.rfind("PAGEPAGE", 0) == 0 ? std::string() : text;
}

bool IsCrashDump(std::span<const std::byte> head) {
  return HasText(head, 0, "PAGEDU64") || HasText(head, 0, "PAGEDUMP");
}

Result<WindowsHeader> ReadWindowsHeader(const ByteSource& source) {
  const auto signature = ReadRecord(source, 0, kSignatureBytes, "the crash dump signature");
  if (!signature) return tl::unexpected<Error>(signature.error());
  if (!IsCrashDump(signature->Bytes())) {
    return Fail(ErrorKind::kCorrupt, "the file does not begin with PAGEDUMP or PAGEDU64",
                FileOffset(0));
  }
  WindowsHeader header;
  header.layout = HasText(signature->Bytes(), 0, "PAGEDU64") ? &kHeader64 : &kHeader32;
  auto raw = ReadRecord(source, 0, header.layout->bytes, "the crash dump header");
  if (!raw) return tl::unexpected<Error>(std::move(raw).error());
  header.raw = std::move(*raw);
  header.machine_code = header.raw.U32(header.layout->machine);
  const auto machine = MachineOf(header);
  if (!machine) return tl::unexpected<Error>(machine.error());
  header.machine = *machine;
  ReadMachineState(header);
  ReadDescription(header);
  return header;
}

}  // namespace v2p::windows

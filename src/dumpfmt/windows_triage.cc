// Facts of TRIAGE_DUMP32 and TRIAGE_DUMP64.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/windows_triage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dumpfmt/windows_text.h"

namespace v2p::windows {
namespace {

// ntiodump.h, TRIAGE_DUMP32 and TRIAGE_DUMP64: 18 words in common, then pointers of each width.
struct TriageLayout {
  std::size_t bytes;
  std::size_t top_of_stack, data_page_address, data_page_offset, data_page_size;
  std::size_t debugger_data_offset, debugger_data_size, data_blocks_offset, data_blocks_count;
};
constexpr TriageLayout kTriage32 = {0x68, 0x48, 0x4C, 0x50, 0x54, 0x58, 0x5C, 0x60, 0x64};
constexpr TriageLayout kTriage64 = {0x80, 0x48, 0x60, 0x68, 0x6C, 0x70, 0x74, 0x78, 0x7C};

constexpr std::size_t kServicePackBuildAt = 0x00;
constexpr std::size_t kValidAt = 0x08;
constexpr std::size_t kPrcbAt = 0x1C;
constexpr std::size_t kProcessAt = 0x20;
constexpr std::size_t kThreadAt = 0x24;
constexpr std::size_t kDriverListAt = 0x30;
constexpr std::size_t kDriverCountAt = 0x34;

struct Word {
  std::size_t at;
  std::string_view key;
  bool is_number;
};
constexpr Word kWords[] = {{kServicePackBuildAt, "triage-service-pack-build", true},
                           {0x04, "triage-size-of-dump", true},
                           {kValidAt, "triage-valid-offset", false},
                           {0x0C, "triage-context-offset", false},
                           {0x10, "triage-exception-offset", false},
                           {0x14, "triage-mm-offset", false},
                           {0x18, "triage-unloaded-drivers-offset", false},
                           {kPrcbAt, "triage-prcb-offset", false},
                           {kProcessAt, "triage-process-offset", false},
                           {kThreadAt, "triage-thread-offset", false},
                           {0x28, "triage-call-stack-offset", false},
                           {0x2C, "triage-call-stack-size", true},
                           {kDriverListAt, "triage-driver-list-offset", false},
                           {kDriverCountAt, "triage-driver-count", true},
                           {0x38, "triage-string-pool-offset", false},
                           {0x3C, "triage-string-pool-size", true},
                           {0x40, "triage-broken-driver-offset", false},
                           {0x44, "triage-options", false}};

// rizin librz/bin/format/dmp/dmp_specs.h, the 64-bit driver entry and its string.
constexpr std::size_t kDriverEntryBytes = 0x90;
constexpr std::size_t kMaxDrivers = 2000;
constexpr std::size_t kMaxNameUnits = 260;

// KPROCESS of every Windows since NT 4 (ntdiff).
constexpr std::size_t kProcessDtb32 = 0x18;
constexpr std::size_t kProcessDtb64 = 0x28;

// KPRCB.ProcessorState.SpecialRegisters.Cr3 on x64 since Windows 10.
constexpr std::uint32_t kPrcbCr3FromBuild = 10240;
constexpr std::size_t kPrcbCr3At = 0x110;

// wdbgexts.h, DBGKD_DEBUG_DATA_HEADER64 and KDDEBUGGER_DATA64.
constexpr std::size_t kDebuggerDataBytes = 0x20;
constexpr std::size_t kOwnerTagAt = 0x10;
constexpr std::size_t kKernBaseAt = 0x18;

// Where EPROCESS keeps what we show: ntdiff and Volatility's types for exactly these builds. The
// size of the copy in the dump must agree as well.
struct ProcessLayout {
  Machine machine;
  std::uint32_t first_build, last_build;
  std::uint64_t bytes;
  std::size_t pid, name;
};
constexpr ProcessLayout kProcesses[] = {
    {Machine::kX64, 19041, 19045, 0xA40, 0x440, 0x5A8},
    {Machine::kArm64, 22000, 22000, 0xC80, 0x3F8, 0x560},
};
constexpr std::size_t kNameBytes = 15;

class Triage {
 public:
  Triage(const ByteSource& source, const WindowsHeader& header, Record block)
      : source_(source), header_(header), block_(std::move(block)) {}

  std::vector<Fact> Facts() {
    AddWords();
    AddMarks();
    AddProcess();
    AddDrivers();
    return std::move(facts_);
  }

 private:
  const TriageLayout& At() const { return header_.Is64() ? kTriage64 : kTriage32; }
  FieldReader Fields() const { return {block_, header_.layout->word}; }

  // A record at a file offset that the block names; nothing when the file does not hold it.
  std::optional<Record> Part(std::optional<std::uint64_t> at, std::size_t bytes) const {
    if (!at || *at == 0 || bytes == 0) return std::nullopt;
    if (!Inside(*at, bytes, source_.Size())) return std::nullopt;
    auto record = ReadRecord(source_, *at, bytes, "a part of the triage dump");
    return record ? std::optional(std::move(*record)) : std::nullopt;
  }

  void Hex(std::string_view key, std::optional<std::uint64_t> value) {
    if (value) facts_.push_back({std::string(key), Hex64{*value}});
  }
  void Number(std::string_view key, std::optional<std::uint64_t> value) {
    if (value) facts_.push_back({std::string(key), *value});
  }

  void AddWords() {
    for (const Word& word : kWords) {
      const auto value = Fields().U32(word.at);
      if (word.is_number) {
        Number(word.key, value);
      } else {
        Hex(word.key, value);
      }
    }
    Hex("triage-top-of-stack", Fields().Word(At().top_of_stack));
    Hex("triage-data-page-address", Fields().Word(At().data_page_address));
    Hex("triage-data-page-offset", Fields().U32(At().data_page_offset));
    Number("triage-data-page-size", Fields().U32(At().data_page_size));
    Hex("triage-debugger-data-offset", Fields().U32(At().debugger_data_offset));
    Number("triage-debugger-data-size", Fields().U32(At().debugger_data_size));
    Hex("triage-data-blocks-offset", Fields().U32(At().data_blocks_offset));
    Number("triage-data-blocks-count", Fields().U32(At().data_blocks_count));
  }

  void AddMarks() {
    if (const auto mark = Part(Fields().U32(kValidAt), 4)) {
      facts_.push_back({"triage-valid", HasText(mark->Bytes(), 0, "TRGD")});
    }
    const auto data = Part(Fields().U32(At().debugger_data_offset), kDebuggerDataBytes);
    if (data && HasText(data->Bytes(), kOwnerTagAt, "KDBG")) {
      Hex("triage-kernel-base", data->U64(kKernBaseAt));
    }
    const bool prcb_known =
        header_.machine == Machine::kX64 && header_.minor_version.value_or(0) >= kPrcbCr3FromBuild;
    if (!prcb_known) return;
    if (const auto prcb = Part(Fields().U32(kPrcbAt), kPrcbCr3At + 8)) {
      Hex("triage-prcb-cr3", prcb->U64(kPrcbCr3At));
    }
  }

  // The EPROCESS copy; it ends where the ETHREAD copy begins.
  void AddProcess() {
    const auto process = Fields().U32(kProcessAt);
    const std::size_t dtb = header_.Is64() ? kProcessDtb64 : kProcessDtb32;
    const auto head = Part(process, dtb + header_.layout->word);
    if (!head) return;
    Hex("triage-process-dtb", FieldReader(*head, header_.layout->word).Word(dtb));
    const auto thread = Fields().U32(kThreadAt);
    if (!thread || *thread <= *process) return;
    const std::uint64_t bytes = *thread - *process;
    Number("triage-process-size", bytes);
    for (const ProcessLayout& known : kProcesses) {
      const std::uint32_t build = header_.minor_version.value_or(0);
      if (known.machine != header_.machine || build < known.first_build) continue;
      if (build > known.last_build || bytes != known.bytes) continue;
      const auto copy = Part(process, static_cast<std::size_t>(known.bytes));
      if (!copy) return;
      Number("triage-process-id", copy->U64(known.pid));
      facts_.push_back({"triage-process-name", copy->Text(known.name, kNameBytes)});
    }
  }

  // A DUMP_STRING: length in UTF-16 units, then the text.
  std::string DumpString(std::uint32_t at) const {
    const auto length = Part(at, 4);
    if (!length) return {};
    const std::size_t units = std::min<std::size_t>(length->U32(0), kMaxNameUnits);
    const auto text = Part(std::uint64_t{at} + 4, units * 2);
    return text ? Utf16Text(text->Bytes()) : std::string();
  }

  void AddDrivers() {
    if (!header_.Is64()) return;  // no public description of the 32-bit entry was compared
    const std::size_t count =
        std::min<std::size_t>(Fields().U32(kDriverCountAt).value_or(0), kMaxDrivers);
    const auto list = Part(Fields().U32(kDriverListAt), count * kDriverEntryBytes);
    if (!list) return;
    std::string names;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string path = DumpString(list->U32(i * kDriverEntryBytes));
      const std::string name = path.substr(path.find_last_of('\\') + 1);
      if (name.empty()) continue;
      if (!names.empty()) names += ' ';
      names += name;
    }
    if (!names.empty()) facts_.push_back({"triage-drivers", std::move(names)});
  }

  const ByteSource& source_;
  const WindowsHeader& header_;
  Record block_;
  std::vector<Fact> facts_;
};

}  // namespace

std::vector<Fact> TriageFacts(const ByteSource& source, const WindowsHeader& header,
                              std::vector<std::string>& warnings) {
  const std::size_t bytes = header.Is64() ? kTriage64.bytes : kTriage32.bytes;
  auto block = ReadRecord(source, header.End(), bytes, "the triage block");
  if (!block) {
    warnings.push_back(block.error().message);
    return {};
  }
  return Triage(source, header, std::move(*block)).Facts();
}

}  // namespace v2p::windows

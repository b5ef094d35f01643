// `--format windbg`: the lines that the debugger's `!vtop` prints, byte for byte.
// Shapes: published debugger output for x64, PAE, x86 and ARM64; where none was published the
// choices are those of doc/dbgeng.md.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>
#include <string>

#include "cli/reporter.h"

namespace v2p::cli {
namespace {

// What differs between the debugger's walkers.
struct Dialect {
  std::string_view prefix;  ///< before every line but the last
  std::string_view first;   ///< "Virt" or "virt"
  std::string_view pae;     ///< "PAE " on PAE
  bool values = false;      ///< entry values are shown beside their addresses
};

Dialect DialectOf(ModeName mode) {
  switch (mode) {
    case ModeName::kX86:
      return {"X86VtoP: ", "Virt", "", true};
    case ModeName::kPae:
      return {"X86VtoP: ", "Virt", "PAE ", true};
    case ModeName::kArm64:
      return {"Arm64VtoP: ", "virt", "", false};
    case ModeName::kX64:
    case ModeName::kX64La57:
      break;
  }
  return {"Amd64VtoP: ", "Virt", "", false};
}

class WindbgText {
 public:
  WindbgText(const Walk& walk, const Following* followed, std::string* out)
      : walk_(walk),
        followed_(followed),
        mode_(Mode(walk.mode)),
        dialect_(DialectOf(walk.mode)),
        out_(out) {}

  void Append(HResult code) {
    Line("{} {:016x}, pagedir {:016x}", dialect_.first, walk_.va.value, walk_.root.value);
    for (std::size_t i = 0; i < walk_.step_count; ++i) AppendEntry(i);
    if (followed_ != nullptr && followed_->prototype) {
      const PrototypeVisit& visit = *followed_->prototype;
      WindbgText(visit.walk, visit.on.get(), out_).AppendInner();
    }
    if (walk_.Mapped()) {
      AppendMapped();
      fmt::format_to(To(), "Virtual address {:x} translates to physical address {:x}.\n",
                     walk_.va.value, walk_.pa.value);
      return;
    }
    if (walk_.step_count > 0) AppendStop(code);
    fmt::format_to(To(), "Virtual address {:x} translation fails, error 0x{:X}.\n", walk_.va.value,
                   code);
  }

  // The walk of a prototype entry, which the debugger shows inside the other.
  void AppendInner() {
    Line("{} {:016x}, pagedir {:016x}", dialect_.first, walk_.va.value, walk_.root.value);
    for (std::size_t i = 0; i < walk_.step_count; ++i) AppendEntry(i);
    if (walk_.Mapped()) AppendMapped();
  }

 private:
  void AppendMapped() {
    const bool large = walk_.step_count < mode_.level_count;
    Line("{}{} phys {:016x}", dialect_.pae, large ? "Large page mapped" : "Mapped", walk_.pa.value);
  }

  std::back_insert_iterator<std::string> To() { return std::back_inserter(*out_); }

  template <class... T>
  void Line(fmt::format_string<T...> form, T&&... values) {
    out_->append(dialect_.prefix);
    fmt::format_to(To(), form, std::forward<T>(values)...);
    out_->push_back('\n');
  }

  std::string_view LevelName(std::size_t i) const { return mode_.levels[i].windbg_name; }

  void AppendEntry(std::size_t i) {
    const WalkStep& step = walk_.steps[i];
    if (!dialect_.values) {
      Line("{} {:016x}", LevelName(i), step.entry_at.value);
    } else if (walk_.WasRead(i)) {  // without a value to show there is no line
      Line("{}{} {:016x} - {:0{}x}", dialect_.pae, LevelName(i), step.entry_at.value, step.entry,
           mode_.entry_bytes * 2U);
    }
  }

  // The line or two that say why the walk ended at its last entry.
  void AppendStop(HResult code) {
    const std::size_t last = walk_.step_count - 1U;
    if (walk_.status == WalkStatus::kTableNotInImage) {
      Line("{}{} read error 0x{:X}", dialect_.pae, LevelName(last), code);
      return;
    }
    if (walk_.steps[last].entry == 0) {
      Line("{}zero {}", dialect_.pae, LevelName(last));
      return;
    }
    if (walk_.status == WalkStatus::kReservedBits) {
      Line("{}{} reserved bits, 0x{:X}", dialect_.pae, LevelName(last), code);
      return;
    }
    if (last + 1U < mode_.level_count) AppendPagefile(last);
    Line("{}{} not present, 0x{:X}", dialect_.pae, LevelName(last), code);
  }

  // The debugger takes the missing next table to be in a page file: its number and the address of
  // the next entry there. Where the kernel's rules are not known, by _MMPTE_SOFTWARE as it was
  // before build 17763 (PageFileLow [4:1], PageFileHigh [63:32], on x86 [31:12]).
  void AppendPagefile(std::size_t last) {
    const std::uint64_t entry = walk_.steps[last].entry;
    const unsigned high_shift = mode_.entry_bytes == 4 ? 12 : 32;
    const PagingLevel& next = mode_.levels[last + 1];
    const std::uint64_t mask = (std::uint64_t{1} << next.index_bits) - 1;
    const std::uint64_t index = (walk_.va.value >> next.shift) & mask;
    std::uint64_t number = entry >> 1U & 0xFU;
    std::uint64_t page = entry >> high_shift;
    if (followed_ != nullptr && followed_->pte && followed_->pte->state == EntryState::kPagefile) {
      number = followed_->pte->page_file;
      page = followed_->pte->page;
    }
    Line("{}pagefile {} {:x}:{:016x}", dialect_.pae, LevelName(last + 1), number,
         (page << kPageShift) + index * mode_.entry_bytes);
  }

  const Walk& walk_;
  const Following* followed_;
  const PagingMode& mode_;
  const Dialect dialect_;
  std::string* out_;
};

class WindbgReporter final : public Reporter {
 public:
  void Add(const Record& record, std::string* out) override {
    WindbgText(record.Walk(), record.Followed(), out).Append(record.Translation());
  }
};

}  // namespace

std::unique_ptr<Reporter> MakeWindbgReporter() { return std::make_unique<WindbgReporter>(); }

}  // namespace v2p::cli

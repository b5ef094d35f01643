// `--format text`: for eyes. One line an address, or the whole walk of it.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "cli/reporter.h"
#include "cli/safe_text.h"
#include "cli/text_format.h"
#include "translate/entry_flags.h"

namespace v2p::cli {
namespace {

constexpr std::string_view kRed = "31";
constexpr std::string_view kYellow = "33";

std::string Painted(bool color, std::string_view code, std::string_view text) {
  return color ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

std::string_view LastLevel(const Walk& walk) {
  return Mode(walk.mode).levels[walk.step_count - 1U].name;
}

// Why there is no translation, in words.
std::string Failure(const Record& record) {
  const Walk& walk = record.Walk();
  switch (walk.status) {
    case WalkStatus::kNotPresent: {
      std::string reason(record.Reason().value_or("unknown"));
      std::replace(reason.begin(), reason.end(), '-', ' ');
      const std::string elsewhere = SafeText(record.Elsewhere());
      return fmt::format("not present at {}: {}{}{}", LastLevel(walk), reason,
                         elsewhere.empty() ? "" : ", ", elsewhere);
    }
    case WalkStatus::kTableNotInImage: {
      const std::uint64_t at = walk.steps[walk.step_count - 1U].entry_at.value;
      return fmt::format("table not in the image: {} page {}", LastLevel(walk),
                         Ticked(at & ~(kPageBytes - 1)));
    }
    case WalkStatus::kReservedBits: {
      const std::size_t last = walk.step_count - 1U;
      const std::uint64_t required = Mode(walk.mode).levels[last].required;
      const bool type = (walk.steps[last].entry & required) != required;
      return fmt::format("{} in the {}", type ? "reserved entry type" : "reserved bits are set",
                         LastLevel(walk));
    }
    case WalkStatus::kNonCanonical:
      return "not a canonical address";
    case WalkStatus::kMapped:
      break;
  }
  return "mapped";
}

std::string FailureColumns(const Record& record) {
  return fmt::format("{}  {}",
                     Painted(record.Context().color, kRed, fmt::format("{:<52}", Failure(record))),
                     HResultName(record.Translation()));
}

void AppendLine(const Record& record, std::string* out) {
  const Walk& walk = record.Walk();
  const auto to = std::back_inserter(*out);
  fmt::format_to(to, "{}  ->  ", Ticked(walk.va.value));
  if (walk.Mapped()) {
    fmt::format_to(to, "{}   {}", Ticked(walk.pa.value), ShortSize(walk.page_bytes));
    if (walk.state != EntryState::kPresent) fmt::format_to(to, "   {}", Name(walk.state));
    if (!record.PageInImage()) {
      fmt::format_to(to, "   {}", Painted(record.Context().color, kYellow, "not in the image"));
    }
    out->push_back('\n');
  } else {
    fmt::format_to(to, "{}\n", FailureColumns(record));
  }
}

void AppendHeadline(const Record& record, std::string* out) {
  const Walk& walk = record.Walk();
  const auto to = std::back_inserter(*out);
  fmt::format_to(to, "{}  ->  ", Ticked(walk.va.value));
  if (!walk.Mapped()) {
    fmt::format_to(to, "{}\n", FailureColumns(record));
    return;
  }
  fmt::format_to(to, "{}    {} page, ", Ticked(walk.pa.value), LongSize(walk.page_bytes));
  if (walk.state != EntryState::kPresent) fmt::format_to(to, "{}, ", Name(walk.state));
  if (!record.PageInImage()) {
    out->append(Painted(record.Context().color, kYellow, "not in the image"));
  } else if (record.FileOffset()) {
    fmt::format_to(to, "in the image at file offset {:#x}", *record.FileOffset());
  } else {
    out->append("in the image");
  }
  out->push_back('\n');
}

void AppendStep(const Record& record, std::size_t i, std::string* out) {
  const Walk& walk = record.Walk();
  const PagingMode& mode = Mode(walk.mode);
  const WalkStep& step = walk.steps[i];
  std::string row = fmt::format("  {:<5}  {:>4x}   {}   ", mode.levels[i].name, walk.IndexAt(i),
                                Ticked(step.entry_at.value));
  if (walk.WasRead(i)) {
    const auto offset = record.StepFileOffset(i);
    fmt::format_to(std::back_inserter(row), "{:<16}   {:<21}  {}",
                   fmt::format("{:0{}x}", step.entry, mode.entry_bytes * 2U),
                   EntryFlagLetters(mode, i, step.entry),
                   offset ? fmt::format("{:#x}", *offset) : "");
  } else {
    row += "not in the image";
  }
  row.erase(row.find_last_not_of(' ') + 1);
  out->append(row).push_back('\n');
}

void AppendBlock(const Record& record, std::string* out) {
  const Walk& walk = record.Walk();
  AppendHeadline(record, out);
  if (walk.step_count > 0) {
    out->append(
        "\n  level  index  entry at            entry              flags                  "
        "entry in file\n");
    fmt::format_to(std::back_inserter(*out), "  DTB           {}\n", Ticked(walk.root.value));
    for (std::size_t i = 0; i < walk.step_count; ++i) AppendStep(record, i, out);
  }
  fmt::format_to(std::back_inserter(*out),
                 "\n  VirtualToPhysical {}; GetVirtualTranslationPhysicalOffsets {}, {} levels\n",
                 HResultName(record.Translation()), HResultName(record.OffsetsCode()),
                 record.Levels());
}

class TextReporter final : public Reporter {
 public:
  void Add(const Record& record, std::string* out) override {
    if (!record.Context().detailed) {
      AppendLine(record, out);
      return;
    }
    if (blocks_++ > 0) out->push_back('\n');
    AppendBlock(record, out);
  }
  void End(const ReportContext& context, const Error* error, std::string* out) override {
    if (!context.detailed || error || blocks_ == 0) return;
    const RootChoice& root = *context.root;
    fmt::format_to(std::back_inserter(*out), "  {}: {}; DTB {:#x} {}, mode {} {}\n",
                   SafeText(context.image_name), SafeText(context.image->title), root.Masked(),
                   SourceWords(root.dtb_source), Name(root.mode), SourceWords(root.mode_source));
    if (root.ttbr1) {
      fmt::format_to(std::back_inserter(*out), "  TTBR1 {:#x} {}\n",
                     *root.ttbr1 & Mode(root.mode).root_mask, SourceWords(root.ttbr1_source));
    }
    for (const std::string& note : root.notes) {
      fmt::format_to(std::back_inserter(*out), "  {}\n", SafeText(note));
    }
  }

 private:
  std::size_t blocks_ = 0;
};

}  // namespace

std::unique_ptr<Reporter> MakeTextReporter() { return std::make_unique<TextReporter>(); }

}  // namespace v2p::cli

// `--format csv`: one row a translation, columns in record order without the walk (RFC 4180).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>

#include "cli/reporter.h"
#include "cli/safe_text.h"

namespace v2p::cli {
namespace {

// Columns are only ever appended: scripts count them.
constexpr std::string_view kHeader =
    "schema,image,input,va,status,state,reason,pa,page_bytes,page_in_image,file_offset,hresult,"
    "offsets_hresult,stop,levels,offsets,mode,mode_source,dtb,dtb_source\r\n";

// A field, quoted where RFC 4180 asks for it. A leading sign or at sign is left alone: inputs are
// hexadecimal and every other text is ours or the file's name.
std::string Quoted(std::string_view text) {
  std::string safe = SafeText(text);
  if (safe.find_first_of(",\"") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

std::string Hex(std::uint64_t value) { return fmt::format("0x{:016x}", value); }
std::string Code(HResult value) { return fmt::format("0x{:08x}", value); }

std::string Outcome(const Record& record) {
  const v2p::Walk& walk = record.Walk();
  std::string row = fmt::format("{},", Name(walk.status));
  const auto append = [&](std::string_view field) { row.append(field).push_back(','); };
  append(walk.state == EntryState::kNone ? "" : Name(walk.state));
  append(Reason(walk).value_or(""));
  append(walk.Mapped() ? Hex(walk.pa.value) : "");
  append(walk.Mapped() ? fmt::format("{}", walk.page_bytes) : "");
  append(!walk.Mapped() ? "" : record.PageInImage() ? "true" : "false");
  append(record.FileOffset() ? fmt::format("{}", *record.FileOffset()) : "");
  return row;
}

class CsvReporter final : public Reporter {
 public:
  void Begin(const ReportContext& context, std::string* out) override {
    out->append(kHeader);
    image_ = Quoted(context.image_name);
  }
  void Add(const Record& record, std::string* out) override {
    std::string offsets;
    for (const std::uint64_t offset : record.Offsets()) {
      if (!offsets.empty()) offsets.push_back(' ');
      offsets += Hex(offset);
    }
    const RootChoice& root = *record.Context().root;
    fmt::format_to(
        std::back_inserter(*out), "v2p.translation/1,{},{},{},{}{},{},{},{},{},{},{},{},{}\r\n",
        image_, Quoted(record.Input().text), Hex(record.Walk().va.value), Outcome(record),
        Code(record.Translation()), Code(record.OffsetsCode()),
        record.Stop() ? Code(*record.Stop()) : "", record.Levels(), offsets, Name(root.mode),
        root.mode_source, Hex(record.Walk().root.value), record.DtbSource());
  }

 private:
  std::string image_;
};

}  // namespace

std::unique_ptr<Reporter> MakeCsvReporter() { return std::make_unique<CsvReporter>(); }

}  // namespace v2p::cli

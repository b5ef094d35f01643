// `--format csv`: one row a translation, columns in record order without the walk (RFC 4180).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>

#include "cli/csv_field.h"
#include "cli/reporter.h"

namespace v2p::cli {
namespace {

// Columns are only ever appended: scripts count them.
constexpr std::string_view kHeader =
    "schema,image,input,va,status,state,reason,pa,page_bytes,page_in_image,file_offset,hresult,"
    "offsets_hresult,stop,levels,offsets,mode,mode_source,dtb,dtb_source,confidence,"
    "nonresident\r\n";

std::string Hex(std::uint64_t value) { return fmt::format("0x{:016x}", value); }
std::string Code(HResult value) { return fmt::format("0x{:08x}", value); }

std::string Outcome(const Record& record) {
  const v2p::Walk& walk = record.Walk();
  std::string row = fmt::format("{},", Name(walk.status));
  const auto append = [&](std::string_view field) { row.append(field).push_back(','); };
  append(walk.state == EntryState::kNone ? "" : Name(walk.state));
  append(record.Reason().value_or(""));
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
    image_ = CsvField(context.image_name);
  }
  void Add(const Record& record, std::string* out) override {
    std::string offsets;
    for (const std::uint64_t offset : record.Offsets()) {
      if (!offsets.empty()) offsets.push_back(' ');
      offsets += Hex(offset);
    }
    const RootChoice& root = *record.Context().root;
    fmt::format_to(std::back_inserter(*out),
                   "v2p.translation/1,{},{},{},{}{},{},{},{},{},{},{},{},{},{},{}\r\n", image_,
                   CsvField(record.Input().text), Hex(record.Walk().va.value), Outcome(record),
                   Code(record.Translation()), Code(record.OffsetsCode()),
                   record.Stop() ? Code(*record.Stop()) : "", record.Levels(), offsets,
                   Name(root.mode), root.mode_source, Hex(record.Walk().root.value),
                   record.DtbSource(), root.confidence ? fmt::format("{}", *root.confidence) : "",
                   CsvField(record.Elsewhere()));
  }

 private:
  std::string image_;
};

}  // namespace

std::unique_ptr<Reporter> MakeCsvReporter() { return std::make_unique<CsvReporter>(); }

}  // namespace v2p::cli

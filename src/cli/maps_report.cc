// `v2p maps` for eyes, as `v2p.mappings/1`, as lines of `v2p.mapping/1`, and as CSV.
// SPDX-License-Identifier: Apache-2.0
#include "cli/maps_report.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/csv_field.h"
#include "cli/json_records.h"
#include "cli/reporter.h"
#include "cli/safe_text.h"
#include "cli/text_format.h"
#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

Json MappingJson(const std::string& image, const MapsSpace& space, const LeafRange& range,
                 std::uint64_t present) {
  return {{"schema", "v2p.mapping/1"},
          {"image", image},
          {"dtb", HexJson(space.root.table.value)},
          {"mode", Name(space.root.mode)},
          {"pid", OrNull(space.pid)},
          {"name", space.name.empty() ? Json() : Json(space.name)},
          {"va", HexJson(range.va.value)},
          {"va_last", HexJson(range.va.value + (range.Bytes() - 1))},
          {"pa", HexJson(range.pa.value)},
          {"pages", range.pages},
          {"page_bytes", range.PageBytes()},
          {"writable", range.Has(kLeafWritable)},
          {"executable", range.Has(kLeafExecutable)},
          {"user", range.Has(kLeafUser)},
          {"in_image_bytes", present}};
}

std::string TextRow(const LeafRange& range, std::uint64_t present) {
  std::string row = fmt::format(
      "{}-{}  {}  r{}{}  {:>9} x {:<2}  {}", Ticked(range.va.value),
      Ticked(range.va.value + (range.Bytes() - 1)), range.Has(kLeafUser) ? "user  " : "kernel",
      range.Has(kLeafWritable) ? 'w' : '-', range.Has(kLeafExecutable) ? 'x' : '-',
      Grouped(range.pages), ShortSize(range.PageBytes()), Ticked(range.pa.value));
  if (present == 0) row += "  not in the image";
  if (present != 0 && present != range.Bytes()) {
    row += fmt::format("  {} of it in the image", LongSize(present));
  }
  return row + "\n";
}

std::string CsvRow(const std::string& image, const MapsSpace& space, const LeafRange& range,
                   std::uint64_t present) {
  const auto word = [](bool is) { return is ? "true" : "false"; };
  return fmt::format(
      "v2p.mapping/1,{},0x{:016x},{},{},{},0x{:016x},0x{:016x},0x{:016x},{},{},{},{},{},{}\r\n",
      CsvField(image), space.root.table.value, Name(space.root.mode),
      space.pid ? fmt::format("{}", *space.pid) : "", CsvUntrusted(space.name), range.va.value,
      range.va.value + (range.Bytes() - 1), range.pa.value, range.pages, range.PageBytes(),
      word(range.Has(kLeafWritable)), word(range.Has(kLeafExecutable)), word(range.Has(kLeafUser)),
      present);
}

}  // namespace

std::string MapsReport::Begin() const {
  if (format_ == OutputFormat::kJson) {
    return DumpOpen({{"schema", "v2p.mappings/1"}, {"image", image_}}) + ",\"mappings\":[";
  }
  if (format_ == OutputFormat::kCsv) {
    return "schema,image,dtb,mode,pid,name,va,va_last,pa,pages,page_bytes,writable,executable,user,"
           "in_image_bytes\r\n";
  }
  return {};
}

void MapsReport::BeginSpace(const MapsSpace& space, std::string* out) const {
  if (format_ != OutputFormat::kText) return;
  *out += fmt::format("root {:#x}, {}", space.root.table.value, Name(space.root.mode));
  if (space.pid) *out += fmt::format(", pid {}", *space.pid);
  if (!space.name.empty()) *out += ", " + SafeText(space.name);
  *out += '\n';
}

void MapsReport::Add(const MapsSpace& space, const LeafRange& range, std::uint64_t present,
                     std::string* out) {
  switch (format_) {
    case OutputFormat::kJson:
      if (!first_) *out += ",\n";
      *out += Dump(MappingJson(image_, space, range, present));
      break;
    case OutputFormat::kNdjson:
      *out += Dump(MappingJson(image_, space, range, present)) + "\n";
      break;
    case OutputFormat::kCsv:
      *out += CsvRow(image_, space, range, present);
      break;
    case OutputFormat::kText:
    case OutputFormat::kWindbg:
      *out += TextRow(range, present);
      break;
  }
  first_ = false;
}

void MapsReport::End(std::uint64_t absent_tables, bool complete, const Error* error,
                     std::string* out) const {
  if (format_ == OutputFormat::kNdjson && error != nullptr) {
    AppendErrorRecord(format_, image_, *error, out);
  }
  if (format_ != OutputFormat::kJson) return;
  *out += fmt::format("],\"absent_tables\":{},\"complete\":{},\"error\":{}}}\n", absent_tables,
                      complete, Dump(error != nullptr ? ErrorJson(image_, *error) : Json()));
}

}  // namespace v2p::cli

// `v2p owner` for eyes, as `v2p.owners/1`, as lines of `v2p.owner/1`, and as CSV.
// SPDX-License-Identifier: Apache-2.0
#include "cli/owner_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/csv_field.h"
#include "cli/json_records.h"
#include "cli/reporter.h"
#include "cli/safe_text.h"
#include "cli/text_format.h"
#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

using Mapping = std::pair<std::uint32_t, VirtAddr>;  // owner, address

std::string_view StateOf(const OwnerQuery& query, bool mapped, bool table) {
  if (!query.pa) return "no-memory";
  if (table) return "page-table";
  if (mapped) return "mapped";
  return query.in_image ? "unmapped" : "absent";
}

Json WhoJson(const OwnerWorld& world, std::uint32_t owner) {
  const Process* process = world.ProcessOf(owner);
  return {{"kind", world.Kind(owner)},
          {"dtb", HexJson(world.RootOf(owner).table.value)},
          {"pid", process != nullptr ? Json(process->pid) : Json()},
          {"name", process != nullptr ? Json(process->name) : Json()}};
}

std::string_view LevelName(const Root& root, const TableUse& use) {
  return Mode(root.mode).levels[use.level].name;
}

std::string WhoText(const OwnerWorld& world, std::uint32_t owner) {
  if (const Process* process = world.ProcessOf(owner)) {
    return fmt::format("{} {}", process->pid, SafeText(process->name));
  }
  return fmt::format("{} (root {:#x})", world.Kind(owner), world.RootOf(owner).table.value);
}

std::string WhoCsv(const OwnerWorld& world, std::uint32_t owner) {
  const Process* process = world.ProcessOf(owner);
  return fmt::format("{},0x{:016x},{},{}", world.Kind(owner), world.RootOf(owner).table.value,
                     process != nullptr ? fmt::format("{}", process->pid) : "",
                     process != nullptr ? CsvUntrusted(process->name) : "");
}

}  // namespace

std::string OwnerReport::Begin() const {
  if (format_ == OutputFormat::kJson) {
    return DumpOpen({{"schema", "v2p.owners/1"}, {"image", image_}}) + ",\"owners\":[";
  }
  if (format_ == OutputFormat::kCsv) {
    return "schema,image,input,pa,file_offset,in_image,state,use,kind,dtb,pid,name,level,va\r\n";
  }
  return {};
}

bool OwnerReport::Add(const OwnerQuery& query, std::string* out) {
  std::vector<Mapping> mappings;
  std::span<const TableUse> tables;
  if (query.pa) {
    world_.index.index.ForEach(
        *query.pa, [&](std::uint32_t owner, VirtAddr va) { mappings.emplace_back(owner, va); });
    std::sort(mappings.begin(), mappings.end());
    tables = world_.index.TablesAt(Pfn(*query.pa));
  }
  const auto state = StateOf(query, !mappings.empty(), !tables.empty());
  const auto pa = query.pa ? std::optional(query.pa->value) : std::nullopt;
  if (format_ == OutputFormat::kText || format_ == OutputFormat::kWindbg) {
    *out += fmt::format("{}  {}{}\n", pa ? Ticked(*pa) : SafeText(query.input), state,
                        query.pa && !query.in_image ? ", not in the image" : "");
    for (const TableUse& use : tables) {
      *out += fmt::format("  table of {}s from {}  {}\n", LevelName(world_.RootOf(use.owner), use),
                          Ticked(use.va.value), WhoText(world_, use.owner));
    }
    for (const auto& [owner, va] : mappings) {
      *out += fmt::format("  {}  {}\n", Ticked(va.value), WhoText(world_, owner));
    }
  } else if (format_ == OutputFormat::kCsv) {
    const std::string head = fmt::format(
        "v2p.owner/1,{},{},{},{},{},{}", CsvField(image_), CsvField(query.input),
        pa ? fmt::format("0x{:016x}", *pa) : "",
        query.file_offset ? fmt::format("{}", *query.file_offset) : "", query.in_image, state);
    for (const TableUse& use : tables) {
      *out += fmt::format("{},table,{},{},0x{:016x}\r\n", head, WhoCsv(world_, use.owner),
                          LevelName(world_.RootOf(use.owner), use), use.va.value);
    }
    for (const auto& [owner, va] : mappings) {
      *out += fmt::format("{},page,{},,0x{:016x}\r\n", head, WhoCsv(world_, owner), va.value);
    }
    if (tables.empty() && mappings.empty()) *out += head + ",,,,,,,\r\n";
  } else {
    Json owners = Json::array();
    for (const auto& [owner, va] : mappings) {
      owners.push_back(WhoJson(world_, owner));
      owners.back()["va"] = HexJson(va.value);
    }
    Json uses = Json::array();
    for (const TableUse& use : tables) {
      uses.push_back(WhoJson(world_, use.owner));
      uses.back()["level"] = LevelName(world_.RootOf(use.owner), use);
      uses.back()["va"] = HexJson(use.va.value);
    }
    if (format_ == OutputFormat::kJson && !first_) *out += ",\n";
    *out += Dump({{"schema", "v2p.owner/1"},
                  {"image", image_},
                  {"input", query.input},
                  {"pa", HexJson(pa)},
                  {"file_offset", OrNull(query.file_offset)},
                  {"in_image", query.in_image},
                  {"state", state},
                  {"owners", std::move(owners)},
                  {"tables", std::move(uses)}});
    if (format_ == OutputFormat::kNdjson) *out += '\n';
  }
  first_ = false;
  return !mappings.empty() || !tables.empty();
}

void OwnerReport::End(const Error* error, std::string* out) const {
  if (format_ == OutputFormat::kNdjson && error != nullptr) {
    AppendErrorRecord(format_, image_, *error, out);
  }
  if (format_ != OutputFormat::kJson) return;
  *out += fmt::format("],\"absent_tables\":{},\"complete\":{},\"error\":{}}}\n",
                      world_.index.absent_tables, world_.index.complete,
                      Dump(error != nullptr ? ErrorJson(image_, *error) : Json()));
}

}  // namespace v2p::cli

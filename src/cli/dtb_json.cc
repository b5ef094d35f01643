// `v2p dtb` as `v2p.roots/1`, as lines of `v2p.root/1`, and as CSV.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/csv_field.h"
#include "cli/dtb_report.h"
#include "cli/info.h"
#include "cli/json_records.h"
#include "cli/safe_text.h"
#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

std::optional<std::uint64_t> Value(const std::optional<PhysAddr>& pa) {
  return pa ? std::optional(pa->value) : std::nullopt;
}

Json EvidenceJson(const Evidence& evidence) {
  return {{"test", evidence.test},
          {"verdict", Name(evidence.verdict)},
          {"points", evidence.points},
          {"detail", evidence.detail}};
}

Json RootJson(const DtbReport& report, const Candidate& candidate) {
  Json evidence = Json::array();
  for (const Evidence& one : candidate.evidence) evidence.push_back(EvidenceJson(one));
  return {{"schema", "v2p.root/1"},
          {"image", report.args->dump},
          {"dtb", HexJson(candidate.root.table.value)},
          {"ttbr1", HexJson(Value(candidate.root.upper))},
          {"mode", Name(candidate.root.mode)},
          {"class", Name(candidate.cls)},
          {"os", OrNull(OsName(candidate.os))},
          {"source", candidate.source},
          {"confidence", candidate.confidence},
          {"standing", Name(candidate.TheStanding())},
          {"reason", candidate.reason.empty() ? Json() : Json(candidate.reason)},
          {"pair", HexJson(Value(candidate.pair))},
          {"evidence", std::move(evidence)}};
}

struct FactJson {
  Json operator()(const std::string& text) const { return text; }
  Json operator()(std::uint64_t number) const { return number; }
  Json operator()(Hex64 hex) const { return HexJson(hex.value); }
  Json operator()(bool yes) const { return yes; }
};

Json SystemJson(const System& system) {
  Json facts = Json::object();
  for (const Fact& fact : system.facts) facts[fact.key] = std::visit(FactJson{}, fact.value);
  return {{"os", OrNull(OsName(system.os))},
          {"version", system.version},
          {"build", system.build ? Json(*system.build) : Json()},
          {"dtb", HexJson(system.kernel.root.table.value)},
          {"mode", Name(system.kernel.root.mode)},
          {"confidence", system.kernel.confidence},
          {"kernel_base",
           HexJson(system.kernel_base ? std::optional(system.kernel_base->value) : std::nullopt)},
          {"facts", std::move(facts)},
          {"notes", system.notes}};
}

}  // namespace

std::string DtbJson(const DtbReport& report) {
  const Findings& findings = *report.findings;
  Json systems = Json::array();
  for (const System& system : findings.systems) systems.push_back(SystemJson(system));
  Json roots = Json::array();
  for (const Candidate& candidate : findings.candidates) {
    if (report.Shows(candidate)) roots.push_back(RootJson(report, candidate));
  }
  return Dump({{"schema", "v2p.roots/1"},
               {"image", report.args->dump},
               {"systems", std::move(systems)},
               {"ambiguous", findings.ambiguous},
               {"whole_image", findings.whole_image},
               {"scanned_bytes", findings.scanned_bytes},
               {"roots", std::move(roots)}}) +
         "\n";
}

std::string DtbNdjson(const DtbReport& report) {
  std::string out;
  for (const Candidate& candidate : report.findings->candidates) {
    if (report.Shows(candidate)) out += Dump(RootJson(report, candidate)) + "\n";
  }
  return out;
}

std::string DtbCsv(const DtbReport& report) {
  std::string out =
      "schema,image,dtb,ttbr1,mode,class,os,source,confidence,standing,reason,pair\r\n";
  const auto hex = [](const std::optional<PhysAddr>& pa) {
    return pa ? fmt::format("0x{:016x}", pa->value) : std::string();
  };
  for (const Candidate& c : report.findings->candidates) {
    if (!report.Shows(c)) continue;
    fmt::format_to(std::back_inserter(out), "v2p.root/1,{},{},{},{},{},{},{},{},{},{},{}\r\n",
                   CsvField(report.args->dump), hex(c.root.table), hex(c.root.upper),
                   Name(c.root.mode), Name(c.cls), OsName(c.os).value_or(""), c.source,
                   c.confidence, Name(c.TheStanding()), CsvField(c.reason), hex(c.pair));
  }
  return out;
}

}  // namespace v2p::cli

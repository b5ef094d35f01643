// `v2p info` as JSON: `v2p.info/1`.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/info.h"
#include "cli/json_records.h"
#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

std::optional<std::string_view> NameOf(std::optional<ModeName> mode) {
  return mode ? std::optional(Name(*mode)) : std::nullopt;
}

struct ValueJson {
  Json operator()(Hex64 hex) const { return HexJson(hex.value); }
  template <typename T>
  Json operator()(const T& value) const {
    return value;
  }
};

// Members of one object; a key that comes again gets a number, so that nothing is hidden.
Json FactsJson(const ImageFacts& facts) {
  Json members = Json::object();
  for (const Fact& fact : facts.details) {
    std::string key = fact.key;
    for (unsigned n = 2; members.contains(key); ++n) key = fmt::format("{}-{}", fact.key, n);
    members[key] = std::visit(ValueJson{}, fact.value);
  }
  return members;
}

Json CpusJson(const ImageFacts& facts) {
  Json cpus = Json::array();
  for (const CpuFacts& cpu : facts.cpus) {
    cpus.push_back({{"cr0", HexJson(cpu.cr0)},
                    {"cr3", HexJson(cpu.cr3)},
                    {"cr4", HexJson(cpu.cr4)},
                    {"gs_base", HexJson(cpu.gs_base)},
                    {"kernel_gs_base", HexJson(cpu.kernel_gs_base)},
                    {"idt_base", HexJson(cpu.idt_base)},
                    {"gdt_base", HexJson(cpu.gdt_base)},
                    {"ip", HexJson(cpu.ip)},
                    {"sp", HexJson(cpu.sp)},
                    {"privilege", OrNull(PrivilegeName(cpu.privilege))},
                    {"mode", OrNull(NameOf(cpu.mode))}});
  }
  return cpus;
}

Json ClaimsJson(const ImageFacts& facts) {
  Json claims = Json::array();
  for (const DtbClaim& claim : facts.dtb_claims) {
    const bool known = claim.mode.has_value();
    claims.push_back({{"value", HexJson(claim.value)},
                      {"dtb", known ? HexJson(claim.value & Mode(*claim.mode).root_mask) : Json()},
                      {"dtb_source", claim.source},
                      {"mode", OrNull(NameOf(claim.mode))},
                      {"mode_source", known ? Json(claim.mode_source) : Json()},
                      {"mode_assumed", claim.mode_assumed},
                      {"cpu", OrNull(claim.cpu)}});
  }
  return claims;
}

// Runs can be as many as pages: each is text as soon as it is known.
std::string DumpMemory(const Image& image) {
  if (!image.memory) return "null";
  const PhysicalMemory& memory = *image.memory;
  const std::uint64_t end = memory.End().value;
  const bool verbatim = memory.Source().Verbatim();
  std::string text =
      DumpOpen({{"present_bytes", memory.PresentBytes()},
                {"highest_address", HexJson(end == 0 ? std::nullopt : std::optional(end - 1))},
                {"missing_pages", OrNull(image.facts.missing_pages)},
                {"verbatim", verbatim}});
  text += ",\"runs\":[";
  const char* separator = "\n";
  memory.ForEachExtent([&](const Extent& run) {
    text += separator;
    text += Dump({{"begin", HexJson(run.begin.value)},
                  {"bytes", run.bytes},
                  {"file_offset", verbatim ? Json(run.at.value) : Json()}});
    separator = ",\n";
  });
  return text + "\n]}";
}

}  // namespace

std::string InfoJson(const std::string& name, const Image& image) {
  const std::string memory = DumpMemory(image);
  const Json before = {{"schema", "v2p.info/1"},
                       {"image", name},
                       {"format", image.format},
                       {"title", image.title},
                       {"machine", OrNull(MachineName(image.facts.machine))},
                       {"os", OrNull(OsName(image.facts.os))},
                       {"facts", FactsJson(image.facts)},
                       {"cpus", CpusJson(image.facts)},
                       {"dtb_claims", ClaimsJson(image.facts)}};
  const Json after = {{"no_memory", image.memory ? Json() : Json(image.no_memory)},
                      {"warnings", image.warnings}};
  return fmt::format("{},\"memory\":{},{}\n", DumpOpen(before), memory, Dump(after).substr(1));
}

}  // namespace v2p::cli

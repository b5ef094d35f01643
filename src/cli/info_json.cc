// `v2p info` as JSON: `v2p.info/1`.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>

#include "cli/info.h"
#include "cli/json_writer.h"
#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

void NameMember(std::string_view key, std::optional<std::string_view> name, JsonWriter& json) {
  json.Key(key);
  name ? json.String(*name) : json.Null();
}

std::optional<std::string_view> NameOf(std::optional<ModeName> mode) {
  return mode ? std::optional(Name(*mode)) : std::nullopt;
}

struct ValueWriter {
  JsonWriter& json;
  void operator()(const std::string& text) const { json.String(text); }
  void operator()(std::uint64_t number) const { json.Number(number); }
  void operator()(Hex64 hex) const { json.Hex(hex.value); }
  void operator()(bool yes) const { json.Bool(yes); }
};

// Members of one object; a key that comes again gets a number, so that nothing is hidden.
void WriteFacts(const ImageFacts& facts, JsonWriter& json) {
  std::map<std::string, unsigned, std::less<>> seen;
  json.Key("facts");
  json.BeginObject();
  for (const Fact& fact : facts.details) {
    const unsigned count = ++seen[fact.key];
    json.Key(count == 1 ? fact.key : fmt::format("{}-{}", fact.key, count));
    std::visit(ValueWriter{json}, fact.value);
  }
  json.EndObject();
}

void WriteCpus(const ImageFacts& facts, JsonWriter& json) {
  json.Key("cpus");
  json.BeginArray();
  for (const CpuFacts& cpu : facts.cpus) {
    json.BeginObject();
    json.HexMember("cr0", cpu.cr0);
    json.HexMember("cr3", cpu.cr3);
    json.HexMember("cr4", cpu.cr4);
    json.HexMember("gs_base", cpu.gs_base);
    json.HexMember("kernel_gs_base", cpu.kernel_gs_base);
    json.HexMember("idt_base", cpu.idt_base);
    json.HexMember("gdt_base", cpu.gdt_base);
    json.HexMember("ip", cpu.ip);
    json.HexMember("sp", cpu.sp);
    NameMember("privilege", PrivilegeName(cpu.privilege), json);
    NameMember("mode", NameOf(cpu.mode), json);
    json.EndObject();
  }
  json.EndArray();
}

void WriteClaims(const ImageFacts& facts, JsonWriter& json) {
  json.Key("dtb_claims");
  json.BeginArray();
  for (const DtbClaim& claim : facts.dtb_claims) {
    json.BeginObject();
    json.HexMember("value", claim.value);
    json.HexMember("dtb", claim.mode ? std::optional(claim.value & Mode(*claim.mode).root_mask)
                                     : std::nullopt);
    json.Member("dtb_source", claim.source);
    NameMember("mode", NameOf(claim.mode), json);
    NameMember("mode_source",
               claim.mode ? std::optional<std::string_view>(claim.mode_source) : std::nullopt,
               json);
    json.BoolMember("mode_assumed", claim.mode_assumed);
    json.NumberMember("cpu", claim.cpu);
    json.EndObject();
  }
  json.EndArray();
}

void WriteMemory(const Image& image, JsonWriter& json) {
  json.Key("memory");
  if (!image.memory) {
    json.Null();
    return;
  }
  const PhysicalMemory& memory = *image.memory;
  const std::uint64_t end = memory.End().value;
  const bool verbatim = memory.Source().Verbatim();
  json.BeginObject();
  json.NumberMember("present_bytes", memory.PresentBytes());
  json.HexMember("highest_address", end == 0 ? std::nullopt : std::optional(end - 1));
  json.NumberMember("missing_pages", image.facts.missing_pages);
  json.BoolMember("verbatim", verbatim);
  json.Key("runs");
  json.BeginArray();
  memory.ForEachExtent([&](const Extent& run) {
    json.NextLine();
    json.BeginObject();
    json.HexMember("begin", run.begin.value);
    json.NumberMember("bytes", run.bytes);
    json.NumberMember("file_offset", verbatim ? std::optional(run.at.value) : std::nullopt);
    json.EndObject();
  });
  json.NextLine();
  json.EndArray();
  json.EndObject();
}

}  // namespace

std::string InfoJson(const std::string& name, const Image& image) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Member("schema", "v2p.info/1");
  json.Member("image", name);
  json.Member("format", image.format);
  json.Member("title", image.title);
  NameMember("machine", MachineName(image.facts.machine), json);
  NameMember("os", OsName(image.facts.os), json);
  WriteFacts(image.facts, json);
  WriteCpus(image.facts, json);
  WriteClaims(image.facts, json);
  WriteMemory(image, json);
  NameMember("no_memory",
             image.memory ? std::nullopt : std::optional<std::string_view>(image.no_memory), json);
  json.Key("warnings");
  json.BeginArray();
  for (const std::string& warning : image.warnings) json.String(warning);
  json.EndArray();
  json.EndObject();
  return out + "\n";
}

}  // namespace v2p::cli

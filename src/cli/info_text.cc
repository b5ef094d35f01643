// `v2p info` for eyes.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "cli/info.h"
#include "cli/safe_text.h"
#include "cli/text_format.h"
#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

struct ValueText {
  std::string operator()(const std::string& text) const { return SafeText(text); }
  std::string operator()(std::uint64_t number) const { return fmt::format("{}", number); }
  std::string operator()(Hex64 hex) const { return fmt::format("0x{:016x}", hex.value); }
  std::string operator()(bool yes) const { return yes ? "yes" : "no"; }
};

// Lines of a key column and a text; a line with an empty key continues the one above.
class Table {
 public:
  void Add(std::string key, std::string text) {
    rows_.push_back({std::move(key), std::move(text)});
  }
  std::string Text() const {
    std::size_t width = 10;
    for (const Row& row : rows_) width = std::max(width, row.key.size());
    std::string out;
    for (const Row& row : rows_) {
      fmt::format_to(std::back_inserter(out), "  {:<{}}  {}\n", row.key, width, row.text);
    }
    return out;
  }

 private:
  struct Row {
    std::string key, text;
  };
  std::vector<Row> rows_;
};

void AddSystem(const ImageFacts& facts, Table& table) {
  std::string system(MachineName(facts.machine).value_or(""));
  if (const auto os = OsName(facts.os)) {
    system += fmt::format("{}{}", system.empty() ? "" : ", ", *os);
  }
  if (!system.empty()) table.Add("system", system);
  for (const Fact& fact : facts.details) {
    table.Add(SafeText(fact.key), std::visit(ValueText{}, fact.value));
  }
}

void AddCpus(const ImageFacts& facts, Table& table) {
  for (std::size_t i = 0; i < facts.cpus.size(); ++i) {
    const CpuFacts& cpu = facts.cpus[i];
    std::string text;
    const auto add = [&](std::string_view name, std::optional<std::uint64_t> value) {
      if (value) fmt::format_to(std::back_inserter(text), "{} {:#x}  ", name, *value);
    };
    add("cr0", cpu.cr0);
    add("cr3", cpu.cr3);
    add("cr4", cpu.cr4);
    add("ip", cpu.ip);
    add("gs", cpu.gs_base);
    add("idt", cpu.idt_base);
    if (cpu.mode) text += fmt::format("{}  ", Name(*cpu.mode));
    text += PrivilegeName(cpu.privilege).value_or("");
    text.erase(text.find_last_not_of(' ') + 1);
    table.Add(fmt::format("CPU {}", i), text);
  }
}

void AddClaims(const ImageFacts& facts, Table& table) {
  for (const DtbClaim& claim : facts.dtb_claims) {
    std::string text = fmt::format("{:#x} {}", claim.value, SourceWords(claim.source));
    if (claim.mode) {
      const std::uint64_t root = claim.value & Mode(*claim.mode).root_mask;
      if (root != claim.value) text += fmt::format(": low bits are no address, root {:#x}", root);
      text += fmt::format("; mode {}{}", Name(*claim.mode), claim.mode_assumed ? " (assumed)" : "");
    } else {
      text += "; mode not known: give --mode";
    }
    table.Add("DTB", text);
  }
}

void AddMemory(const Image& image, std::size_t shown_runs, Table& table) {
  if (!image.memory) {
    table.Add("memory", fmt::format("none: {}", SafeText(image.no_memory)));
    return;
  }
  const PhysicalMemory& memory = *image.memory;
  const bool verbatim = memory.Source().Verbatim();
  std::vector<std::string> lines;
  std::size_t runs = 0;
  memory.ForEachExtent([&](const Extent& run) {
    if (runs++ >= shown_runs) return;
    lines.push_back(fmt::format("{} - {}  {:>10}", Ticked(run.begin.value),
                                Ticked(run.End().value - 1), LongSize(run.bytes)));
    if (verbatim) lines.back() += fmt::format("  file offset {:#x}", run.at.value);
  });
  std::string summary = fmt::format("{} present in {} run{}", LongSize(memory.PresentBytes()),
                                    Grouped(runs), runs == 1 ? "" : "s");
  if (runs > 0) summary += fmt::format(", highest address {}", Ticked(memory.End().value - 1));
  table.Add("memory", summary);
  for (std::string& line : lines) table.Add("", std::move(line));
  if (runs > lines.size()) {
    table.Add("", fmt::format("... and {} more (-v shows all)", Grouped(runs - lines.size())));
  }
  if (image.facts.missing_pages > 0) {
    table.Add("missing", fmt::format("{} pages that it promises are not in the file",
                                     Grouped(image.facts.missing_pages)));
  }
}

}  // namespace

std::string InfoText(const std::string& name, const Image& image, std::size_t shown_runs) {
  Table table;
  AddSystem(image.facts, table);
  AddCpus(image.facts, table);
  AddClaims(image.facts, table);
  AddMemory(image, shown_runs, table);
  for (const std::string& warning : image.warnings) table.Add("warning", SafeText(warning));
  return fmt::format("{}   {}\n{}", SafeText(name), SafeText(image.title), table.Text());
}

}  // namespace v2p::cli

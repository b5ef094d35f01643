// `v2p formats`: what is recognised, what is read.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/json_records.h"
#include "cli/log.h"
#include "cli/output.h"

namespace v2p::cli {
namespace {

std::string FormatsJson() {
  Json formats = Json::array();
  for (const Format* format : Formats()) {
    const bool read = format->open != nullptr;
    const bool silent = read || format->next_step.empty();
    formats.push_back({{"name", format->name},
                       {"description", format->description},
                       {"read", read},
                       {"next_step", silent ? Json() : Json(format->next_step)}});
  }
  return Dump({{"schema", "v2p.formats/1"}, {"formats", std::move(formats)}}) + "\n";
}

std::string FormatsText() {
  std::string read;
  std::string named;
  for (const Format* format : Formats()) {
    if (format->open != nullptr) {
      fmt::format_to(std::back_inserter(read), "  {:<24}  {}\n", format->name, format->description);
    } else {
      fmt::format_to(std::back_inserter(named), "  {:<24}  {}\n  {:<24}  -> {}\n", format->name,
                     format->description, "", format->next_step);
    }
  }
  std::string out = "Read, each also inside zstd:\n" + read;
  if (!named.empty()) out += "\nNamed and refused:\n" + named;
  return out;
}

}  // namespace

int RunFormats(const Args& args) {
  switch (args.format) {
    case OutputFormat::kText:
      return PrintAndExit(FormatsText(), kAllTranslated);
    case OutputFormat::kJson:
    case OutputFormat::kNdjson:
      return PrintAndExit(FormatsJson(), kAllTranslated);
    case OutputFormat::kCsv:
    case OutputFormat::kWindbg:
      break;
  }
  LogError("formats: the forms are text and json");
  return kUsageError;
}

}  // namespace v2p::cli

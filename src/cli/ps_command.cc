// `v2p ps`: the processes of the systems in an image, with their roots.
// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "cli/commands.h"
#include "cli/find_root.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/ps_report.h"

namespace v2p::cli {
namespace {

std::string Text(const Args& args, std::span<const System> systems) {
  switch (args.format) {
    case OutputFormat::kJson:
      return PsJson(args.dump, systems);
    case OutputFormat::kNdjson:
      return PsNdjson(args.dump, systems);
    case OutputFormat::kCsv:
      return PsCsv(args.dump, systems);
    case OutputFormat::kText:
    case OutputFormat::kWindbg:
      break;
  }
  return PsText(systems);
}

// JSON carries the notes itself.
void LogNotes(const Args& args, std::span<const System> systems) {
  if (args.format == OutputFormat::kJson) return;
  for (const System& system : systems) {
    for (const std::string& note : system.notes) LogWarning(args.dump + ": " + note);
  }
}

}  // namespace

int RunPs(const Args& args) {
  if (args.format == OutputFormat::kWindbg) {
    LogError("ps: the forms are text, json, ndjson and csv");
    return kUsageError;
  }
  const auto image = LoadImage(args);
  if (!image) return FailWith(args, image.error());
  LogWarnings(args, *image);
  if (!image->memory) {
    return FailWith(args, {ErrorKind::kNoMemory, image->no_memory, {}, std::nullopt});
  }
  LocateOptions options;
  options.processes = true;
  auto findings = LocateWithProgress(args, *image, options);
  if (!findings) return FailWith(args, std::move(findings).error());
  std::vector<System> systems = std::move(findings->systems);
  if (args.os || systems.empty()) {
    findings->systems = std::move(systems);
    auto chosen = ChooseSystem(args, std::move(*findings));
    if (!chosen) return FailWith(args, std::move(chosen).error());
    systems = {std::move(*chosen)};
  }
  LogNotes(args, systems);
  return PrintAndExit(Text(args, systems), kAllTranslated);
}

}  // namespace v2p::cli

// `v2p dtb`: the page table roots of an image, and why they are believed.
// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <utility>

#include "cli/commands.h"
#include "cli/dtb_report.h"
#include "cli/find_root.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/output.h"

namespace v2p::cli {
namespace {

std::string Text(const DtbReport& report) {
  switch (report.args->format) {
    case OutputFormat::kJson:
      return DtbJson(report);
    case OutputFormat::kNdjson:
      return DtbNdjson(report);
    case OutputFormat::kCsv:
      return DtbCsv(report);
    case OutputFormat::kText:
    case OutputFormat::kWindbg:
      break;
  }
  return DtbText(report);
}

}  // namespace

bool DtbReport::Shows(const Candidate& candidate) const {
  if (args->all || args->dtb || candidate.TheStanding() != Standing::kRejected) return true;
  return args->explain && candidate.source != "scan";
}

int RunDtb(const Args& args) {
  if (args.format == OutputFormat::kWindbg) {
    LogError("dtb: the forms are text, json, ndjson and csv");
    return kUsageError;
  }
  const auto image = LoadImage(args);
  if (!image) return FailWith(args, image.error());
  LogWarnings(args, *image);
  if (!image->memory) {
    return FailWith(args, {ErrorKind::kNoMemory, image->no_memory, args.dump, std::nullopt});
  }
  const auto begin = std::chrono::steady_clock::now();
  LocateOptions options;
  options.whole_image = args.all;
  auto findings = FindingsOf(args, *image, options);
  if (!findings) return FailWith(args, std::move(findings).error());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const std::string out = Text({&args, &*findings, took.count()});
  return PrintAndExit(out, findings->systems.empty() ? kNoImage : kAllTranslated);
}

}  // namespace v2p::cli

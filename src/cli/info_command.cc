// `v2p info`: what the image says about itself, and which memory it holds.
// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "cli/commands.h"
#include "cli/info.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/output.h"

namespace v2p::cli {
namespace {

constexpr std::size_t kShownRuns = 16;

}  // namespace

std::optional<std::string_view> MachineName(Machine machine) {
  switch (machine) {
    case Machine::kX86:
      return "x86";
    case Machine::kX64:
      return "x64";
    case Machine::kArm64:
      return "arm64";
    case Machine::kUnknown:
      break;
  }
  return std::nullopt;
}

std::optional<std::string_view> OsName(GuestOs os) {
  switch (os) {
    case GuestOs::kWindows:
      return "windows";
    case GuestOs::kLinux:
      return "linux";
    case GuestOs::kUnknown:
      break;
  }
  return std::nullopt;
}

std::optional<std::string_view> PrivilegeName(Privilege privilege) {
  switch (privilege) {
    case Privilege::kKernel:
      return "kernel";
    case Privilege::kUser:
      return "user";
    case Privilege::kUnknown:
      break;
  }
  return std::nullopt;
}

int RunInfo(const Args& args) {
  if (args.format == OutputFormat::kCsv || args.format == OutputFormat::kWindbg) {
    LogError("info: the forms are text, json and ndjson");
    return kUsageError;
  }
  const auto image = LoadImage(args);
  if (!image) return FailWith(args, image.error());
  const bool all = args.verbosity > 0;
  const std::string out =
      args.format == OutputFormat::kText
          ? InfoText(args.dump, *image, all ? std::numeric_limits<std::size_t>::max() : kShownRuns)
          : InfoJson(args.dump, *image);
  if (const auto fault = ImageFault(args, *image)) return FailWith(args, *fault);
  return PrintAndExit(out, kAllTranslated);
}

}  // namespace v2p::cli

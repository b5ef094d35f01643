// `v2p convert`: writes what an image holds in another format.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/text_format.h"
#include "dumpfmt/convert.h"

namespace v2p::cli {
namespace {

// What --dtb and --mode say about a crash dump's header.
std::optional<DtbClaim> HeaderRoot(const Args& args, const Image& image) {
  const auto& claims = image.facts.dtb_claims;
  if (!args.dtb && !args.mode) return std::nullopt;
  DtbClaim root = claims.empty() ? DtbClaim{} : claims.front();
  if (args.dtb) root.value = *args.dtb;
  if (args.mode) root.mode = args.mode;
  if (!args.dtb && claims.empty()) return std::nullopt;
  return root;
}

void Report(const Args& args, const Image& image, const ConvertResult& result) {
  LogInfo(fmt::format("{}: {} of memory in {} stretches, {} on disk, read back and equal", args.out,
                      LongSize(result.bytes_written), result.stretches,
                      LongSize(result.file_bytes)));
  if (result.unreadable_bytes != 0) {
    LogWarning(fmt::format("{}: {} cannot be read and is absent from the copy", args.dump,
                           LongSize(result.unreadable_bytes)));
    if (const auto fault = image.memory->Fault()) LogWarning(fault->OneLine());
    if (const auto damage = image.memory->Damaged()) LogWarning(DamageLine(args, *damage));
  }
  if (result.partial_bytes != 0) {
    LogWarning(
        fmt::format("{}: a crash dump holds whole pages: {} of pages that the image holds "
                    "in part were left out",
                    args.dump, LongSize(result.partial_bytes)));
  }
}

Result<ConvertResult> Convert(const Args& args, const Image& image) {
  Progress progress("convert", args.quiet);
  ConvertOptions options = args.convert;
  options.root = HeaderRoot(args, image);
  options.progress = [&](std::uint64_t done, std::uint64_t total) { progress.Update(done, total); };
  options.interrupted = Interrupted;
  return ConvertImage(image, args.dump, args.out, options);
}

}  // namespace

int RunConvert(const Args& args) {
  const InterruptGuard guard;
  const auto image = LoadImage(args);
  if (!image) return FailWith(args, image.error());
  LogWarnings(args, *image);
  const auto converted = Convert(args, *image);
  if (!converted && Interrupted()) return kInterruptedStatus;
  if (!converted) return FailWith(args, converted.error());
  Report(args, *image, *converted);
  return kAllTranslated;
}

}  // namespace v2p::cli

// `v2p atlas`: physical memory as a picture, coloured by owner, in one file.
// SPDX-License-Identifier: Apache-2.0
#include <span>

#include "cli/atlas_scene.h"
#include "cli/commands.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "codec/new_file.h"

namespace v2p::cli {
namespace {

Result<FrameCensus> Count(const Args& args, const Image& image, const OwnerIndex& owners) {
  Progress progress("frames", args.quiet);
  CensusOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    progress.Update(done, total);
    return !Interrupted();
  };
  return CountFrames(*image.memory, owners, options);
}

// Draws into `file` and gives it its name; the result is what goes to standard output.
Result<std::string> Draw(const Args& args, const Image& image, NewFile& file) {
  const auto world = FindOwners(args, image);
  if (!world) return tl::unexpected<Error>(world.error());
  LogOwnerWarnings(args, world->index);
  auto census = Count(args, image, world->index);
  if (!census) return tl::unexpected<Error>(std::move(census).error());
  if (auto fault = ImageFault(args, image)) return tl::unexpected<Error>(std::move(*fault));
  if (const auto damage = image.memory->Damaged()) LogWarning(DamageLine(args, *damage));
  const AtlasScene scene = MakeAtlas(*world, std::move(*census), args.dump);
  const std::string drawn = args.out.ends_with(".svg") ? AtlasSvg(scene) : AtlasHtml(scene);
  if (const Status written = file.Append(std::as_bytes(std::span(drawn))); !written) {
    return tl::unexpected<Error>(written.error());
  }
  if (Interrupted()) return Fail(ErrorKind::kInterrupted, "nothing was written");
  if (const Status published = file.Publish(); !published) {
    return tl::unexpected<Error>(published.error());
  }
  return AtlasReport(scene, *world, args);
}

}  // namespace

int RunAtlas(const Args& args) {
  if (args.format == OutputFormat::kWindbg) {
    LogError("atlas: the forms are text, json, ndjson and csv");
    return kUsageError;
  }
  const InterruptGuard guard;
  const auto image = LoadImage(args);
  if (!image) return FailWith(args, image.error());
  LogWarnings(args, *image);
  if (!image->memory) {
    return FailWith(args, {ErrorKind::kNoMemory, image->no_memory, args.dump, {}});
  }
  // Refused before the work, not after it.
  const auto mode = ModeForCopy(args.dump, args.out);
  if (!mode) return FailWith(args, mode.error());
  auto file = NewFile::Create(args.out, args.convert.force, *mode);
  if (!file) return FailWith(args, file.error());
  const auto report = Draw(args, *image, *file);
  if (!report) return FailWith(args, report.error());
  return PrintAndExit(*report, kAllTranslated);
}

}  // namespace v2p::cli

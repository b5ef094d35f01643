// The image and the root that a command works on.
// SPDX-License-Identifier: Apache-2.0
#include "cli/target.h"

#include <fmt/format.h>

#include <utility>

#include "cli/find_root.h"
#include "cli/load_image.h"
#include "cli/log.h"

namespace v2p::cli {

std::optional<Target> OpenTarget(const Args& args, int* status) {
  const auto stop = [&](Error error) {
    if (error.file.empty()) error.file = args.dump;
    const bool interrupted = error.kind == ErrorKind::kInterrupted;
    *status = FailWith(args, error);
    if (interrupted) *status = kInterruptedStatus;
    return std::nullopt;
  };
  auto image = LoadImage(args);
  if (!image) return stop(std::move(image).error());
  LogWarnings(args, *image);
  if (!image->memory) return stop({ErrorKind::kNoMemory, image->no_memory, {}, std::nullopt});
  auto root = FindRoot(args, *image);
  if (!root) return stop(std::move(root).error());
  for (const std::string& note : root->notes) LogWarning(fmt::format("{}: {}", args.dump, note));
  return Target{std::move(*image), std::move(*root)};
}

}  // namespace v2p::cli

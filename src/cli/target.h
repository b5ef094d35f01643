// The image and the root that a command works on.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "cli/args.h"
#include "cli/choose_root.h"
#include "dumpfmt/image.h"

namespace v2p::cli {

struct Target {
  Image image;
  RootChoice root;
};

/// Opens the image and finds its root, with their warnings on standard error; or reports why not
/// and sets the exit status.
std::optional<Target> OpenTarget(const Args& args, int* status);

}  // namespace v2p::cli

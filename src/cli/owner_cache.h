// Owners kept between runs, where --cache-dir says and nowhere else.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "cli/args.h"
#include "cli/owner_world.h"
#include "dumpfmt/image.h"

namespace v2p::cli {

/// What an earlier run kept for this image and these options. Nothing when there is no such file,
/// it is damaged, or one of the page tables it was made from reads differently now. `image` has
/// memory.
std::optional<OwnerWorld> LoadOwners(const Args& args, const Image& image);

/// Keeps `world`. A failure is a warning: the answers are there.
void SaveOwners(const Args& args, const Image& image, const OwnerWorld& world);

}  // namespace v2p::cli

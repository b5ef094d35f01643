// The root that a command works with: claimed, given, a process's, or found by the locator.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "cli/args.h"
#include "cli/choose_root.h"
#include "dumpfmt/image.h"
#include "locate/locator.h"

namespace v2p::cli {

/// Runs the locator with a progress line; interruption and faults of the image are errors.
Result<Findings> LocateWithProgress(const Args& args, const Image& image, LocateOptions options);

/// The findings about the root that --dtb names, or those of a search.
Result<Findings> FindingsOf(const Args& args, const Image& image, LocateOptions options);

/// The system that --os names, else the only or best one. kNoRoot when there is none, when two
/// could be meant, or when --os names none; the message shows the candidates.
Result<System> ChooseSystem(const Args& args, Findings findings);

/// The root to translate with: of --pid or --process, of --dtb, of --cpu or the container when
/// nothing contradicts it, else the best that the search found. Every root is weighed: what a
/// verdict says of it stands in the notes. `image` has memory.
Result<RootChoice> FindRoot(const Args& args, const Image& image);

}  // namespace v2p::cli

// Which process --pid or --process means, and whether its root can still be used.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "cli/args.h"
#include "cli/choose_root.h"
#include "locate/findings.h"

namespace v2p::cli {

/// Whether the command line names a process.
bool NamesProcess(const Args& args);

/// The one process of `system` that --pid or --process names. kNoRoot when there is none, or
/// several: the message lists their PIDs.
Result<Process> ChooseProcess(const Args& args, const System& system);

/// The root of `process`. kNoRoot when it has been freed, recycled or is not in the image.
Result<RootChoice> RootOfProcess(const Process& process, const System& system);

}  // namespace v2p::cli

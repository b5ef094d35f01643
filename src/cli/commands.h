// The subcommands: each takes the parsed command line and gives an exit status.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/args.h"

namespace v2p::cli {

int RunTranslate(const Args& args);
int RunInfo(const Args& args);
int RunFormats(const Args& args);
int RunSchema(const Args& args);
int RunPack(const Args& args);
int RunConvert(const Args& args);
int RunRead(const Args& args);
int RunPte(const Args& args);
int RunMaps(const Args& args);
int RunOwner(const Args& args);
int RunAtlas(const Args& args);
int RunDtb(const Args& args);
int RunPs(const Args& args);

}  // namespace v2p::cli

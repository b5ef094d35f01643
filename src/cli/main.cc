// Entry of the command line tool.
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include "cli/commands.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/signals.h"

namespace {

using v2p::cli::Args;
using v2p::cli::Command;

int Dispatch(const Args& args) {
  switch (args.command) {
    case Command::kTranslate:
      return v2p::cli::RunTranslate(args);
    case Command::kInfo:
      return v2p::cli::RunInfo(args);
    case Command::kFormats:
      return v2p::cli::RunFormats(args);
    case Command::kSchema:
      return v2p::cli::RunSchema(args);
    case Command::kPack:
      return v2p::cli::RunPack(args);
    case Command::kConvert:
      return v2p::cli::RunConvert(args);
    case Command::kRead:
      return v2p::cli::RunRead(args);
    case Command::kPte:
      return v2p::cli::RunPte(args);
    case Command::kMaps:
      return v2p::cli::RunMaps(args);
    case Command::kOwner:
      return v2p::cli::RunOwner(args);
    case Command::kAtlas:
      return v2p::cli::RunAtlas(args);
    case Command::kDtb:
      return v2p::cli::RunDtb(args);
    case Command::kPs:
      return v2p::cli::RunPs(args);
  }
  return v2p::cli::kUsageError;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    v2p::cli::InstallSignalHandlers();
    const auto parsed = v2p::cli::ParseArgs(argc, argv);
    if (!parsed.args) {
      std::fputs(parsed.err.c_str(), stderr);
      return v2p::cli::PrintAndExit(parsed.out, parsed.status);
    }
    v2p::cli::SetLogLevel(parsed.args->quiet ? -1 : parsed.args->verbosity);
    return Dispatch(*parsed.args);
  } catch (const std::exception& error) {  // memory ran out: the one thing that still throws
    std::fprintf(stderr, "v2p: %s\n", error.what());
    return v2p::cli::kNoImage;
  }
}

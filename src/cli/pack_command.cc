// `v2p pack`: makes an image that can be read at random while compressed.
// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/log.h"

namespace v2p::cli {

int RunPack(const Args& /*args*/) {
  LogError("pack: not in this build yet");
  return kNoImage;
}

}  // namespace v2p::cli

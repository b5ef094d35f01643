// Processes of a Linux system.
// SPDX-License-Identifier: Apache-2.0
#include "locate/judge.h"

namespace v2p {

void FindLinuxProcesses(const Scene& /*scene*/, System& /*system*/) {}

}  // namespace v2p

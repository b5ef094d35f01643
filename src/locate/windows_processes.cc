// Processes of a Windows system.
// SPDX-License-Identifier: Apache-2.0
#include "locate/judge.h"

namespace v2p {

void FindWindowsProcesses(const Scene& /*scene*/, System& /*system*/) {}

}  // namespace v2p

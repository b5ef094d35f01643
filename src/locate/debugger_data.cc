// KDDEBUGGER_DATA64 blocks.
// SPDX-License-Identifier: Apache-2.0
#include "locate/detectors.h"

namespace v2p {

void DetectDebuggerData(const PageRun& /*run*/, const RamBounds& /*ram*/, Sightings& /*out*/) {}

}  // namespace v2p

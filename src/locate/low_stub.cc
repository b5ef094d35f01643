// PROCESSOR_START_BLOCK in low memory.
// SPDX-License-Identifier: Apache-2.0
#include "locate/detectors.h"

namespace v2p {

void DetectLowStub(const PageRun& /*run*/, const RamBounds& /*ram*/, Sightings& /*out*/) {}

}  // namespace v2p

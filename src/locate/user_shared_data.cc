// Pages that read like KUSER_SHARED_DATA.
// SPDX-License-Identifier: Apache-2.0
#include "locate/detectors.h"

namespace v2p {

void DetectUserSharedData(const PageRun& /*run*/, const RamBounds& /*ram*/, Sightings& /*out*/) {}

}  // namespace v2p

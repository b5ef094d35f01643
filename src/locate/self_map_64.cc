// Self-referencing roots of 64-bit Windows.
// SPDX-License-Identifier: Apache-2.0
#include "locate/detectors.h"

namespace v2p {

void DetectSelfMap64(const PageRun& /*run*/, const RamBounds& /*ram*/, Sightings& /*out*/) {}

}  // namespace v2p

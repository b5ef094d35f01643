// Roots of Linux kernels by their structure.
// SPDX-License-Identifier: Apache-2.0
#include "locate/detectors.h"

namespace v2p {

void DetectLinuxRoots(const PageRun& /*run*/, const RamBounds& /*ram*/, Sightings& /*out*/) {}

}  // namespace v2p

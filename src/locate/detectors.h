// The detectors, one function each, for the list in detectors.cc.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "locate/detector.h"

namespace v2p {

void DetectSelfMap64(const PageRun& run, const RamBounds& ram, Sightings& out);
void DetectSelfMap32(const PageRun& run, const RamBounds& ram, Sightings& out);
void DetectLowStub(const PageRun& run, const RamBounds& ram, Sightings& out);
void DetectLinuxRoots(const PageRun& run, const RamBounds& ram, Sightings& out);

void DetectUserSharedData(const PageRun& run, const RamBounds& ram, Sightings& out);
void DetectProcessObjects(const PageRun& run, const RamBounds& ram, Sightings& out);
void DetectMarkedContent(const PageRun& run, const RamBounds& ram, Sightings& out);
void DetectProcessorRegions(const PageRun& run, const RamBounds& ram, Sightings& out);
void DetectLinuxPaePointers(const PageRun& run, const RamBounds& ram, Sightings& out);

}  // namespace v2p

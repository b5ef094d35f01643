// The list of detectors: a new one is a file of its own and one line here.
// SPDX-License-Identifier: Apache-2.0
#include "locate/detectors.h"

#include <array>

namespace v2p {
namespace {

constexpr std::array kRootDetectors = {
    Detector{"self-map-64", DetectSelfMap64},
    Detector{"self-map-32", DetectSelfMap32},
    Detector{"low-stub", DetectLowStub},
    Detector{"linux-roots", DetectLinuxRoots},
};

constexpr std::array kContentDetectors = {
    Detector{"user-shared-data", DetectUserSharedData},
    Detector{"process-objects", DetectProcessObjects},
    Detector{"debugger-data", DetectDebuggerData},
    Detector{"processor-regions", DetectProcessorRegions},
    Detector{"linux-texts", DetectLinuxTexts},
};

}  // namespace

std::span<const Detector> RootDetectors() { return kRootDetectors; }
std::span<const Detector> ContentDetectors() { return kContentDetectors; }

}  // namespace v2p

// The list of detectors: a new one is a file of its own and one line here.
// SPDX-License-Identifier: Apache-2.0
#include "locate/detectors.h"

#include <array>

namespace v2p {
namespace {

// Those of roots first.
constexpr std::array kDetectors = {
    Detector{"self-map-64", DetectSelfMap64},
    Detector{"self-map-32", DetectSelfMap32},
    Detector{"low-stub", DetectLowStub},
    Detector{"linux-roots", DetectLinuxRoots},
    Detector{"user-shared-data", DetectUserSharedData},
    Detector{"process-objects", DetectProcessObjects},
    Detector{"marked-content", DetectMarkedContent},
    Detector{"processor-regions", DetectProcessorRegions},
    Detector{"linux-pae-pointers", DetectLinuxPaePointers},
};

constexpr std::size_t kRootDetectors = 4;

}  // namespace

std::span<const Detector> RootDetectors() { return std::span(kDetectors).first(kRootDetectors); }
std::span<const Detector> ContentDetectors() {
  return std::span(kDetectors).subspan(kRootDetectors);
}
std::span<const Detector> AllDetectors() { return kDetectors; }

}  // namespace v2p

// Which roots are worth testing as Windows': what somebody names and what detectors saw.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "locate/windows_root.h"

namespace v2p {

/// Roots without repetition, inspected, those that somebody names first. Their number is bounded.
std::vector<WindowsRoot> GatherWindowsRoots(const Scene& scene, std::span<const RootHint> hints);

}  // namespace v2p

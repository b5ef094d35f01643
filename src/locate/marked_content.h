// What a marked word turns out to begin: one function each, for the list in marked_content.cc.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "locate/detector.h"

namespace v2p {

/// A page, its address, and where in it the mark stands.
struct MarkedPlace {
  std::span<const std::byte> page;
  PhysAddr page_at;
  std::size_t at = 0;
};

void SeeDebuggerData(const MarkedPlace& place, Sightings& out);
void SeeVmcoreinfo(const MarkedPlace& place, Sightings& out);
void SeeLinuxBanner(const MarkedPlace& place, Sightings& out);

}  // namespace v2p

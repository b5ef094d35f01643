// Bounded lists of sightings.
// SPDX-License-Identifier: Apache-2.0
#include "locate/sighting.h"

namespace v2p {

void Sightings::Add(const Sighting& sighting) {
  const auto kind = static_cast<std::size_t>(sighting.kind);
  if (lists_[kind].size() < kMostOfAKind) {
    lists_[kind].push_back(sighting);
  } else {
    ++left_out_[kind];
  }
}

void Sightings::Append(const Sightings& later) {
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    for (const Sighting& sighting : later.lists_[kind]) Add(sighting);
    left_out_[kind] += later.left_out_[kind];
  }
}

std::size_t Sightings::Count() const {
  std::size_t count = 0;
  for (const auto& list : lists_) count += list.size();
  return count;
}

}  // namespace v2p

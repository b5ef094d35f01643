// ProcessList: the list of active processes, followed from System in both directions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "locate/eprocess_context.h"

namespace v2p {

/// A list longer than this is left at that: no Windows has so many processes.
inline constexpr std::size_t kMostListed = 1U << 16U;

struct ProcessList {
  /// Objects, `system` first; those that only the backward links name come last.
  std::vector<VirtAddr> objects;
  /// Both directions came round to `system`: what is not in the list is in no list.
  bool complete = false;
  std::vector<std::string> notes;  ///< where it broke, or that the directions differ
};

/// `links` is the offset of ActiveProcessLinks. Ends whatever the image holds: no element is passed
/// twice.
ProcessList FollowProcessList(const EprocessContext& context, VirtAddr system, std::size_t links);

}  // namespace v2p

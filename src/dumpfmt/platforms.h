// Where well-known machines put their RAM: for raw images that leave out the hole below 4 GiB.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/run_index.h"

namespace v2p {

/// RAM begins at `base`. When there are at least `split_from` bytes of it, the first `low_bytes`
/// stay there and the rest goes on at `high`.
struct Platform {
  std::string_view name;  ///< as in `--platform`
  std::string_view description;
  PhysAddr base;
  std::uint64_t split_from = 0;  ///< 0: never split
  std::uint64_t low_bytes = 0;
  PhysAddr high;
  std::string_view source;  ///< where the numbers come from
};

std::span<const Platform> Platforms();

/// The platform called `name`, or null.
const Platform* FindPlatform(std::string_view name);

/// The extents of `ram_bytes` bytes of RAM stored from file offset 0 without the hole.
std::vector<Extent> RamExtents(const Platform& platform, std::uint64_t ram_bytes);

}  // namespace v2p

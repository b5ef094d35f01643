// Owners kept between runs, where --cache-dir says and nowhere else.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/physical_memory.h"
#include "cli/args.h"
#include "cli/owner_world.h"

namespace v2p::cli {

/// The file in --cache-dir for one image and one set of options, or none.
class OwnerCache {
 public:
  /// `memory` is what the image of `args` holds.
  OwnerCache(const Args& args, const PhysicalMemory& memory);

  /// What an earlier run kept. Nothing when there is no such file, it is damaged, or one of the
  /// page tables it was made from reads differently now.
  std::optional<OwnerWorld> Load() const;

  /// Keeps `world`. A failure is a warning: the answers are there.
  void Save(const OwnerWorld& world) const;

 private:
  const PhysicalMemory& memory_;
  std::string folder_, key_, path_;  // empty: nothing is kept
};

}  // namespace v2p::cli

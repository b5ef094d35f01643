// All owners of an image, for the commands that go from memory to who maps it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/args.h"
#include "dumpfmt/image.h"
#include "locate/owners.h"

namespace v2p::cli {

struct OwnerWorld {
  std::vector<System> systems;
  bool given_root = false;  ///< the one system is a root that the user named
  OwnerIndex index;

  /// Kebab-case names in output: kernel, process, orphan-root, given-root.
  std::string_view Kind(std::uint32_t owner) const;
  const Process* ProcessOf(std::uint32_t owner) const;
  const Root& RootOf(std::uint32_t owner) const;
};

/// Reads the tables of the root that --dtb names, of the system that --os names, else of all
/// systems, with progress. `image` has memory.
Result<OwnerWorld> FindOwners(const Args& args, const Image& image);

/// Warns of page tables that could not be read: there may be more owners.
void LogOwnerWarnings(const Args& args, const OwnerIndex& index);

}  // namespace v2p::cli

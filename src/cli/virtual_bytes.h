// VirtualBytes: the bytes behind virtual addresses, wherever they are: in memory, in a page file,
// in the compressed store. What is nowhere stays absent. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/following.h"
#include "cli/target.h"
#include "translate/walker.h"

namespace v2p::cli {

/// Part of one page: `present[i]` says whether `bytes[i]` is known.
struct VirtualPiece {
  VirtAddr va;
  std::vector<std::byte> bytes;
  std::vector<bool> present;
  std::string why;  ///< why bytes are absent, kebab-case; empty when none is

  bool Whole() const { return why.empty(); }
};

/// One thread.
class VirtualBytes {
 public:
  VirtualBytes(const Args& args, const Target& target);

  Status OpenPageFiles() { return following_.OpenPageFiles(); }
  /// [va, va + bytes), which lie in one page.
  VirtualPiece Read(VirtAddr va, std::size_t bytes);

 private:
  void FromMemory(PhysAddr pa, VirtualPiece* piece) const;

  const Target& target_;
  Walker walker_;
  FollowRun following_;
};

/// Of the target's root; entries that are not present are followed apart from the walk.
AddressSpaceSpec WalkSpec(const Args& args, const Target& target);

}  // namespace v2p::cli

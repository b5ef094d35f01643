// libaddrxlat (libkdumpfile) translating through the same memory: the public peer of the walks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/physical_memory.h"

namespace v2p::bench {

/// x64 walks by libaddrxlat; pages come from `memory` by pointer, nothing is copied.
class AddrxlatPeer {
 public:
  AddrxlatPeer(const PhysicalMemory& memory, std::uint64_t root);
  AddrxlatPeer(const AddrxlatPeer&) = delete;
  AddrxlatPeer& operator=(const AddrxlatPeer&) = delete;
  ~AddrxlatPeer();

  /// Physical address, or ~0 when the walk does not end in a page.
  std::uint64_t Translate(std::uint64_t va);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace v2p::bench

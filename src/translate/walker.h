// Walker: translates many addresses of one address space, remembering tables on the way.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "base/address.h"
#include "translate/address_space.h"
#include "translate/walk.h"
#include "translate/walk_result.h"

namespace v2p {

/// Gives the same walks as AddressSpace::Translate, faster when there are many. One a thread; the
/// address space's memory must outlive it.
class Walker {
 public:
  explicit Walker(const AddressSpace& space);
  Walker(Walker&&) noexcept;
  Walker& operator=(Walker&&) noexcept;
  ~Walker();

  Walk Translate(VirtAddr va);
  /// walks[i] is the walk of addresses[i]; both spans have the same length.
  void Translate(std::span<const VirtAddr> addresses, std::span<Walk> walks);
  /// results[i] is what Translate comes to for addresses[i]; both spans have the same length. The
  /// fastest way through many addresses.
  void Resolve(std::span<const VirtAddr> addresses, std::span<WalkResult> results);

  class Engine;  ///< internal: walks in one mode over one kind of memory

 private:
  AddressSpace space_;
  std::unique_ptr<Engine> engine_;
};

/// Walker::Resolve on up to `threads` threads, as many as pay; 0: one a processor. Results do not
/// depend on their number.
void ResolveParallel(const AddressSpace& space, std::span<const VirtAddr> addresses,
                     std::span<WalkResult> results, unsigned threads);

}  // namespace v2p

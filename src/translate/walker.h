// Walker: translates many addresses of one address space, remembering tables on the way.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "base/address.h"
#include "translate/address_space.h"
#include "translate/walk.h"

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

  class Engine;  ///< internal: walks in one mode over one kind of memory

 private:
  AddressSpace space_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace v2p

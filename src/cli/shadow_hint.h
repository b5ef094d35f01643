// Notices kernel addresses that fail because the root is a user shadow (KPTI, KVA shadow).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/choose_root.h"
#include "translate/walk.h"

namespace v2p::cli {

/// Looks at failed walks; remembers whether one fits.
class ShadowHint {
 public:
  void Look(const Walk& walk, const RootChoice& root);
  bool Found() const { return found_; }
  /// One line for people.
  std::string Text(std::string_view image) const;

 private:
  bool found_ = false;
  std::uint64_t root_ = 0;
  std::optional<PhysAddr> kernel_root_;
};

}  // namespace v2p::cli

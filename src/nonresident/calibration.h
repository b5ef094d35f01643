// Calibration: which page-file number is the compressed store, and how entries name its keys. The
// stores' own trees are the oracle.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_set>

#include "translate/pte_sample.h"
#include "translate/windows_pte.h"

namespace v2p {

/// One way to read keys from entries.
struct KeyRule {
  PteLayout layout = PteLayout::kSwizzled;
  std::uint64_t mask = 0;
  unsigned number = 0;      ///< of the page file that is the store
  bool with_number = true;  ///< the number is part of the key (before 26100)

  bool operator==(const KeyRule&) const = default;
  /// The key that `entry` names, or nothing when it names another page file or none.
  std::optional<std::uint32_t> KeyOf(std::uint64_t entry) const;
};

struct Calibration {
  KeyRule rule;
  std::size_t hits = 0, keys = 0;  ///< distinct keys that the trees hold, of those the entries name

  double Rate() const {
    return keys == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(keys);
  }
};

/// The rule that the entries of `sample` fit, or nothing when none does or two do. `mask` is that
/// of the statistic; `build` decides whether keys hold the number (nothing: both are tried).
std::optional<Calibration> Calibrate(const PteSample& sample,
                                     const std::unordered_set<std::uint32_t>& tree_keys,
                                     std::uint64_t mask, std::optional<std::uint32_t> build);

}  // namespace v2p

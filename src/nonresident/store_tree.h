// StoreTree: the B+trees of the store manager, 32-bit keys to 32-bit values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "nonresident/space_reader.h"

namespace v2p {

/// A tree in kernel memory. Nodes are pages; a damaged one is named and never guessed around.
class StoreTree {
 public:
  StoreTree(const SpaceReader& kernel, VirtAddr root) : kernel_(&kernel), root_(root) {}

  struct Lookup {
    std::optional<std::uint32_t> value;
    std::string_view failure;  ///< "tree-key-missing" when all is well but the key; else the fault
  };
  Lookup Find(std::uint32_t key) const;

  /// All entries, ascending; nothing when a node is damaged or absent, or there are too many.
  std::optional<std::vector<std::pair<std::uint32_t, std::uint32_t>>> Entries() const;

  /// Whether the root is a node at all.
  bool RootIsValid() const;

 private:
  struct Node {
    std::uint8_t level = 0;
    bool leaf = false;
    std::uint64_t left_most = 0;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> entries;  ///< key, value or child
  };
  std::optional<Node> Load(std::uint64_t at, std::string_view* failure) const;
  bool Collect(std::uint64_t at, unsigned depth, std::size_t* nodes,
               std::vector<std::pair<std::uint32_t, std::uint32_t>>* entries) const;

  const SpaceReader* kernel_;
  VirtAddr root_;
};

}  // namespace v2p

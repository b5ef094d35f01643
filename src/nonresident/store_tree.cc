// B+trees of the store manager.
// Layout of nodes: mandiant/win10_volatility (win10_memcompression.py) and MemProcFS (mm_win.c).
// SPDX-License-Identifier: Apache-2.0
#include "nonresident/store_tree.h"

#include <algorithm>
#include <array>

namespace v2p {
namespace {

constexpr unsigned kMostLevels = 8;
constexpr std::size_t kMostNodes = std::size_t{1} << 17U;  // 64 million entries

}  // namespace

// u16 count, u8 level, u8 leaf; the left-most child; entries. A leaf has {u32 key, u32 value}, an
// inner node {u32 key, child}, whose key is the least of the child.
std::optional<StoreTree::Node> StoreTree::Load(std::uint64_t at, std::string_view* failure) const {
  std::array<std::byte, kPageBytes> page{};
  if (at % kPageBytes != 0 || !kernel_->IsKernel(at)) {
    *failure = "tree-node-address";
    return std::nullopt;
  }
  if (kernel_->Read(VirtAddr(at), page) != SpaceReader::Got::kAll) {
    *failure = "tree-node-unreadable";
    return std::nullopt;
  }
  const bool narrow = kernel_->Narrow();
  const std::size_t first = narrow ? 8 : 16;
  Node node;
  const std::size_t count = LoadLe<std::uint16_t>(page.data());
  node.level = std::to_integer<std::uint8_t>(page[2]);
  node.leaf = std::to_integer<std::uint8_t>(page[3]) != 0;
  node.left_most =
      narrow ? LoadLe<std::uint32_t>(page.data() + 4) : LoadLe<std::uint64_t>(page.data() + 8);
  const std::size_t entry_bytes = node.leaf || narrow ? 8 : 16;
  *failure = "tree-node-corrupt";
  if (count == 0 || count > (kPageBytes - first) / entry_bytes) return std::nullopt;
  node.entries.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* p = page.data() + first + i * entry_bytes;
    const auto key = LoadLe<std::uint32_t>(p);
    if (!node.entries.empty() && key <= node.entries.back().first) return std::nullopt;
    const std::uint64_t value =
        entry_bytes == 16 ? LoadLe<std::uint64_t>(p + 8) : LoadLe<std::uint32_t>(p + 4);
    node.entries.emplace_back(key, value);
  }
  *failure = {};
  return node;
}

bool StoreTree::RootIsValid() const {
  std::string_view failure;
  return Load(root_.value, &failure).has_value();
}

StoreTree::Lookup StoreTree::Find(std::uint32_t key) const {
  Lookup lookup;
  std::uint64_t at = root_.value;
  std::optional<std::uint8_t> level;
  for (unsigned depth = 0; depth < kMostLevels; ++depth) {
    const auto node = Load(at, &lookup.failure);
    if (!node) return lookup;
    if (level && (*level == 0 || node->level != *level - 1)) {
      lookup.failure = "tree-node-level";
      return lookup;
    }
    level = node->level;
    const auto after = std::upper_bound(
        node->entries.begin(), node->entries.end(), key,
        [](std::uint32_t wanted, const auto& entry) { return wanted < entry.first; });
    const bool none = after == node->entries.begin();
    if (node->leaf) {
      if (none || std::prev(after)->first != key) {
        lookup.failure = "tree-key-missing";
      } else {
        lookup.value = static_cast<std::uint32_t>(std::prev(after)->second);
      }
      return lookup;
    }
    at = none ? node->left_most : std::prev(after)->second;
  }
  lookup.failure = "tree-too-deep";
  return lookup;
}

bool StoreTree::Collect(std::uint64_t at, unsigned depth, std::size_t* nodes,
                        std::vector<std::pair<std::uint32_t, std::uint32_t>>* entries) const {
  std::string_view failure;
  if (depth >= kMostLevels || ++*nodes > kMostNodes) return false;
  const auto node = Load(at, &failure);
  if (!node) return false;
  if (!node->leaf) {
    if (node->left_most != 0 && !Collect(node->left_most, depth + 1, nodes, entries)) return false;
    for (const auto& [key, child] : node->entries) {
      if (!Collect(child, depth + 1, nodes, entries)) return false;
    }
    return true;
  }
  for (const auto& [key, value] : node->entries) {
    if (!entries->empty() && key <= entries->back().first) return false;
    entries->emplace_back(key, static_cast<std::uint32_t>(value));
  }
  return true;
}

std::optional<std::vector<std::pair<std::uint32_t, std::uint32_t>>> StoreTree::Entries() const {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> entries;
  std::size_t nodes = 0;
  if (!Collect(root_.value, 0, &nodes, &entries)) return std::nullopt;
  return entries;
}

}  // namespace v2p

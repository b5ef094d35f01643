// Ranking of the ways to read store keys from entries.
// SPDX-License-Identifier: Apache-2.0
#include "nonresident/calibration.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "nonresident/store_layout.h"
#include "translate/mode_tables.h"

namespace v2p {
namespace {

constexpr std::size_t kFewestHits = 32;
constexpr double kLeastRate = 0.9;  // stores change while a running system is captured
constexpr std::uint64_t kCommonMask = Bit(45);
constexpr unsigned kNumberShift = 28;

bool NamesAPage(std::uint64_t entry) {
  constexpr unsigned kDecommitted = 0x10;
  const auto protection = static_cast<unsigned>((entry & Bits(9, 5)) >> 5);
  return (entry & (Bits(11, 10) | kEntryPresent)) == 0 && protection != 0 &&
         protection != kDecommitted && entry >> 32 != 0xffffffff;
}

Calibration Count(const KeyRule& rule, std::span<const std::uint64_t> entries,
                  const std::unordered_set<std::uint32_t>& tree_keys) {
  std::unordered_set<std::uint32_t> keys;  // distinct: one entry repeated must not count often
  for (const std::uint64_t entry : entries) {
    if (const auto key = rule.KeyOf(entry)) keys.insert(*key);
  }
  Calibration result{rule, 0, keys.size()};
  for (const std::uint32_t key : keys) result.hits += tree_keys.contains(key) ? 1 : 0;
  return result;
}

bool Disagree(const KeyRule& a, const KeyRule& b, std::span<const std::uint64_t> entries) {
  return std::any_of(entries.begin(), entries.end(), [&](std::uint64_t entry) {
    const auto left = a.KeyOf(entry);
    const auto right = b.KeyOf(entry);
    return left && right && *left != *right;
  });
}

std::vector<KeyRule> Rules(std::uint64_t mask, std::optional<std::uint32_t> build) {
  std::vector<std::uint64_t> masks = {0, kCommonMask};
  if (mask != 0 && mask != kCommonMask) masks.push_back(mask);
  std::vector<KeyRule> rules;
  for (const bool with_number : {true, false}) {
    if (build && with_number != (*build < kLz4Build)) continue;
    for (unsigned number = 0; number < 16; ++number) {
      rules.push_back({PteLayout::kClassic, 0, number, with_number});
      for (const std::uint64_t m : masks) {
        rules.push_back({PteLayout::kSwizzled, m, number, with_number});
      }
    }
  }
  return rules;
}

}  // namespace

std::optional<std::uint32_t> KeyRule::KeyOf(std::uint64_t entry) const {
  PteRules rules;
  rules.layout = layout;
  rules.invalid_mask = layout == PteLayout::kClassic ? 0 : mask;
  const std::uint64_t plain = Unswizzled(rules, entry);
  const std::uint64_t page = plain >> 32;
  const auto file = static_cast<unsigned>(
      layout == PteLayout::kClassic ? (plain & Bits(4, 1)) >> 1 : (plain & Bits(15, 12)) >> 12);
  if (file != number || page == 0 || page >> kNumberShift != 0) return std::nullopt;
  return static_cast<std::uint32_t>(with_number ? page | std::uint64_t{number} << kNumberShift
                                                : page);
}

std::optional<Calibration> Calibrate(const PteSample& sample,
                                     const std::unordered_set<std::uint32_t>& tree_keys,
                                     std::uint64_t mask, std::optional<std::uint32_t> build) {
  std::vector<std::uint64_t> entries;
  std::copy_if(sample.entries.begin(), sample.entries.end(), std::back_inserter(entries),
               NamesAPage);
  std::vector<Calibration> all;
  for (const KeyRule& rule : Rules(mask, build)) all.push_back(Count(rule, entries, tree_keys));
  const auto best = std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.hits != b.hits ? a.hits < b.hits : a.Rate() < b.Rate();
  });
  if (best == all.end() || best->hits < kFewestHits || best->Rate() < kLeastRate) {
    return std::nullopt;
  }
  for (const Calibration& other : all) {
    const bool near = static_cast<double>(other.hits) >= 0.9 * static_cast<double>(best->hits) &&
                      other.Rate() >= kLeastRate;
    if (near && Disagree(best->rule, other.rule, entries)) return std::nullopt;
  }
  return *best;
}

}  // namespace v2p

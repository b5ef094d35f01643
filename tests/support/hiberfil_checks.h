// What tests of hibernation files ask of an opened image.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dumpfmt/format.h"
#include "support/hiberfil_builder.h"
#include "support/memory_source.h"

namespace v2p::test {

inline Result<Image> OpenBytes(const std::vector<std::byte>& bytes, std::size_t block_bytes = 0) {
  return OpenImage(std::make_shared<MemorySource>(bytes, block_bytes), {});
}

/// Whether every byte of frame `pfn` is what the builder stored; an absent frame is not.
inline bool HoldsFrame(const Image& image, std::uint64_t pfn) {
  std::vector<std::byte> page(kPageBytes);
  if (image.memory->Read(Pfn(pfn).Base(), page) != page.size()) return false;
  for (std::size_t i = 0; i < page.size(); ++i) {
    if (page[i] != HiberByte(pfn * kPageBytes + i)) return false;
  }
  return true;
}

/// Neither right bytes nor wrong ones.
inline bool LacksFrame(const Image& image, std::uint64_t pfn) {
  std::byte first{};
  return image.memory->Read(Pfn(pfn).Base(), {&first, 1}) == 0;
}

inline const FactValue* FindFact(const Image& image, std::string_view key) {
  for (const Fact& fact : image.facts.details) {
    if (fact.key == key) return &fact.value;
  }
  return nullptr;
}

inline std::uint64_t NumberFact(const Image& image, std::string_view key) {
  const FactValue* value = FindFact(image, key);
  if (value == nullptr) return ~std::uint64_t{0};
  if (const auto* hex = std::get_if<Hex64>(value)) return hex->value;
  return std::get<std::uint64_t>(*value);
}

inline std::string TextFact(const Image& image, std::string_view key) {
  const FactValue* value = FindFact(image, key);
  return value == nullptr ? "none" : std::get<std::string>(*value);
}

inline bool Warns(const Image& image, std::string_view words) {
  return std::any_of(image.warnings.begin(), image.warnings.end(), [&](const std::string& line) {
    return line.find(words) != std::string::npos;
  });
}

}  // namespace v2p::test

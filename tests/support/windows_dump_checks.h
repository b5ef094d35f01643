// What tests of Windows crash dumps ask of an opened image.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dumpfmt/format.h"
#include "support/lime_builder.h"
#include "support/memory_source.h"

namespace v2p::test {

/// Opens bytes as a mapped file, or in blocks of that size as a compressed image.
inline Result<Image> OpenBytes(std::vector<std::byte> bytes, std::size_t block_bytes = 0) {
  return OpenImage(std::make_shared<MemorySource>(std::move(bytes), block_bytes), {});
}

/// The image holds exactly `pages` (frame to file offset), each with the builder's pattern.
inline void ExpectPages(const Image& image, const std::map<std::uint64_t, std::uint64_t>& pages) {
  ASSERT_NE(image.memory, nullptr);
  EXPECT_EQ(image.memory->PresentBytes(), pages.size() * kPageBytes);
  std::vector<std::byte> page(kPageBytes);
  for (const auto& [pfn, offset] : pages) {
    const PhysAddr base = Pfn(pfn).Base();
    const auto where = image.memory->Find(base);
    ASSERT_TRUE(where) << std::hex << pfn;
    EXPECT_EQ(where->at.value, offset) << std::hex << pfn;
    ASSERT_EQ(image.memory->Read(base, page), page.size()) << std::hex << pfn;
    for (std::size_t i = 0; i < page.size(); ++i) {
      ASSERT_EQ(page[i], PatternByte(base.value + i)) << std::hex << base.value + i;
    }
    if (pages.count(pfn + 1) == 0) {
      EXPECT_FALSE(image.memory->Contains(Pfn(pfn + 1).Base()));
    }
    if (pfn > 0 && pages.count(pfn - 1) == 0) {
      EXPECT_FALSE(image.memory->Contains(Pfn(pfn - 1).Base()));
    }
  }
}

/// The fact as it would print, or "-" when the image does not have it.
inline std::string FactText(const Image& image, const std::string& key) {
  for (const Fact& fact : image.facts.details) {
    if (fact.key != key) continue;
    if (const auto* text = std::get_if<std::string>(&fact.value)) return *text;
    if (const auto* hex = std::get_if<Hex64>(&fact.value)) return fmt::format("{:#x}", hex->value);
    if (const auto* flag = std::get_if<bool>(&fact.value)) return *flag ? "true" : "false";
    return fmt::format("{}", std::get<std::uint64_t>(fact.value));
  }
  return "-";
}

/// Number of warnings that contain `text`.
inline int Warnings(const Image& image, const std::string& text) {
  int count = 0;
  for (const std::string& warning : image.warnings) {
    if (warning.find(text) != std::string::npos) ++count;
  }
  return count;
}

}  // namespace v2p::test

// The compression sets of a hibernation file: where each lies and which decompressed pages it
// gives. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/address.h"

namespace v2p::hiberfil {

/// What the method bits of a file's sets mean.
enum class MethodRule : std::uint8_t {
  kPlainOnly,  ///< up to Windows 7
  kTwoBits,    ///< Windows 8 to 11 23H2
  kWide,       ///< since 24H2
};

enum class Coding : std::uint8_t { kRaw, kPlain, kHuffman };

/// One set: `stored` bytes at `at` hold pages [first_page, first_page + pages) of the whole.
struct CompressionSet {
  FileOffset at;
  std::uint32_t stored = 0;
  unsigned pages = 0;
  unsigned method = 0;  ///< four bits as they stand in the file
  std::uint64_t first_page = 0;

  std::size_t Bytes() const { return pages * kPageBytes; }
};

/// How a set says it is coded.
Coding CodingOf(const CompressionSet& set, MethodRule rule);

/// Why a set cannot be decoded, and at which of its bytes that showed.
struct SetFault {
  std::string_view why;
  std::size_t at = 0;
};

/// Fills `out` (set.Bytes() long) from the stored bytes. When the method named does not give
/// exactly those pages the other one is tried: builds differ in the bits.
tl::expected<void, SetFault> DecodeSet(const CompressionSet& set, MethodRule rule,
                                       std::span<const std::byte> stored, std::span<std::byte> out);

/// Sets in file order, in 12 bytes each.
class SetTable {
 public:
  /// Files above this size are not read: 44 bits of offset are kept.
  static constexpr std::uint64_t kMostFileBytes = std::uint64_t{1} << 44U;

  explicit SetTable(MethodRule rule = MethodRule::kPlainOnly) : rule_(rule) {}

  /// Adds a set behind the others (first_page is given by the table): 1 to 16 pages, 1 to 65536
  /// bytes stored. False when the table has no room for more.
  bool Add(FileOffset at, std::uint32_t stored, unsigned pages, unsigned method);

  std::size_t Count() const { return packed_.size(); }
  std::uint64_t Pages() const { return pages_; }
  MethodRule Rule() const { return rule_; }
  CompressionSet At(std::size_t i) const;
  /// The set that gives page `page`, which is below Pages().
  std::size_t IndexOf(std::uint64_t page) const;
  std::size_t HeapBytes() const;

 private:
  MethodRule rule_;
  std::vector<std::uint64_t> packed_;  // offset (44 bits), stored - 1 (16), method (4)
  std::vector<std::uint32_t> first_pages_;
  std::uint64_t pages_ = 0;
};

}  // namespace v2p::hiberfil

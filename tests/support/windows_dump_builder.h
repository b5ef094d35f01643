// Builds Windows crash dumps of every type out of a tiny memory map.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace v2p::test {

/// What stands behind the first header.
enum class DumpBody { kRuns, kSummary, kBitmap, kRanges, kTriage, kNothing };

/// Every page holds PatternByte of its physical addresses.
class WindowsDumpBuilder {
 public:
  struct Run {
    std::uint64_t first = 0;  ///< page frame number
    std::uint64_t pages = 0;
  };

  WindowsDumpBuilder(bool is_64, std::uint32_t type, std::vector<Run> runs);

  /// Sets a field of the first header.
  WindowsDumpBuilder& Set(std::string_view field, std::uint64_t value);
  WindowsDumpBuilder& SetText(std::string_view field, std::string_view text);
  /// Lays the pages out in another way than the type says.
  WindowsDumpBuilder& Body(DumpBody body);
  /// Signature of the second header, "SDMP" unless the type is 5.
  WindowsDumpBuilder& Signature(std::string_view signature);
  /// Number of bits in the bitmap; the last frame + 1 unless given.
  WindowsDumpBuilder& Bits(std::uint64_t bits);
  /// Bytes between the bitmap and the first page.
  WindowsDumpBuilder& Gap(std::uint64_t bytes);

  std::vector<std::byte> Build();

  /// File offset of each stored page by its frame, known after Build.
  const std::map<std::uint64_t, std::uint64_t>& Pages() const { return pages_; }
  /// File offset of a field: "header.NumberOfRuns", "second.FirstPage".
  std::size_t At(std::string_view path) const;
  std::size_t HeaderBytes() const;
  /// Writes a field into a built dump, with the size that the layout gives it.
  void Patch(std::vector<std::byte>& dump, std::string_view path, std::uint64_t value) const;

 private:
  std::string Name(std::string_view path) const;
  void PutHeader(std::vector<std::byte>& out) const;
  void PutRuns(std::vector<std::byte>& out) const;
  void PutSummary(std::vector<std::byte>& out) const;
  void PutBitmap(std::vector<std::byte>& out) const;
  void PutBits(std::vector<std::byte>& out, std::size_t at) const;
  void PutRanges(std::vector<std::byte>& out) const;
  void PutTriage(std::vector<std::byte>& out) const;
  void PutPages(std::vector<std::byte>& out);
  std::uint64_t PageCount() const;
  std::uint64_t BitCount() const;

  bool is_64_;
  DumpBody body_;
  std::vector<Run> runs_;
  std::map<std::string, std::uint64_t> fields_;
  std::map<std::string, std::string> texts_;
  std::string signature_ = "SDMP";
  std::uint64_t bits_ = 0;
  std::uint64_t gap_ = 0;
  std::map<std::uint64_t, std::uint64_t> pages_;
};

}  // namespace v2p::test

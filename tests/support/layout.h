// Structure layouts for builders of synthetic images, from testdata/layouts/*.tsv: a transcription
// of the public sources that is separate from the parsers' constants.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace v2p::test {

/// Lines of "structure<TAB>field<TAB>offset<TAB>size<TAB>source"; '#' starts a comment.
class Layout {
 public:
  struct Field {
    std::size_t at = 0;
    std::size_t size = 0;
  };

  /// Loads testdata/layouts/NAME.tsv; throws when it is missing or malformed.
  explicit Layout(const std::string& name);

  /// "structure.field"; throws when the table does not have it.
  const Field& Get(const std::string& path) const;
  bool Has(const std::string& path) const { return fields_.count(path) != 0; }
  /// The size of a structure: its field "sizeof".
  std::size_t SizeOf(const std::string& structure) const;

  /// Writes the low `size` bytes of `value` at base + the field's offset, growing `bytes`.
  void Put(std::vector<std::byte>& bytes, std::size_t base, const std::string& path,
           std::uint64_t value) const;

 private:
  std::map<std::string, Field> fields_;
};

/// Little-endian store of `size` bytes at `at`, growing `bytes` as needed.
void PutLe(std::vector<std::byte>& bytes, std::size_t at, std::size_t size, std::uint64_t value);
void PutText(std::vector<std::byte>& bytes, std::size_t at, std::string_view text);

}  // namespace v2p::test

// Names of the bits of a table entry, only where the architecture gives them a meaning.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "translate/walk.h"

namespace v2p::cli {

/// One flag that can stand in an entry of this kind.
struct EntryFlag {
  std::string_view name;  ///< kebab-case, API
  char letter = '.';      ///< for the text form; 0: not shown there
  bool set = false;
};

/// The flags of one entry, in a fixed order. Empty when the entry is not present: its bits then
/// belong to the operating system.
class EntryFlags {
 public:
  /// Of step `i` of `walk`, which was read.
  EntryFlags(const Walk& walk, std::size_t i);

  const EntryFlag* begin() const { return flags_.data(); }
  const EntryFlag* end() const { return flags_.data() + count_; }
  /// "P W . . A": a letter or a dot for each flag.
  std::string Letters() const;

 private:
  void AddX86(const Walk& walk, std::size_t i);
  void AddArm64(const Walk& walk, std::size_t i);
  void Add(std::string_view name, char letter, bool set) { flags_[count_++] = {name, letter, set}; }

  std::array<EntryFlag, 12> flags_;
  std::size_t count_ = 0;
};

}  // namespace v2p::cli

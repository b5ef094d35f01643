// A section of a modern hibernation file: sets that follow each other without a mark between them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dumpfmt/hiberfil_body.h"

namespace v2p::hiberfil {

struct Section {
  std::uint64_t begin = 0;             ///< file offset
  std::uint64_t limit = 0;             ///< where something else begins, or the file ends
  std::optional<std::uint64_t> pages;  ///< as the header counts them; nothing: until the sets end
  bool is_64 = true;                   ///< how wide descriptors are
};

struct SectionResult {
  std::uint64_t sets = 0;
  std::uint64_t pages = 0;
  std::uint64_t end = 0;   ///< behind the last set
  std::uint64_t gaps = 0;  ///< places where the chain of sets was lost and found again
  bool begins_with_zeros = false;
};

/// Adds the sets of `section` to body.sets and their pages to body.runs. Where a set's head makes
/// no sense the next chain of sets is looked for.
SectionResult ReadSection(Peeker& file, const Section& section, Body& body);

}  // namespace v2p::hiberfil

// The flags of a table entry, in words and in letters: only those the level gives a meaning to.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "translate/paging_mode.h"

namespace v2p {

/// Names of the flags that are set, e.g. "present", "writable", "accessed". `level` 0 is the top.
/// An entry that is not present has none: all its other bits belong to software.
std::vector<std::string_view> EntryFlags(const PagingMode& mode, std::size_t level,
                                         std::uint64_t entry);

/// The same for a column of text, one place a flag: "P W . . . A". Dots and blanks at the end are
/// left out; blank: no such flag at this level.
std::string EntryFlagLetters(const PagingMode& mode, std::size_t level, std::uint64_t entry);

}  // namespace v2p

// The text of `v2p pte`.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/physical_memory.h"
#include "cli/record.h"
#include "translate/paging_mode.h"

namespace v2p::cli {

/// Where a kernel maps its own tables: the address of the entry of address 0 at the last level.
/// Nothing when the root does not lead to itself.
std::optional<std::uint64_t> FindSelfMap(const PhysicalMemory& memory, const PagingMode& mode,
                                         PhysAddr root);

/// The columns of `!pte` for one record, then a line of words for each entry. Without a self map
/// the physical addresses of the entries are shown.
void AppendPteText(const Record& record, std::optional<std::uint64_t> self_map, std::string* out);

/// The eleven letters of `!pte` on x86 and x64, or the ten on ARM64.
std::string PteLetters(const PagingMode& mode, std::size_t level, std::uint64_t entry);

}  // namespace v2p::cli

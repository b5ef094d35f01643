// From PT_LOAD segments, which may overlap, to disjoint extents of physical memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/run_index.h"
#include "dumpfmt/elf_core_headers.h"

namespace v2p {

struct ElfExtents {
  std::vector<Extent> extents;         ///< disjoint, ascending
  std::uint64_t conflicts = 0;         ///< segments that an earlier one hides with other bytes
  std::uint64_t missing_bytes = 0;     ///< promised memory that lies past the end of the file
  std::uint64_t not_stored_bytes = 0;  ///< memory size beyond file size, summed over segments
};

/// Where segments overlap, the first in the file's order wins: a vmcore stores the kernel's text
/// twice. Takes n log n time. kCorrupt when a segment passes the end of an address space.
Result<ElfExtents> MakeElfExtents(std::span<const ElfSegment> loads, std::uint64_t file_bytes);

}  // namespace v2p

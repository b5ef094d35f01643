// What the entries of an image say about the kernel that wrote them: the invalid-PTE mask, and the
// layout of their fields.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/physical_memory.h"
#include "translate/paging_mode.h"
#include "translate/windows_pte.h"

namespace v2p {

/// Last-level entries that are neither present nor zero, in the order of their addresses.
struct PteSample {
  std::vector<std::uint64_t> entries;
  std::size_t tables = 0;                  ///< looked into
  std::unordered_set<std::uint64_t> seen;  ///< their addresses: two roots share most tables
};

struct PteSampleLimits {
  std::size_t tables = 4096;
  std::size_t entries = 65536;
};

/// Adds the entries below `root` to `sample`, until a limit. The self map is not walked into: its
/// entries are those of the upper levels.
void SampleEntries(const PhysicalMemory& memory, const PagingMode& mode, PhysAddr root,
                   const PteSampleLimits& limits, PteSample* sample);

/// The invalid-PTE mask, or nothing when fewer than 64 entries have a clear swizzle bit.
struct MaskStatistic {
  std::size_t entries = 0;  ///< that had a clear swizzle bit
  std::optional<std::uint64_t> mask;
};

/// The kernel sets the mask in every entry whose swizzle bit is clear, so it is what all of them
/// have in common, as far as it lies above the memory of the machine (`end`).
MaskStatistic InvalidMaskOf(const PteSample& sample, PhysAddr end);

/// The layout that the software entries fit better, or nothing when they do not tell.
std::optional<PteLayout> LayoutOf(const PteSample& sample);

}  // namespace v2p

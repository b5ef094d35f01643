// LeafRuns: what a root maps in the kernel's part of the address space, page by page, joined.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "base/address.h"
#include "base/physical_memory.h"
#include "locate/root.h"

namespace v2p {

/// Consecutive pages that continue each other in both spaces and have the same rights.
struct LeafRun {
  VirtAddr va;
  PhysAddr pa;
  std::uint64_t bytes = 0;
  bool writable = false;
  bool user = false;

  /// What turns a physical address of the run into a virtual one, modulo 2^64.
  std::uint64_t Offset() const { return va.value - pa.value; }
  bool Holds(PhysAddr at) const { return at.value - pa.value < bytes; }
};

/// How much a visit may read, and how it ended.
struct LeafBudget {
  std::uint64_t tables = 1024;  ///< tables read from here on, at most; counted down
  std::uint64_t absent = 0;     ///< tables that the image lacks, counted up
};

enum class LeafEnd : std::uint8_t { kComplete, kStopped, kOutOfBudget };

/// Shows `visit` the runs that `root` maps from `first` to the end of the address space, ascending,
/// until it returns false. Tables that the image lacks are passed over. `first` is in the upper
/// half, or anywhere in 32-bit modes; on ARM64 the upper table is walked where there is one.
LeafEnd VisitKernelLeaves(const PhysicalMemory& memory, const Root& root, VirtAddr first,
                          LeafBudget& budget, const std::function<bool(const LeafRun&)>& visit);

/// The same for addresses below the upper half (64-bit modes), or below `end` in 32-bit modes.
LeafEnd VisitUserLeaves(const PhysicalMemory& memory, const Root& root, VirtAddr end,
                        LeafBudget& budget, const std::function<bool(const LeafRun&)>& visit);

/// Whether a user page is mapped there, as far as a few tables tell; absent ones may hold some.
bool MayMapUserPages(const PhysicalMemory& memory, const Root& root, VirtAddr end);

}  // namespace v2p

// Whether a table is the root of a process of a known Linux kernel.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/physical_memory.h"
#include "locate/findings.h"
#include "locate/linux_layout.h"

namespace v2p {

/// Whether tables below `root` lead to a page for EL0 that is not global. Reads a few dozen tables.
bool HasArm64UserHalf(const PhysicalMemory& memory, PhysAddr root);

/// Tests and makes roots of the processes of one kernel. Remembers what it has tested: one a
/// thread.
class LinuxProcessRoots {
 public:
  LinuxProcessRoots(const PhysicalMemory& memory, const Candidate& kernel,
                    const LinuxLayout& layout);

  /// Where a pointer to a root leads, when it is one into the direct map and aligned as roots are.
  std::optional<PhysAddr> At(VirtAddr pgd) const;
  /// Whether `table` has the kernel's half (x86), or a user half (ARM64).
  bool Test(PhysAddr table);
  Root Of(PhysAddr table) const;
  /// What a CPU in user mode has in its place, with KPTI on x86-64.
  std::optional<Root> UserRootOf(PhysAddr table) const;
  RootState StateOf(PhysAddr table);

 private:
  bool SharesKernelHalf(PhysAddr table) const;
  std::optional<std::vector<std::uint64_t>> ReadKernelHalf(PhysAddr table) const;

  const PhysicalMemory& memory_;
  Root kernel_;
  bool kpti_;
  LinuxLayout layout_;
  std::vector<std::uint64_t> kernel_half_;
  std::unordered_map<std::uint64_t, bool> tested_;
};

}  // namespace v2p

// How an x86-64 Linux root leads to the kernel image: level3_kernel_pgt and what hangs below it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/physical_memory.h"
#include "locate/linux_kernel.h"

namespace v2p {

/// A level3_kernel_pgt that maps a linear kernel image.
struct KernelText64 {
  PhysAddr l3;
  std::uint64_t phys_base = 0;  ///< modulo 2^64, as in the kernel
  PhysAddr image;
  std::uint64_t bytes = 0;  ///< of whole 2 MiB slots

  bool Holds(PhysAddr pa) const { return pa.value - image.value < bytes; }
};

/// Checks that `l3` maps nothing but the kernel image, linearly, and the GiB after it.
std::optional<KernelText64> ReadKernelText64(const PhysicalMemory& memory, PhysAddr l3);

/// The kernel images that sightings, hints and VMCOREINFO lead to, those of hints first, then by
/// the number of roots that lead there; one image may come through several tables (KPTI has its own
/// for the user's half). At most kMostLinuxKernels images.
std::vector<std::vector<KernelText64>> FindKernelTexts64(const LinuxScene& scene);

}  // namespace v2p

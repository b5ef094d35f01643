// LinuxLayout: where a Linux kernel keeps its direct map and its own image.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/address.h"
#include "base/physical_memory.h"
#include "locate/root.h"

namespace v2p {

/// Offsets are virtual minus physical, modulo 2^64 (modulo 2^32 in 32-bit modes, where addresses
/// have 32 bits and image and direct map are the same).
struct LinuxLayout {
  ModeName mode = ModeName::kX64;
  std::uint64_t direct_offset = 0;  ///< of the direct map: page_offset_base, PAGE_OFFSET - PHYS
  VirtAddr direct_begin;            ///< lowest and past the highest address mapped with it
  VirtAddr direct_end;
  std::uint64_t image_offset = 0;  ///< of the kernel image: __START_KERNEL_map - phys_base
  PhysAddr image_at;               ///< first byte of the image and its size, as mapped
  std::uint64_t image_bytes = 0;

  VirtAddr Direct(PhysAddr pa) const { return Wrap(pa.value + direct_offset); }
  VirtAddr Image(PhysAddr pa) const { return Wrap(pa.value + image_offset); }
  bool InImage(PhysAddr pa) const { return pa.value - image_at.value < image_bytes; }
  bool InDirectMap(VirtAddr va) const { return va >= direct_begin && va < direct_end; }
  /// Physical address of a direct-map or image address, by arithmetic alone.
  std::optional<PhysAddr> Physical(VirtAddr va) const;
  unsigned PointerBytes() const { return mode == ModeName::kX86 || mode == ModeName::kPae ? 4 : 8; }

 private:
  VirtAddr Wrap(std::uint64_t va) const {
    return VirtAddr(PointerBytes() == 4 ? va & 0xFFFFFFFF : va);
  }
};

/// Reads it from the leaves of a root that maps a Linux kernel, the kernel's own or a process's (on
/// ARM64 one with `upper`). Nothing when they show no direct map and image. Reads a bounded number
/// of tables. The image's physical range may have holes in RAM and its end is rounded up.
std::optional<LinuxLayout> DeriveLinuxLayout(const PhysicalMemory& memory, const Root& root);

}  // namespace v2p

// EprocessContext: what is known of a system while its process objects are read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/physical_memory.h"
#include "locate/kernel_image.h"
#include "locate/shared_data.h"
#include "locate/virtual_reader.h"
#include "locate/windows_space.h"

namespace v2p {

/// FILETIME of the first days of 1996 and 2100: no process of Windows began before or after.
inline constexpr std::uint64_t kEarliestTime = 124'650'144'000'000'000;
inline constexpr std::uint64_t kLatestTime = 157'469'184'000'000'000;

struct EprocessContext {
  const PhysicalMemory* memory = nullptr;
  VirtualReader* reader = nullptr;  ///< through the kernel's root
  WindowsRootPage root;             ///< what the kernel's root looks like
  std::optional<KernelImage> image;
  std::optional<SharedData> shared_data;
  std::optional<std::uint32_t> build;

  ModeName Mode() const { return reader->TheRoot().mode; }
  const WindowsSpace& Space() const { return SpaceOf(Mode()); }

  bool IsKernelPointer(std::uint64_t value) const {
    return value >= Space().system_low.value && value % Space().pointer_bytes == 0;
  }
  bool InKernelImage(VirtAddr va) const {
    return image && va >= image->base && va - image->base < image->bytes;
  }
  /// A time at which a process may have begun or ended: not later than the system's clock, but
  /// for a day by which somebody may have set it back.
  bool IsProcessTime(std::uint64_t time) const {
    constexpr std::uint64_t kDay = 864'000'000'000;
    const std::uint64_t latest = shared_data ? shared_data->system_time + kDay : kLatestTime;
    return time >= kEarliestTime && time <= latest;
  }
};

}  // namespace v2p

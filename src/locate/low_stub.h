// LowStub: the PROCESSOR_START_BLOCK that the HAL of x64 Windows keeps in low memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/address.h"

namespace v2p {

struct LowStub {
  std::uint64_t cr3 = 0, cr4 = 0;  ///< of the processor state it starts with
  VirtAddr target;                 ///< LmTarget: HalpLMStub, in the kernel or the HAL
  VirtAddr self_map;  ///< its own address: a root that maps it to `at` is the right one
};

/// Nothing when the page at `at` holds no start block.
std::optional<LowStub> ParseLowStub(std::span<const std::byte> page, PhysAddr at);

}  // namespace v2p

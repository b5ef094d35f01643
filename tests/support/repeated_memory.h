// Much physical memory out of few bytes: the same pages again and again, for tests of scans.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/physical_memory.h"
#include "support/memory_source.h"

namespace v2p::test {

/// `bytes` (whole pages) at `begin`, `times` times one after another.
inline std::unique_ptr<PhysicalMemory> RepeatedMemory(std::vector<std::byte> bytes,
                                                      std::uint64_t times,
                                                      std::uint64_t begin = 0) {
  std::vector<Extent> runs;
  for (std::uint64_t i = 0; i < times; ++i) {
    runs.push_back({PhysAddr(begin + i * bytes.size()), bytes.size(), FileOffset(0)});
  }
  return std::make_unique<PhysicalMemory>(std::make_shared<MemorySource>(std::move(bytes)),
                                          RunIndex(std::move(runs)));
}

}  // namespace v2p::test

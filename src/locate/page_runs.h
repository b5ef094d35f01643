// PageRuns: cuts memory into runs of whole pages that can be shown in place or are copied.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/physical_memory.h"
#include "locate/detector.h"

namespace v2p {

/// One a thread.
class PageRuns {
 public:
  explicit PageRuns(const PhysicalMemory& memory);

  /// Calls `show(PageRun)` for all whole pages in [begin, end), ascending; the bytes are valid
  /// during the call. Both ends are page aligned.
  template <class Show>
  void ForEach(PhysAddr begin, PhysAddr end, Show show) {
    Announce(begin, end);
    while (const auto run = Next(begin, end)) {
      show(*run);
      begin = run->at + run->bytes.size();
    }
  }

 private:
  static constexpr std::size_t kCopyBytes = 1U << 20U;

  void Announce(PhysAddr begin, PhysAddr end) const;
  std::optional<PageRun> Next(PhysAddr begin, PhysAddr end);
  std::uint64_t Stretch(PhysAddr at, std::uint64_t most) const;
  std::optional<PageRun> Copy(PhysAddr at, std::uint64_t bytes);

  const PhysicalMemory& memory_;
  std::span<const std::byte> mapped_;
  std::vector<std::byte> copy_;
};

}  // namespace v2p

// FrameCells: frames folded into cells, so that memory of any size can be drawn.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/physical_memory.h"

namespace v2p {

/// Cells of 2^shift consecutive frames, from frame 0 to the last of an image. Where most of that is
/// absent, its largest holes have no cells: see `stretches`.
struct FrameCells {
  /// Frames with cells, from a cell's first to a cell's last.
  struct Stretch {
    std::uint64_t first = 0;   ///< frame; a multiple of 64 and of a cell
    std::uint64_t frames = 0;  ///< of the last stretch up to the end of the image, else whole cells
    std::size_t cell = 0;      ///< the first one's number

    std::uint64_t End() const { return first + frames; }
    bool operator==(const Stretch&) const = default;
  };

  static constexpr std::uint64_t kMost = std::uint64_t{1} << 18U;  ///< cells: 512 by 512
  static constexpr std::size_t kMostHoles = 16;                    ///< that are left out

  std::uint64_t frames = 0;  ///< from 0 to the image's last, those in holes too
  unsigned shift = 0;
  std::vector<Stretch> stretches;  ///< ascending; at least one

  std::size_t Count() const;
  const Stretch& StretchOf(std::size_t cell) const;
  std::uint64_t FirstFrame(std::size_t cell) const;
  /// Less than 2^shift for the last cell only.
  std::uint64_t FramesOf(std::size_t cell) const;
};

/// The smallest cells that are no more than kMost. Holes are left out, the largest first, while
/// the cells would be absent to more than a quarter of what the image holds.
FrameCells PlanCells(const PhysicalMemory& memory);

}  // namespace v2p

// FrameCensus: what every frame of an image is for, counted exactly, and folded into cells to draw.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/physical_memory.h"
#include "base/result.h"
#include "locate/frame_cells.h"
#include "locate/owners.h"

namespace v2p {

/// What a frame is, as a number: one of these, or kFirstOwnerFrame + the owner that has it alone.
/// A frame is the first of these that fits:
///   absent    the image holds no byte of it
///   table     somebody's page tables were read from it
///   shared    two or more processes map it
///   an owner  one process maps it, whether the kernel maps it too or not: some kernels map all
///             memory, and that makes nothing theirs
///   kernel    no process maps it, but a kernel does
///   unmapped  none of the tables that were read map it
/// A root that no process claims counts as a process. What a process maps at the very addresses
/// where its kernel maps it is the kernel's: kernel halves that are copied into every root.
using FrameClass = std::uint32_t;
inline constexpr FrameClass kAbsentFrame = 0;
inline constexpr FrameClass kUnmappedFrame = 1;
inline constexpr FrameClass kTableFrame = 2;
inline constexpr FrameClass kKernelFrame = 3;
inline constexpr FrameClass kSharedFrame = 4;
inline constexpr FrameClass kFirstOwnerFrame = 5;

struct FrameCount {
  FrameClass cls = kAbsentFrame;
  std::uint64_t frames = 0;

  bool operator==(const FrameCount&) const = default;
};

/// All frames from 0 to the image's last, those in holes without cells too.
struct FrameCensus {
  /// Classes that are kept of one cell, beside the absent frames.
  static constexpr std::size_t kMostOfACell = 4;

  std::vector<std::uint64_t> counts;  ///< by class; together they are all frames
  std::vector<std::uint64_t> shares;  ///< by owner: shared frames that it is one of the sharers of
  FrameCells cells;
  std::vector<std::uint32_t> first;  ///< [cell]: its first part; one more than cells
  std::vector<FrameCount> parts;

  /// The most frequent classes of the cell, most frequent first, of equals the lower class; then,
  /// whatever their number, its absent frames. Nothing: it is absent altogether.
  std::span<const FrameCount> PartsOf(std::size_t cell) const {
    return std::span(parts).subspan(first[cell], first[cell + 1] - first[cell]);
  }
  std::uint64_t InImage() const { return cells.frames - counts[kAbsentFrame]; }
};

struct CensusOptions {
  unsigned threads = 0;  ///< 0: one a processor
  /// Told how many cells are done; returns false to interrupt. May be called from any thread, one
  /// at a time.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress;
};

/// Counts the frames of `memory`, whose owners are `owners`. The result does not depend on
/// `threads`; work and memory follow what the image holds, not what it spans. kInterrupted when
/// `progress` says so.
Result<FrameCensus> CountFrames(const PhysicalMemory& memory, const OwnerIndex& owners,
                                const CensusOptions& options = {});

}  // namespace v2p

// Locate: finds the systems in an image, their roots and their processes, and says why.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/image_facts.h"
#include "base/physical_memory.h"
#include "locate/findings.h"
#include "locate/judge.h"

namespace v2p {

struct LocateOptions {
  bool whole_image = false;       ///< look everywhere, with every detector and every test
  bool processes = false;         ///< list processes: implies a look at every page
  bool listed_processes = false;  ///< list those that the system's own lists lead to
  unsigned threads = 0;           ///< 0: one a core
  /// Told now and then how far the scan is; returns false to interrupt.
  std::function<bool(std::uint64_t done, std::uint64_t total, std::size_t candidates)> progress;
};

/// Tries claims, then low memory, then all of it, and stops as soon as a system is verified unless
/// told otherwise. The result depends on the image and the options alone.
Findings Locate(const PhysicalMemory& memory, const ImageFacts& facts,
                const LocateOptions& options = {});

/// Weighs roots that somebody names, without a scan.
Findings WeighRoots(const PhysicalMemory& memory, const ImageFacts& facts,
                    std::span<const RootHint> hints, bool thorough);

/// The claims of the container as hints.
std::vector<RootHint> ClaimedRoots(const ImageFacts& facts);

}  // namespace v2p

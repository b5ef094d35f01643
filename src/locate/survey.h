// Survey: runs detectors over memory in parallel, with results in address order.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "base/image_facts.h"
#include "base/physical_memory.h"
#include "locate/detector.h"

namespace v2p {

/// Where tables can be in this image. One that lacks pages it promises does not tell where memory
/// ended.
RamBounds RamOf(const PhysicalMemory& memory, const ImageFacts& facts);

class Survey {
 public:
  /// `threads` 0: one a core.
  Survey(const PhysicalMemory& memory, const RamBounds& ram, unsigned threads = 0);

  /// Shows `detectors` every whole page the image holds in [begin, end) and appends what they saw,
  /// in address order whatever the threads did. Pages held in part are not shown: no detector may
  /// take absent bytes for zeros. Returns the number of bytes shown. Memory use does not depend on
  /// the size of the range.
  std::uint64_t Scan(std::span<const Detector> detectors, PhysAddr begin, PhysAddr end,
                     Sightings& into);

 private:
  const PhysicalMemory* memory_;
  unsigned threads_;
  RamBounds ram_;
};

}  // namespace v2p

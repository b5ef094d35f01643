// Detector: recognises one kind of page or structure by its bytes alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/address.h"
#include "locate/sighting.h"

namespace v2p {

/// Whole, physically consecutive pages; `bytes` has any alignment.
struct PageRun {
  PhysAddr at;
  std::span<const std::byte> bytes;

  std::size_t Pages() const { return bytes.size() / kPageBytes; }
  std::span<const std::byte> Page(std::size_t i) const {
    return bytes.subspan(i * kPageBytes, kPageBytes);
  }
  PhysAddr PageAt(std::size_t i) const { return at + i * kPageBytes; }
};

/// Where tables can be. Device memory below 4 GiB is let through, as in real tables.
struct RamBounds {
  std::uint64_t end = 0;  ///< past the last byte of memory in the image

  bool MayHoldTable(PhysAddr pa) const {
    return pa.value != 0 && pa.value < std::max(end, std::uint64_t{1} << 32U);
  }
};

/// A pure function of bytes and addresses: it neither translates nor looks at other pages, and may
/// be called from several threads, for any cut of memory into runs, with the same result.
using Detect = void (*)(const PageRun& run, const RamBounds& ram, Sightings& out);

struct Detector {
  std::string_view name;  ///< kebab-case, as in the benchmark
  Detect detect;
};

/// Look at a few lines a page: where roots are. In the order of the list in detectors.cc.
std::span<const Detector> RootDetectors();
/// Read every line: what roots lead to, used when roots alone do not decide and for processes.
std::span<const Detector> ContentDetectors();
/// Both, for one pass.
std::span<const Detector> AllDetectors();

}  // namespace v2p

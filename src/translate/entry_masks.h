// Which entries of a last-level table map pages, and which of them continue the one before.
// Internal to src/translate: include leaves.h instead.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace v2p {

/// What the entries of one table are tested for.
struct EntryRule {
  std::uint64_t check = 0;  ///< an entry maps a page when these bits of it ...
  std::uint64_t want = 0;   ///< ... are these
  std::uint64_t same = 0;   ///< frame, rights and `check`: what continues differs by one page here
};

/// One bit an entry, the first entry's lowest: 512 entries of 8 bytes or 1024 of 4.
struct EntryMasks {
  std::array<std::uint64_t, 16> page;
  std::array<std::uint64_t, 16> next;  ///< continues the entry before it; clear for the first
};

/// Masks of a whole table of 4 KiB at `table`.
using MaskTable = void(const std::byte* table, const EntryRule& rule, EntryMasks& masks);

/// Names of the kernels, for tests and benchmarks.
enum class MaskKernel : std::uint8_t { kPlain, kSse41, kAvx2 };

bool Runs(MaskKernel kernel);
MaskKernel BestMaskKernel();
/// For entries of 4 or 8 bytes; `kernel` must run here.
MaskTable* MasksOf(MaskKernel kernel, unsigned entry_bytes);

}  // namespace v2p

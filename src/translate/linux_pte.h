// What Linux keeps in an entry whose present bit is clear.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "translate/paging_mode.h"
#include "translate/walk.h"

namespace v2p {

/// The form of a non-zero entry that is not present, read at `level`, as exactly as the kernel's
/// `release` ("6.1.0-9-arm64"; empty: unknown) allows: on ARM64 bit 11 is a right of the page since
/// 6.10 and part of a swap offset before, which NotPresentForm leaves unknown.
EntryState LinuxForm(const PagingMode& mode, std::size_t level, std::uint64_t entry,
                     std::string_view release);

/// Where a PROT_NONE entry, read at `level`, says its page is. The page is there, but the kernel
/// took every right away: it is named, and never an answer.
std::optional<PhysAddr> ProtnoneFrame(const PagingMode& mode, std::size_t level,
                                      std::uint64_t entry, std::string_view release);

/// The place of a page that was swapped out, in the kernel's words (as /proc/PID/pagemap has it).
struct SwapPlace {
  unsigned type = 0;         ///< the number of the swap area, 0..63; the highest have other uses
  std::uint64_t offset = 0;  ///< in pages, from the beginning of the area
};

/// Where a swap entry says its page is. Nothing when it is none, or written by rules that are not
/// known: 8-byte entries of x86 before L1TF (4.18), ARM64 without `release`.
std::optional<SwapPlace> SwapPlaceOf(const PagingMode& mode, std::size_t level, std::uint64_t entry,
                                     std::string_view release);

}  // namespace v2p

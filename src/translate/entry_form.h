// What a non-present entry is, where its form is certain.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "translate/paging_mode.h"
#include "translate/walk.h"

namespace v2p {

/// Names the form of an entry whose present bit is clear, read at `level` (0 is the top). Anything
/// that two systems or versions read differently is kUnknown; an entry of all zero bits is kZero
/// under every system.
EntryState NotPresentForm(const PagingMode& mode, GuestOs os, std::size_t level,
                          std::uint64_t entry);

}  // namespace v2p

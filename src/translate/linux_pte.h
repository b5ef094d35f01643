// What Linux keeps in an entry whose present bit is clear.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/address.h"
#include "translate/paging_mode.h"

namespace v2p {

/// Where a PROT_NONE entry, read at `level`, says its page is. The page is there, but the kernel
/// took every right away: it is named, and never an answer.
std::optional<PhysAddr> ProtnoneFrame(const PagingMode& mode, std::size_t level,
                                      std::uint64_t entry);

}  // namespace v2p

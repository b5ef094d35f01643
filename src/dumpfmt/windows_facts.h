// What `v2p info` shows of a Windows crash dump header, and the root it claims.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/image_facts.h"
#include "dumpfmt/windows_header.h"

namespace v2p::windows {

/// Everything the first header says, in the order to show; unset fields are left out.
std::vector<Fact> HeaderFacts(const WindowsHeader& header);

/// The root and paging mode that the header claims; nothing when DirectoryTableBase is not set.
std::optional<DtbClaim> HeaderClaim(const WindowsHeader& header);

}  // namespace v2p::windows

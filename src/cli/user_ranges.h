// Parses `--ranges`: where the bytes of a raw image belong in physical memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "dumpfmt/format.h"

namespace v2p::cli {

/// `START-END[@OFFSET]` or `START+LEN[@OFFSET]`, joined by commas; END is the last byte, as in
/// /proc/iomem and in LiME. A range without OFFSET follows the bytes of the one before.
Result<std::vector<UserRange>> ParseUserRanges(std::string_view text);

}  // namespace v2p::cli

// The `nonresident` member of a record: what an entry that is not present was, and where it led.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/json_records.h"
#include "cli/record.h"

namespace v2p::cli {

/// Null when every entry of the walk was present or zero, or when their form is not known.
Json NonresidentJson(const Record& record);

}  // namespace v2p::cli

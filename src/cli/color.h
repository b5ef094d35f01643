// Whether to use colour.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/args.h"

namespace v2p::cli {

/// `always` and `never` decide; else NO_COLOR (no-color.org), CLICOLOR_FORCE
/// (bixense.com/clicolors), then whether standard output is a terminal that can.
bool UseColor(ColorChoice choice);

}  // namespace v2p::cli

// Public entry: the debugger engine's two translation methods over an opened image.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dumpfmt/format.h"    // IWYU pragma: export
#include "translate/dbgeng.h"  // IWYU pragma: export

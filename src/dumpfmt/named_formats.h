// Containers that are recognised and named but not read: what they are and what to do instead.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "dumpfmt/format.h"

namespace v2p {

/// The named formats, in the order in which they are tried; `open` is null in all of them.
std::span<const Format> NamedFormats();

}  // namespace v2p

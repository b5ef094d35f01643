// Bodies of Windows 8 and later whose header page was wiped.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "dumpfmt/hiberfil_body.h"

namespace v2p::hiberfil {

/// The sections, found by their chains of sets; nothing when none begins where the first one does.
Result<std::optional<Body>> FindModernBody(const ByteSource& source);

}  // namespace v2p::hiberfil

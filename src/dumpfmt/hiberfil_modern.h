// Hibernation files since Windows 8: a boot and a kernel section of compression sets.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.h"
#include "dumpfmt/hiberfil_body.h"

namespace v2p::hiberfil {

/// Whether page 0 can be the header of such a file.
bool IsModern(const Record& header);

/// Reads the header and indexes the sets, without decoding any. `page0` is the first page.
Result<Body> ReadModern(const ByteSource& source, const Record& page0);

}  // namespace v2p::hiberfil

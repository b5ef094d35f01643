// Hibernation files up to Windows 7: a chain of range tables, each followed by its blocks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.h"
#include "dumpfmt/hiberfil_body.h"
#include "dumpfmt/hiberfil_layout.h"

namespace v2p::hiberfil {

struct LegacyBody {
  Body body;
  const LegacyLayout* layout = nullptr;  ///< null when the header is gone
};

/// Finds the layout by trying those that the header allows, then all of them without it, and
/// indexes the blocks. kCorrupt when there is no table with blocks behind it.
Result<LegacyBody> ReadLegacy(const ByteSource& source, const Record& page0);

}  // namespace v2p::hiberfil

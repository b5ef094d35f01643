// The processor's registers as hibernation saved them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/byte_source.h"
#include "base/image_facts.h"

namespace v2p::hiberfil {

/// The registers on file page `page` (KPROCESSOR_STATE), when they make sense together; nothing
/// when they do not, or when the file ends before.
std::optional<CpuFacts> ReadProcessor(const ByteSource& source, std::uint64_t page,
                                      Machine machine);

}  // namespace v2p::hiberfil

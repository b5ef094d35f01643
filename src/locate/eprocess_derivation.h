// Derivation of EPROCESS's offsets from the objects themselves: no table, no symbols, no names but
// System's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "locate/eprocess.h"
#include "locate/eprocess_context.h"
#include "locate/eprocess_table.h"

namespace v2p {

/// Fields that at least nine in ten of `objects` agree on; 0 for those that do not stand out. PID,
/// links and name come together or not at all. `objects` may hold `system`, which is null when its
/// object is not in the image, and the idle process, an object in the kernel's image. Time grows
/// with their number: callers take a sample.
EprocessOffsets DeriveEprocessOffsets(const EprocessContext& context,
                                      std::span<const Eprocess> objects, const Eprocess* system);

}  // namespace v2p

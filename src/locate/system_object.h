// The System process of a kernel, and what its processes are read with.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "locate/eprocess_context.h"
#include "locate/judge.h"

namespace v2p {

/// `reader` reads through the kernel's root and outlives the context.
EprocessContext MakeEprocessContext(const Scene& scene, const System& system,
                                    VirtualReader& reader);

/// EPROCESS of System: `known`, else the first in the list whose head a dump or KDBG names, else
/// that of `seen` which has its name and the kernel's root.
std::optional<VirtAddr> FindSystemObject(const Scene& scene, const EprocessContext& context,
                                         std::optional<VirtAddr> known,
                                         std::span<const VirtAddr> seen);

}  // namespace v2p

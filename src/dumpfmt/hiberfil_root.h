// Whether a saved root is Windows' own: it leads to itself.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/image_facts.h"
#include "base/physical_memory.h"

namespace v2p::hiberfil {

/// Whether the table that the saved CR3 names has the entry by which Windows maps its own tables.
bool HasSelfEntry(const PhysicalMemory& memory, const CpuFacts& cpu);

}  // namespace v2p::hiberfil

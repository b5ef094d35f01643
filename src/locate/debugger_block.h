// DebuggerBlock: what KDDEBUGGER_DATA64 says about processes, where it is in plain text.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "locate/judge.h"
#include "locate/virtual_reader.h"

namespace v2p {

struct DebuggerBlock {
  std::uint64_t active_processes = 0;  ///< PsActiveProcessHead
  std::uint16_t peb = 0;               ///< offsets in EPROCESS; 0: not said
  std::uint16_t parent_pid = 0;
  std::uint16_t process_root = 0;
};

/// The block that the container names or a scan saw, of the kernel at `kernel_base`. Nothing when
/// it is encoded, as it is while no debugger is attached, or absent.
std::optional<DebuggerBlock> ReadDebuggerBlock(const Scene& scene, VirtualReader& reader,
                                               VirtAddr kernel_base);

}  // namespace v2p

// Where a Linux kernel keeps what in its task_struct, derived from the tasks themselves.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "locate/linux_layout.h"
#include "locate/linux_process_root.h"
#include "locate/linux_task_list.h"

namespace v2p {

/// Counted from a task's link; nothing where the tasks do not agree on one place.
struct LinuxTaskOffsets {
  std::optional<std::int64_t> pid;  ///< tgid follows it
  std::optional<std::int64_t> mm;   ///< active_mm follows it
  std::uint64_t pgd = 0;            ///< from the beginning of an mm_struct; of use when mm is
  std::optional<std::int64_t> leader;
  std::optional<std::int64_t> parent;  ///< real_parent
  std::int64_t task = 0;               ///< the beginning of the task_struct, when leader is known
};

/// Tries every place between link and name of up to a few hundred tasks. `init_task` has PID 0 and
/// no mm; all others differ in their PIDs; what follows mm leads to roots that `roots` accepts;
/// leaders of a thread group point to themselves.
LinuxTaskOffsets DeriveLinuxTaskOffsets(const PhysicalMemory& memory, const Root& kernel,
                                        const LinuxLayout& layout, const LinuxTaskList& list,
                                        LinuxProcessRoots& roots);

/// Linux include/linux/threads.h, PID_MAX_LIMIT on 64-bit systems.
inline constexpr std::uint32_t kMostLinuxPid = 1U << 22U;

}  // namespace v2p

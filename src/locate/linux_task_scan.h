// Tasks with an address space of their own that are in memory, whether listed or not.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unordered_set>
#include <vector>

#include "locate/linux_task_offsets.h"

namespace v2p {

/// Links, ascending, of the leaders of thread groups that are not among `listed` and have a name, a
/// PID and an mm whose root `roots` accepts. One pass over the memory of the direct map. Needs
/// offsets of pid, mm and leader. A task whose mm and active_mm are on two pages is not seen.
std::vector<VirtAddr> FindUnlistedTasks(const PhysicalMemory& memory, const Root& kernel,
                                        const LinuxLayout& layout, const LinuxTaskList& list,
                                        const LinuxTaskOffsets& offsets, LinuxProcessRoots& roots);

}  // namespace v2p

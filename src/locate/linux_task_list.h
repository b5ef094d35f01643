// The list of all tasks of a Linux kernel, found from init_task without symbols.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/physical_memory.h"
#include "locate/linux_layout.h"
#include "locate/root.h"
#include "locate/virtual_reader.h"

namespace v2p {

/// Offsets inside a task_struct are counted from its link in the list (task_struct.tasks).
struct LinuxTaskList {
  VirtAddr head;                ///< the link of init_task, which is not in `links`
  std::int64_t comm = 0;        ///< from a link to the name of its task
  std::vector<VirtAddr> links;  ///< of the tasks, in the order of the list
  bool complete = false;        ///< the ring closes, every link agreeing with the one before
};

/// Finds init_task by its name, "swapper/0", in the kernel image, and the ring of which most
/// members have a name at the same distance. Nothing when there is none. Bounded work.
std::optional<LinuxTaskList> FindLinuxTasks(const PhysicalMemory& memory, const Root& kernel,
                                            const LinuxLayout& layout);

/// The name of the task at `link`, raw; empty when there is none that reads as text.
std::string LinuxTaskName(VirtualReader& reader, VirtAddr link, std::int64_t comm);

}  // namespace v2p

// Processes of a Linux system, without symbols.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "locate/judge.h"
#include "locate/linux_process_root.h"
#include "locate/linux_task_list.h"
#include "locate/linux_task_offsets.h"
#include "locate/linux_task_scan.h"

namespace v2p {
namespace {

constexpr std::uint64_t kKthreaddPid = 2;  // init/main.c, rest_init

VirtAddr Moved(VirtAddr from, std::int64_t by) {
  return VirtAddr(from.value + static_cast<std::uint64_t>(by));
}

// Reads tasks at known offsets.
class Tasks {
 public:
  Tasks(const PhysicalMemory& memory, const Root& kernel, const LinuxLayout& layout,
        const LinuxTaskList& list, const LinuxTaskOffsets& offsets, LinuxProcessRoots& roots)
      : reader_(memory, kernel), layout_(layout), list_(list), offsets_(offsets), roots_(roots) {}

  std::optional<Process> Read(VirtAddr link, Linkage linkage) {
    const auto pid = reader_.Load<std::uint32_t>(Moved(link, offsets_.pid.value()));
    if (!pid) return std::nullopt;
    Process process;
    process.pid = *pid;
    process.linkage = linkage;
    process.name = LinuxTaskName(reader_, link, list_.comm);
    process.object = Moved(link, offsets_.task);
    process.object_at = layout_.Physical(process.object);
    process.parent_pid = ParentOf(link);
    ReadRoot(link, process);
    return process;
  }

 private:
  // getppid: the group of real_parent.
  std::optional<std::uint64_t> ParentOf(VirtAddr link) {
    if (!offsets_.parent) return std::nullopt;
    const auto parent = reader_.LoadPointer(Moved(link, *offsets_.parent));
    if (!parent) return std::nullopt;
    const VirtAddr at = Moved(VirtAddr(*parent), *offsets_.pid - offsets_.task);
    const auto tgid = reader_.Load<std::uint32_t>(at + 4);
    return tgid && *tgid <= kMostLinuxPid ? std::optional<std::uint64_t>(*tgid) : std::nullopt;
  }

  void ReadRoot(VirtAddr link, Process& process) {
    process.root_state = RootState::kInvalid;
    if (!offsets_.mm) return;
    const auto mm = reader_.LoadPointer(Moved(link, *offsets_.mm));
    if (!mm) return;
    if (*mm == 0) {
      process.root_state = WithoutMemory(process);
      return;
    }
    const auto pgd = reader_.LoadPointer(VirtAddr(*mm + offsets_.pgd));
    const auto table = pgd ? roots_.At(VirtAddr(*pgd)) : std::nullopt;
    if (!table) return;
    process.root = roots_.Of(*table);
    process.user_root = roots_.UserRootOf(*table);
    process.root_state = roots_.StateOf(*table);
  }

  // Threads of the kernel are kthreadd and its children; what else has no mm is a zombie
  // (kernel/exit.c, exit_mm).
  RootState WithoutMemory(const Process& process) const {
    if (!process.parent_pid || process.pid == kKthreaddPid) return RootState::kShared;
    return *process.parent_pid == kKthreaddPid ? RootState::kShared : RootState::kFreed;
  }

  VirtualReader reader_;
  const LinuxLayout& layout_;
  const LinuxTaskList& list_;
  const LinuxTaskOffsets& offsets_;
  LinuxProcessRoots& roots_;
};

void NoteDoubts(const LinuxTaskList& list, const LinuxTaskOffsets& offsets, System& system) {
  const auto note = [&](std::string text) { system.notes.push_back(std::move(text)); };
  if (!list.complete) {
    note(fmt::format("the list of tasks breaks off; {} tasks are on it", list.links.size()));
  }
  if (!offsets.mm) note("tasks do not agree on where their mm is: no roots of processes");
  if (!offsets.leader) {
    note("tasks do not agree on where their parent is: objects are the addresses of their links");
  }
}

void AddFacts(const LinuxTaskList& list, const LinuxTaskOffsets& offsets, System& system) {
  system.facts.push_back({"init-task", Hex64{Moved(list.head, offsets.task).value}});
}

void Sort(std::vector<Process>& processes) {
  std::sort(processes.begin(), processes.end(), [](const Process& a, const Process& b) {
    return std::tuple(a.pid, a.object.value) < std::tuple(b.pid, b.object.value);
  });
}

// Roots that were seen and that no process has: of exited ones, or of tasks that the image lacks.
void AddOrphans(const Scene& scene, System& system) {
  std::unordered_set<std::uint64_t> owned;
  for (const Process& process : system.processes) {
    if (process.root) owned.insert(process.root->table.value);
    if (process.user_root) owned.insert(process.user_root->table.value);
  }
  for (const Candidate& candidate : JudgeLinux(scene, {}).candidates) {
    if (candidate.cluster != system.kernel.cluster || !candidate.reason.empty()) continue;
    const bool shadow = candidate.cls == RootClass::kUserShadow;
    if (!shadow && candidate.cls != RootClass::kProcess) continue;
    if (shadow && candidate.pair == system.kernel.root.table) continue;
    if (owned.insert(candidate.root.table.value).second) {
      system.orphans.push_back({candidate.root, shadow});
    }
  }
}

void AddProcesses(const Scene& scene, const LinuxLayout& layout, System& system) {
  const PhysicalMemory& memory = *scene.memory;
  const Root& kernel = system.kernel.root;
  const auto list = FindLinuxTasks(memory, kernel, layout);
  if (!list) return system.notes.push_back("init_task was not found: no processes");
  LinuxProcessRoots roots(memory, system.kernel, layout);
  const LinuxTaskOffsets offsets = DeriveLinuxTaskOffsets(memory, kernel, layout, *list, roots);
  if (!offsets.pid) return system.notes.push_back("tasks do not agree on where their PID is");
  AddFacts(*list, offsets, system);
  NoteDoubts(*list, offsets, system);
  Tasks tasks(memory, kernel, layout, *list, offsets, roots);
  const auto add = [&](VirtAddr link, Linkage linkage) {
    if (auto process = tasks.Read(link, linkage)) system.processes.push_back(std::move(*process));
  };
  for (const VirtAddr link : list->links) add(link, Linkage::kLinked);
  if (offsets.mm && offsets.leader) {
    const Linkage linkage = list->complete ? Linkage::kHidden : Linkage::kUnknown;
    for (const VirtAddr link : FindUnlistedTasks(memory, kernel, layout, *list, offsets, roots)) {
      add(link, linkage);
    }
  }
  Sort(system.processes);
}

}  // namespace

void FindLinuxProcesses(const Scene& scene, System& system) {
  const auto layout = DeriveLinuxLayout(*scene.memory, system.kernel.root);
  if (!layout) return;
  AddProcesses(scene, *layout, system);
  AddOrphans(scene, system);
}

}  // namespace v2p

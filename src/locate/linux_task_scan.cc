// Searching memory for the pair of pointers that a process's task has: mm and active_mm.
// SPDX-License-Identifier: Apache-2.0
#include "locate/linux_task_scan.h"

#include <algorithm>

#include "base/bytes.h"
#include "locate/byte_search.h"
#include "locate/page_runs.h"

namespace v2p {
namespace {

constexpr std::size_t kMostUnlisted = 4096;

VirtAddr Moved(VirtAddr from, std::int64_t by) {
  return VirtAddr(from.value + static_cast<std::uint64_t>(by));
}

class TaskScan {
 public:
  TaskScan(const PhysicalMemory& memory, const Root& kernel, const LinuxLayout& layout,
           const LinuxTaskList& list, const LinuxTaskOffsets& offsets, LinuxProcessRoots& roots)
      : memory_(memory),
        reader_(memory, kernel),
        layout_(layout),
        comm_(list.comm),
        offsets_(offsets),
        roots_(roots) {
    for (const VirtAddr link : list.links) listed_.insert(link.value);
  }

  std::vector<VirtAddr> Run() {
    const auto begin = layout_.Physical(layout_.direct_begin);
    if (!begin) return {};
    const PhysAddr end(begin->value + (layout_.direct_end - layout_.direct_begin));
    PageRuns(memory_).ForEach(PhysAddr(begin->value & ~(kPageBytes - 1)),
                              PhysAddr(end.value & ~(kPageBytes - 1)),
                              [&](const PageRun& run) { Look(run); });
    return found_;
  }

 private:
  void Look(const PageRun& run) {
    if (layout_.PointerBytes() == 8) {
      ForEachPairInPages(run, layout_.direct_begin.value, [&](std::size_t page, std::size_t at) {
        See(run.PageAt(page) + at, LoadLe<std::uint64_t>(run.Page(page).data() + at));
      });
      return;
    }
    for (std::size_t i = 0; i < run.Pages(); ++i) Look32(run.Page(i), run.PageAt(i));
  }

  void Look32(std::span<const std::byte> page, PhysAddr at) {
    const auto least = static_cast<std::uint32_t>(layout_.direct_begin.value);
    std::uint32_t last = LoadLe<std::uint32_t>(page.data());
    for (std::size_t i = 4; i < page.size(); i += 4) {
      const auto value = LoadLe<std::uint32_t>(page.data() + i);
      if (value == last && value >= least) See(at + (i - 4), value);
      last = value;
    }
  }

  // Cheapest first. An empty list points to itself.
  void See(PhysAddr at, std::uint64_t mm) {
    const VirtAddr va = layout_.Direct(at);
    if (mm == va.value || !layout_.InDirectMap(VirtAddr(mm)) || found_.size() == kMostUnlisted) {
      return;
    }
    const VirtAddr link = Moved(va, -offsets_.mm.value());
    if (listed_.contains(link.value) || !LeadsItself(link) || !HasPid(link) || !HasRoot(mm)) return;
    if (!LinuxTaskName(reader_, link, comm_).empty()) found_.push_back(link);
  }

  // A copy that a failed fork left behind has the leader of the process it was made from.
  bool LeadsItself(VirtAddr link) {
    return reader_.LoadPointer(Moved(link, offsets_.leader.value())) ==
           Moved(link, offsets_.task).value;
  }

  bool HasPid(VirtAddr link) {
    const VirtAddr at = Moved(link, offsets_.pid.value());
    const auto pid = reader_.Load<std::uint32_t>(at);
    return pid && *pid != 0 && *pid <= kMostLinuxPid && reader_.Load<std::uint32_t>(at + 4) == pid;
  }

  bool HasRoot(std::uint64_t mm) {
    const auto pgd = reader_.LoadPointer(VirtAddr(mm + offsets_.pgd));
    const auto table = pgd ? roots_.At(VirtAddr(*pgd)) : std::nullopt;
    return table && roots_.Test(*table);
  }

  const PhysicalMemory& memory_;
  VirtualReader reader_;
  const LinuxLayout& layout_;
  std::int64_t comm_;
  const LinuxTaskOffsets& offsets_;
  LinuxProcessRoots& roots_;
  std::unordered_set<std::uint64_t> listed_;
  std::vector<VirtAddr> found_;
};

}  // namespace

std::vector<VirtAddr> FindUnlistedTasks(const PhysicalMemory& memory, const Root& kernel,
                                        const LinuxLayout& layout, const LinuxTaskList& list,
                                        const LinuxTaskOffsets& offsets, LinuxProcessRoots& roots) {
  return TaskScan(memory, kernel, layout, list, offsets, roots).Run();
}

}  // namespace v2p

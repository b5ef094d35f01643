// Voting for the places of pid, mm, group_leader and real_parent.
// SPDX-License-Identifier: Apache-2.0
#include "locate/linux_task_offsets.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "locate/linux_task_window.h"

namespace v2p {
namespace {

constexpr std::size_t kMostWindows = 256;
constexpr std::size_t kMostSpaces = 64;       // mm_structs that are looked into
constexpr std::int64_t kMostToLink = 0x2000;  // 0x8e0 in Debian's 6.1, more with debugging
constexpr std::uint64_t kMostToPgd = 0x400;   // 0x48 on x86-64, 0x38 on ARM64 in Debian's 6.1

class Vote {
 public:
  Vote(const PhysicalMemory& memory, const Root& kernel, const LinuxLayout& layout,
       const LinuxTaskList& list, LinuxProcessRoots& roots)
      : reader_(memory, kernel),
        layout_(layout),
        pointer_(static_cast<std::int64_t>(layout.PointerBytes())),
        roots_(roots),
        comm_(list.comm),
        init_(reader_, list.head, list.comm) {
    links_.insert(list.head.value);
    for (const VirtAddr link : list.links) links_.insert(link.value);
    const std::size_t step = list.links.size() / kMostWindows + 1;
    for (std::size_t i = 0; i < list.links.size(); i += step) {
      windows_.emplace_back(reader_, list.links[i], list.comm);
    }
  }

  LinuxTaskOffsets Take() {
    LinuxTaskOffsets offsets;
    offsets.pid = Pid();
    TakeMm(offsets);
    TakeFamily(offsets);
    return offsets;
  }

 private:
  std::optional<std::uint64_t> Load(const TaskWindow& window, std::int64_t at) const {
    return window.Pointer(at, layout_.PointerBytes());
  }

  // A vote is carried by nine in ten of those that can be asked, as memory may be smeared; half
  // must be there to be asked.
  bool Carried(std::size_t in_favour, std::size_t asked) const {
    return in_favour != 0 && asked * 2 >= windows_.size() && in_favour * 10 >= asked * 9;
  }

  // pid and tgid: equal in leaders, no two alike, zero in init_task.
  std::optional<std::int64_t> Pid() const {
    std::optional<std::int64_t> best;
    std::size_t most = 1;  // one task agrees with itself on anything
    for (std::int64_t at = 0; at < comm_; at += 4) {
      if (init_.Load<std::uint64_t>(at).value_or(0) != 0) continue;
      const std::size_t pids = PidsAt(at);
      if (pids <= most) continue;
      most = pids;
      best = at;
    }
    return best;
  }

  std::size_t PidsAt(std::int64_t at) const {
    std::unordered_set<std::uint32_t> pids;
    std::size_t asked = 0;
    for (const TaskWindow& window : windows_) {
      const auto pid = window.Load<std::uint32_t>(at);
      const auto tgid = window.Load<std::uint32_t>(at + 4);
      if (!pid || !tgid) continue;
      ++asked;
      if (pid == tgid && *pid != 0 && *pid <= kMostLinuxPid) pids.insert(*pid);
      if ((asked - pids.size()) * 10 > windows_.size()) return 0;
    }
    return Carried(pids.size(), asked) ? pids.size() : 0;
  }

  // mm and active_mm: equal in processes; kernel threads have no mm.
  void TakeMm(LinuxTaskOffsets& offsets) {
    std::size_t most = 0;
    for (std::int64_t at = 0; at < comm_; at += pointer_) {
      if (Load(init_, at).value_or(0) != 0) continue;
      const std::vector<std::uint64_t> spaces = SpacesAt(at);
      if (spaces.empty()) continue;
      for (std::uint64_t pgd = 0; pgd < kMostToPgd; pgd += layout_.PointerBytes()) {
        const std::size_t found = RootsAt(spaces, pgd);
        if (found <= most) continue;
        most = found;
        offsets.mm = at;
        offsets.pgd = pgd;
      }
    }
  }

  // What the tasks have at `at` if that looks like mm, each once.
  std::vector<std::uint64_t> SpacesAt(std::int64_t at) const {
    std::unordered_set<std::uint64_t> spaces;
    std::size_t asked = 0;
    std::size_t agree = 0;
    for (const TaskWindow& window : windows_) {
      const auto mm = Load(window, at);
      const auto active = Load(window, at + pointer_);
      if (!mm || !active) continue;
      ++asked;
      if (*mm == 0) {
        ++agree;
      } else if (mm == active && layout_.InDirectMap(VirtAddr(*mm)) &&
                 *mm != window.Link().value + static_cast<std::uint64_t>(at)) {  // no empty list
        ++agree;
        if (spaces.size() < kMostSpaces) spaces.insert(*mm);
      }
      if ((asked - agree) * 10 > windows_.size()) return {};
    }
    if (!Carried(agree, asked)) return {};
    return {spaces.begin(), spaces.end()};
  }

  // How many lead to roots; none unless at least four in five do of those whose table can be read.
  std::size_t RootsAt(const std::vector<std::uint64_t>& spaces, std::uint64_t pgd) {
    std::size_t found = 0;
    std::size_t asked = 0;
    for (const std::uint64_t mm : spaces) {
      const auto value = reader_.LoadPointer(VirtAddr(mm + pgd));
      const auto table = value ? roots_.At(VirtAddr(*value)) : std::nullopt;
      const bool absent = !value || (table && roots_.StateOf(*table) == RootState::kNotInImage);
      asked += absent ? 0U : 1U;
      found += !absent && table && roots_.Test(*table) ? 1U : 0U;
    }
    return found * 5 >= asked * 4 ? found : 0;
  }

  // linux/sched.h: real_parent, parent, the lists children and sibling, group_leader. The leader of
  // a group points to itself, so that this pointer minus the link is the same in all of them; other
  // such pointers (cpus_ptr) are told apart by what stands before.
  void TakeFamily(LinuxTaskOffsets& offsets) const {
    for (std::int64_t at = 6 * pointer_; at < comm_; at += pointer_) {
      const auto task = SelfAt(at);
      const std::int64_t parent = at - 6 * pointer_;
      if (!task || !ParentsAt(parent, *task) || !ParentsAt(parent + pointer_, *task)) continue;
      offsets.leader = at;
      offsets.parent = parent;
      offsets.task = *task;
      return;
    }
  }

  // From links to where their tasks point at `at`, if that is the same for all.
  std::optional<std::int64_t> SelfAt(std::int64_t at) const {
    if (windows_.empty()) return std::nullopt;
    const auto first = Load(windows_.front(), at);
    if (!first) return std::nullopt;
    const auto task = static_cast<std::int64_t>(*first - windows_.front().Link().value);
    if (task > 0 || task < -kMostToLink) return std::nullopt;
    std::size_t asked = 0;
    std::size_t agree = 0;
    for (const TaskWindow& window : windows_) {
      const auto leader = Load(window, at);
      if (!leader) continue;
      ++asked;
      agree += *leader == window.Link().value + static_cast<std::uint64_t>(task) ? 1U : 0U;
      if ((asked - agree) * 10 > windows_.size()) return std::nullopt;
    }
    return agree > 1 && Carried(agree, asked) ? std::optional(task) : std::nullopt;
  }

  // Whether the tasks point to other tasks there.
  bool ParentsAt(std::int64_t at, std::int64_t task) const {
    std::size_t asked = 0;
    std::size_t agree = 0;
    for (const TaskWindow& window : windows_) {
      const auto parent = Load(window, at);
      if (!parent) continue;
      ++asked;
      const std::uint64_t link = *parent - static_cast<std::uint64_t>(task);
      agree += link != window.Link().value && links_.contains(link) ? 1U : 0U;
    }
    return Carried(agree, asked);
  }

  VirtualReader reader_;
  const LinuxLayout& layout_;
  std::int64_t pointer_;
  LinuxProcessRoots& roots_;
  std::int64_t comm_;
  TaskWindow init_;
  std::vector<TaskWindow> windows_;
  std::unordered_set<std::uint64_t> links_;
};

}  // namespace

LinuxTaskOffsets DeriveLinuxTaskOffsets(const PhysicalMemory& memory, const Root& kernel,
                                        const LinuxLayout& layout, const LinuxTaskList& list,
                                        LinuxProcessRoots& roots) {
  return Vote(memory, kernel, layout, list, roots).Take();
}

}  // namespace v2p

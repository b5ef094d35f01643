// Finding init_task and following its list of tasks.
// SPDX-License-Identifier: Apache-2.0
#include "locate/linux_task_list.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

#include "base/bytes.h"
#include "locate/byte_search.h"
#include "locate/linux_memory.h"

namespace v2p {
namespace {

constexpr std::size_t kNameBytes = 16;         // linux/sched.h, TASK_COMM_LEN
constexpr std::size_t kMostTasks = 1U << 17U;  // more than pid_max allows by default
constexpr std::size_t kMostNames = 16;         // places that may be init_task's name
// From task_struct.tasks to comm; about 0x310 in Debian's 6.1, more in kernels built for debugging.
constexpr std::uint64_t kMostToName = 0x2000;

VirtAddr Moved(VirtAddr from, std::int64_t by) {
  return VirtAddr(from.value + static_cast<std::uint64_t>(by));
}

// init/init_task.c names it "swapper"; kernel/sched/core.c, init_idle, adds the CPU with SMP.
std::vector<PhysAddr> NamesOfInit(const PhysicalMemory& memory, const LinuxLayout& layout,
                                  std::string_view name) {
  std::vector<PhysAddr> places;
  VisitPages(memory, layout.image_at, layout.image_bytes, [&](PhysAddr at, auto page) {
    ForEachInPages(PageRun{at, page}, name, [&](std::size_t, std::size_t in_page) {
      if (in_page % layout.PointerBytes() == 0) places.push_back(at + in_page);
    });
    return places.size() < kMostNames;
  });
  return places;
}

// Follows rings of links. Steps are counted over all of them, as a hostile image may hold many.
class Rings {
 public:
  Rings(const PhysicalMemory& memory, const Root& kernel, const LinuxLayout& layout)
      : reader_(memory, kernel), layout_(layout), pointer_(layout.PointerBytes()) {}

  /// The ring with the most members among those that begin shortly before the name.
  void Try(VirtAddr name) {
    for (std::uint64_t back = pointer_; back <= kMostToName; back += pointer_) {
      const VirtAddr head(name.value - back);
      const auto next = Next(head);
      if (!next || !MayBeLink(*next) || *next == head || Previous(*next) != head) continue;
      LinuxTaskList list = Follow(head, static_cast<std::int64_t>(back));
      if (list.links.size() > best_.links.size()) best_ = std::move(list);
    }
  }

  std::optional<LinuxTaskList> Best() {
    if (best_.links.empty()) return std::nullopt;
    return std::move(best_);
  }

 private:
  std::optional<VirtAddr> Next(VirtAddr link) {
    const auto next = reader_.LoadPointer(link);
    return next ? std::optional(VirtAddr(*next)) : std::nullopt;
  }
  std::optional<VirtAddr> Previous(VirtAddr link) { return Next(link + pointer_); }

  bool MayBeLink(VirtAddr va) const { return va.value % pointer_ == 0 && layout_.InDirectMap(va); }

  LinuxTaskList Follow(VirtAddr head, std::int64_t comm) {
    LinuxTaskList list{head, comm, {}, false};
    list.complete = Along(list, &Rings::Next, &Rings::Previous);
    if (list.complete || list.links.empty()) return list;
    // The image lacks a page, or somebody has meddled: the other end of the list is as good.
    LinuxTaskList back{head, comm, {}, false};
    Along(back, &Rings::Previous, &Rings::Next);
    std::unordered_set<std::uint64_t> known;
    for (const VirtAddr link : list.links) known.insert(link.value);
    for (auto at = back.links.rbegin(); at != back.links.rend(); ++at) {
      if (!known.contains(at->value)) list.links.push_back(*at);
    }
    return list;
  }

  using Step = std::optional<VirtAddr> (Rings::*)(VirtAddr);

  // Whether the way leads back to the head.
  bool Along(LinuxTaskList& list, Step onward, Step back) {
    VirtAddr from = list.head;
    std::size_t nameless = 0;
    while (list.links.size() < kMostTasks && steps_ != 0) {
      --steps_;
      const auto at = (this->*onward)(from);
      if (!at || (*at != list.head && !MayBeLink(*at)) || (this->*back)(*at) != from) return false;
      if (*at == list.head) return true;
      // A process may call itself what it likes, but few do so in bytes that are no text.
      if (LinuxTaskName(reader_, *at, list.comm).empty() &&
          ++nameless > 2 + list.links.size() / 8) {
        return false;
      }
      list.links.push_back(*at);
      from = *at;
    }
    return false;
  }

  VirtualReader reader_;
  const LinuxLayout& layout_;
  std::uint64_t pointer_;
  std::size_t steps_ = std::size_t{1} << 21U;
  LinuxTaskList best_;
};

}  // namespace

std::string LinuxTaskName(VirtualReader& reader, VirtAddr link, std::int64_t comm) {
  std::array<std::byte, kNameBytes> bytes{};
  if (reader.Read(Moved(link, comm), bytes) != Reach::kReached) return {};
  std::string name(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t end = name.find('\0');
  if (end == std::string::npos) return {};
  name.resize(end);
  const bool text = std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' && c != 0x7F;
  });
  return text ? name : std::string();
}

std::optional<LinuxTaskList> FindLinuxTasks(const PhysicalMemory& memory, const Root& kernel,
                                            const LinuxLayout& layout) {
  using namespace std::string_view_literals;
  for (const std::string_view name : {"swapper/0\0"sv, "swapper\0"sv}) {
    Rings rings(memory, kernel, layout);
    for (const PhysAddr at : NamesOfInit(memory, layout, name)) rings.Try(layout.Image(at));
    if (auto best = rings.Best()) return best;
  }
  return std::nullopt;
}

}  // namespace v2p

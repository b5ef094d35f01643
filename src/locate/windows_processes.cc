// Processes of a Windows system: those in its list and those that memory shows besides.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "locate/eprocess_offsets.h"
#include "locate/process_blocks.h"
#include "locate/process_list.h"
#include "locate/process_roots.h"
#include "locate/system_object.h"

namespace v2p {
namespace {

// Beyond these, which no Windows reaches, objects are counted and left out. The list's come first.
constexpr std::size_t kMostProcesses = 1U << 16U;
constexpr std::size_t kMostSampled = 512;  // of the list, and as many of memory
constexpr std::uint64_t kPidLimit = 1U << 26U;

// The offset as one that may be absent.
template <class T>
std::optional<T> Field(const Eprocess& object, std::uint16_t offset) {
  if (offset == 0) return std::nullopt;
  return object.Load<T>(offset);
}

class Lister {
 public:
  Lister(const Scene& scene, System& system)
      : scene_(scene), system_(system), reader_(*scene.memory, system.kernel.root) {
    context_ = MakeEprocessContext(scene, system, reader_);
  }

  void Run() {
    ConfirmSeen();
    const auto object = FindSystemObject(scene_, context_, system_.system_process, seen_);
    if (!object) system_.notes.emplace_back("processes: the System process was not found");
    if (object || !seen_.empty()) List(object);
    system_.orphans = FindOrphans(scene_, context_, found_, system_.notes);
    for (FoundProcess& found : found_) system_.processes.push_back(std::move(found.process));
    std::sort(system_.processes.begin(), system_.processes.end(),
              [](const Process& a, const Process& b) {
                return std::pair(a.pid, a.object) < std::pair(b.pid, b.object);
              });
  }

 private:
  // Copies of objects, a guest's objects and what else only looks like one are not where they say.
  void ConfirmSeen() {
    const SightingKind kind = context_.Space().pointer_bytes == 8 ? SightingKind::kProcessObject64
                                                                  : SightingKind::kProcessObject32;
    std::unordered_set<std::uint64_t> known;
    for (const Sighting& s : scene_.seen->Of(kind)) {
      const auto found = reader_.Find(VirtAddr(s.value));
      if (found.reach != Reach::kReached || found.pa != s.at) continue;
      if (known.insert(s.value).second) seen_.emplace_back(s.value);
    }
    if (const auto left_out = scene_.seen->LeftOut(kind); left_out != 0) {
      system_.notes.push_back(fmt::format("processes: {} objects were left out", left_out));
    }
  }

  void List(std::optional<VirtAddr> object) {
    std::optional<Eprocess> system;
    std::uint16_t links = 0;
    if (object) {
      system.emplace(reader_, *object);
      links = GuessLinks(context_, *system);
      const EprocessRow* row = FittingRow(context_, {}, &*system);
      if (links == 0 && row != nullptr) links = row->offsets.links;
    }
    ProcessList list;
    if (links != 0) list = FollowProcessList(context_, *object, links);
    Choose(system ? &*system : nullptr, list);
    if (offsets_.pid == 0) return;
    if (offsets_.links != links) list = FollowFrom(object);
    system_.notes.insert(system_.notes.end(), list.notes.begin(), list.notes.end());
    Take(list);
    DoubtKernelRoot();
    SettleRoots(context_, object, found_);
  }

  // Without System, from any process that runs: it is in the same list.
  ProcessList FollowFrom(std::optional<VirtAddr> start) {
    for (std::size_t i = 0; !start && i < std::min(seen_.size(), kMostSampled); ++i) {
      const Eprocess object(reader_, seen_[i]);
      if (!object.HasEnded() && !context_.InKernelImage(seen_[i])) start = seen_[i];
    }
    return start ? FollowProcessList(context_, *start, offsets_.links) : ProcessList{};
  }

  void Choose(const Eprocess* system, const ProcessList& list) {
    std::vector<Eprocess> listed;
    std::unordered_set<std::uint64_t> taken;
    Sample(list.objects, taken, listed);
    std::vector<Eprocess> all = listed;
    Sample(seen_, taken, all);
    std::optional<DebuggerBlock> debugger;
    if (context_.image) debugger = ReadDebuggerBlock(scene_, reader_, context_.image->base);
    ChosenOffsets chosen = ChooseEprocessOffsets(context_, all, listed, system, debugger);
    std::move(chosen.notes.begin(), chosen.notes.end(), std::back_inserter(system_.notes));
    offsets_ = chosen.offsets;
    if (offsets_.pid == 0) {
      system_.notes.emplace_back("processes: no offsets of EPROCESS fit");
    } else {
      system_.facts.push_back({"eprocess-offsets", std::move(chosen.sources)});
    }
  }

  void Sample(const std::vector<VirtAddr>& from, std::unordered_set<std::uint64_t>& taken,
              std::vector<Eprocess>& into) {
    std::size_t count = 0;
    for (const VirtAddr at : from) {
      if (count == kMostSampled) return;
      if (!taken.insert(at.value).second) continue;
      const Eprocess object(reader_, at);
      if (!object.IsProcess()) continue;
      into.push_back(object);
      ++count;
    }
  }

  void Take(const ProcessList& list) {
    std::unordered_set<std::uint64_t> listed;
    for (const VirtAddr at : list.objects) {
      listed.insert(at.value);
      Add(Eprocess(reader_, at), list, true);
    }
    for (const VirtAddr at : seen_) {
      if (!listed.contains(at.value)) Add(Eprocess(reader_, at), list, false);
    }
    Report(unreadable_, "could not be read");
    Report(odd_, "look like processes but have no PID and time of one");
    Report(left_out_, "were left out");
  }

  // Idle, a part of the kernel's image, runs on the kernel's own root. An image may lack that and
  // have a process's, which leads to the same kernel.
  void DoubtKernelRoot() {
    for (const FoundProcess& found : found_) {
      const Process& p = found.process;
      if (p.pid != 0 || !context_.InKernelImage(p.object) || !p.root) continue;
      if (p.root->table == reader_.TheRoot().table) continue;
      system_.notes.push_back(
          fmt::format("the idle process runs on root {:#x}: {:#x} is a process's",
                      p.root->table.value, reader_.TheRoot().table.value));
    }
  }

  void Report(std::size_t count, std::string_view what) {
    if (count != 0) system_.notes.push_back(fmt::format("processes: {} objects {}", count, what));
  }

  void Add(const Eprocess& object, const ProcessList& list, bool listed) {
    const auto pid = object.Pointer(offsets_.pid);
    if (!pid) {
      ++unreadable_;
      return;
    }
    FoundProcess found;
    found.listed = listed;
    found.process = Read(object, *pid);
    found.ended = object.HasEnded() || found.process.exit_time.has_value();
    const bool idle = *pid == 0 && context_.InKernelImage(object.At());
    if (!listed && !idle && !MayBeProcess(found.process)) {
      ++odd_;
      return;
    }
    if (found_.size() >= kMostProcesses) {
      ++left_out_;
      return;
    }
    found.process.linkage =
        idle && !listed ? Linkage::kUnknown : LinkageOf(object, list, listed, found.ended);
    found_.push_back(std::move(found));
  }

  bool MayBeProcess(const Process& process) const {
    if (process.pid % 4 != 0 || process.pid == 0 || process.pid >= kPidLimit) return false;
    return offsets_.create_time == 0 || process.create_time.has_value();
  }

  Process Read(const Eprocess& object, std::uint64_t pid) const {
    Process process;
    process.pid = pid;
    process.object = object.At();
    process.object_at = object.Where();
    process.name = object.Name(offsets_.name).value_or("");
    if (offsets_.parent_pid != 0) process.parent_pid = object.Pointer(offsets_.parent_pid);
    process.create_time = Time(object, offsets_.create_time);
    process.exit_time = Time(object, offsets_.exit_time);
    const ModeName mode = context_.Mode();
    const auto dtb = object.Pointer(context_.Space().process_root);
    if (const PhysAddr table = MaskRoot(dtb.value_or(0), mode); table != PhysAddr()) {
      process.root = Root{mode, table, std::nullopt};
    }
    const auto user = Field<std::uint64_t>(object, offsets_.user_root).value_or(0);
    const UserRoot kind = LookAtUserRoot(context_, user);
    if (kind == UserRoot::kShadow || kind == UserRoot::kNotThere) {
      process.user_root = Root{mode, MaskRoot(user, mode), std::nullopt};
    }
    return process;
  }

  std::optional<std::uint64_t> Time(const Eprocess& object, std::uint16_t offset) const {
    const auto time = Field<std::uint64_t>(object, offset);
    return time && context_.IsProcessTime(*time) ? time : std::nullopt;
  }

  // Where the list is broken, a process whose neighbours point at it is in a part of it.
  Linkage LinkageOf(const Eprocess& object, const ProcessList& list, bool listed, bool ended) {
    if (listed) return Linkage::kLinked;
    if (list.complete) return ended ? Linkage::kExited : Linkage::kHidden;
    const std::uint64_t own = (object.At() + offsets_.links).value;
    const unsigned pointer = object.PointerBytes();
    const auto next = object.Pointer(offsets_.links);
    const auto last = object.Pointer(offsets_.links + pointer);
    if (next && last && *next != own && reader_.LoadPointer(VirtAddr(*last)) == own &&
        reader_.LoadPointer(VirtAddr(*next) + pointer) == own) {
      return Linkage::kLinked;
    }
    return ended ? Linkage::kExited : Linkage::kUnknown;
  }

  const Scene& scene_;
  System& system_;
  VirtualReader reader_;
  EprocessContext context_;
  std::vector<VirtAddr> seen_;  // objects that detectors saw and that are where they say
  EprocessOffsets offsets_;
  std::vector<FoundProcess> found_;
  std::size_t unreadable_ = 0, odd_ = 0, left_out_ = 0;
};

}  // namespace

void FindWindowsProcesses(const Scene& scene, System& system) { Lister(scene, system).Run(); }

}  // namespace v2p

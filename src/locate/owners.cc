// Reading the tables of all systems and processes, each subtree once.
// SPDX-License-Identifier: Apache-2.0
#include "locate/owners.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <tuple>

#include "base/threads.h"
#include "translate/leaves.h"

namespace v2p {
namespace {

// What one owner's tables give.
struct Harvest {
  std::vector<LeafRange> ranges;
  std::vector<TableVisit> tables;
  std::uint64_t absent = 0;
  bool complete = true;
};

auto KeyOf(const TableVisit& visit) { return std::tuple(visit.level, visit.va, visit.table); }

bool ByKey(const TableVisit& a, const TableVisit& b) { return KeyOf(a) < KeyOf(b); }

// Tables that have been read already, at the same addresses.
class Known {
 public:
  void Add(const std::vector<TableVisit>& tables) {
    tables_.insert(tables_.end(), tables.begin(), tables.end());
    std::sort(tables_.begin(), tables_.end(), ByKey);
  }
  bool Has(const TableVisit& visit) const {
    return std::binary_search(tables_.begin(), tables_.end(), visit, ByKey);
  }

 private:
  std::vector<TableVisit> tables_;
};

class Reader {
 public:
  /// `goes_on` is asked now and then; false ends the reading.
  Reader(const PhysicalMemory& memory, std::uint64_t most_ranges, std::function<bool()> goes_on)
      : memory_(memory), most_ranges_(most_ranges), goes_on_(std::move(goes_on)) {}

  /// Adds what lies under `root`, but for what `known` or `own` has.
  void Read(const Root& root, const Known& known, const Known& own, Harvest& into) const {
    LeafSink sink;
    sink.ranges = [&](std::span<const LeafRange> ranges) {
      into.ranges.insert(into.ranges.end(), ranges.begin(), ranges.end());
      return into.ranges.size() < most_ranges_ && goes_on_();
    };
    sink.table = [&](const TableVisit& visit) {
      if (visit.presence == TablePresence::kAbsent) {
        ++into.absent;
      } else {
        into.tables.push_back(visit);
      }
    };
    sink.skip = [&](const TableVisit& visit) { return known.Has(visit) || own.Has(visit); };
    const auto summary = EnumerateLeaves(AddressSpace(memory_, root.Spec()), {}, sink);
    into.complete &= summary.end == LeafSummary::End::kComplete;
  }

  /// Root and user root of a process or a kernel: the second gives what the first has not.
  Harvest ReadPair(const Root& root, const std::optional<Root>& second, const Known& known) const {
    Harvest harvest;
    Read(root, known, {}, harvest);
    if (!second || *second == root) return harvest;
    Known own;
    own.Add(harvest.tables);
    Read(*second, known, own, harvest);
    std::sort(harvest.ranges.begin(), harvest.ranges.end(),
              [](const LeafRange& a, const LeafRange& b) { return a.va < b.va; });
    return harvest;
  }

 private:
  const PhysicalMemory& memory_;
  std::uint64_t most_ranges_;
  std::function<bool()> goes_on_;
};

// One owner's roots, on the way to its harvest.
struct Task {
  Owner owner;
  Root root;
  std::optional<Root> second;
};

// Roots that several processes use (threads of the kernel) have one owner, the first.
std::vector<Task> TasksOf(std::span<const System> systems) {
  std::vector<Task> tasks;
  for (std::size_t s = 0; s < systems.size(); ++s) {
    const System& system = systems[s];
    const std::size_t first = tasks.size();
    const auto add = [&](const Owner& owner, const Root& root, const std::optional<Root>& second) {
      const bool had = std::any_of(tasks.begin() + static_cast<std::ptrdiff_t>(first), tasks.end(),
                                   [&](const Task& task) { return task.root == root; });
      if (!had) tasks.push_back({owner, root, second});
    };
    std::optional<Root> shadow;
    if (system.kernel.pair) shadow = Root{system.kernel.root.mode, *system.kernel.pair, {}};
    add({s, {}, {}}, system.kernel.root, shadow);
    for (std::size_t p = 0; p < system.processes.size(); ++p) {
      const Process& process = system.processes[p];
      const bool usable = process.root_state == RootState::kOk;
      if (usable && process.root) add({s, p, {}}, *process.root, process.user_root);
    }
    for (std::size_t o = 0; o < system.orphans.size(); ++o) {
      add({s, {}, o}, system.orphans[o].root, {});
    }
  }
  return tasks;
}

void AddTables(const std::vector<Harvest>& harvests, std::vector<TableUse>& tables) {
  for (std::uint32_t owner = 0; owner < harvests.size(); ++owner) {
    for (const TableVisit& visit : harvests[owner].tables) {
      tables.push_back({visit.table.value >> kPageShift, owner, visit.level, visit.va});
    }
  }
  std::sort(tables.begin(), tables.end());
  const auto same = [](const TableUse& a, const TableUse& b) {
    return a.frame == b.frame && a.owner == b.owner;
  };
  tables.erase(std::unique(tables.begin(), tables.end(), same), tables.end());
}

}  // namespace

std::span<const TableUse> OwnerIndex::TablesAt(Pfn pfn) const {
  const auto by_frame = [](const TableUse& use, std::uint64_t frame) { return use.frame < frame; };
  const auto first = std::lower_bound(tables.begin(), tables.end(), pfn.value, by_frame);
  const auto last = std::lower_bound(first, tables.end(), pfn.value + 1, by_frame);
  return {first, last};
}

Result<OwnerIndex> BuildOwners(const PhysicalMemory& memory, std::span<const System> systems,
                               const OwnerOptions& options) {
  const std::vector<Task> tasks = TasksOf(systems);
  std::vector<Harvest> harvests(tasks.size());
  std::vector<Known> kernels(systems.size());
  std::mutex mutex;
  std::uint64_t done = 0;
  std::atomic<bool> interrupted = false;
  const auto tell = [&](std::uint64_t more) {
    const std::lock_guard lock(mutex);
    done += more;
    if (options.progress && !options.progress(done, tasks.size())) interrupted = true;
    return !interrupted;
  };
  const Reader reader(memory, ReverseIndex::Most(memory), [&] { return tell(0); });
  // Kernels first: what processes share with them is known then.
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Owner& owner = tasks[i].owner;
    if (owner.process || owner.orphan) continue;
    harvests[i] = reader.ReadPair(tasks[i].root, tasks[i].second, {});
    kernels[owner.system].Add(harvests[i].tables);
    tell(1);
  }
  std::atomic<std::size_t> next = 0;
  RunThreads(UsefulThreads(options.threads, tasks.size() / 4), [&] {
    for (std::size_t i = next++; i < tasks.size() && !interrupted; i = next++) {
      const Owner& owner = tasks[i].owner;
      if (!owner.process && !owner.orphan) continue;
      harvests[i] = reader.ReadPair(tasks[i].root, tasks[i].second, kernels[owner.system]);
      tell(1);
    }
  });
  if (interrupted) return Fail(ErrorKind::kInterrupted, "not all page tables were read");
  OwnerIndex result;
  AddTables(harvests, result.tables);
  std::vector<std::vector<LeafRange>> ranges;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    result.owners.push_back(tasks[i].owner);
    result.absent_tables += harvests[i].absent;
    result.complete &= harvests[i].complete;
    ranges.push_back(std::move(harvests[i].ranges));
  }
  auto index = ReverseIndex::Build(memory, ranges, options.threads);
  if (!index) return tl::unexpected<Error>(std::move(index).error());
  result.index = std::move(*index);
  return result;
}

}  // namespace v2p

// Ranges of leaves joined to runs, whatever the size of their pages.
// SPDX-License-Identifier: Apache-2.0
#include "locate/leaf_runs.h"

#include <limits>

#include "translate/leaves.h"

namespace v2p {
namespace {

LeafRun RunOf(const LeafRange& range) {
  return {range.va, range.pa, range.Bytes(), range.Has(kLeafWritable), range.Has(kLeafUser)};
}

bool Continues(const LeafRun& run, const LeafRun& next) {
  return run.bytes != 0 && run.va + run.bytes == next.va && run.pa + run.bytes == next.pa &&
         run.writable == next.writable && run.user == next.user;
}

// On ARM64 a root of one half has its addresses at the top, too.
AddressSpace SpaceOf(const PhysicalMemory& memory, const Root& root) {
  AddressSpaceSpec spec = root.Spec();
  if (root.mode == ModeName::kArm64) spec.ttbr1 = root.upper.value_or(root.table).value;
  return {memory, spec};
}

LeafEnd Visit(const AddressSpace& space, VirtAddr first, VirtAddr last, LeafBudget& budget,
              const std::function<bool(const LeafRun&)>& visit) {
  LeafOptions options;
  options.first = first;
  options.last = last;
  options.tables = budget.tables;
  options.batch = 1;  // whoever stops early has seen enough, and wants no more tables read
  LeafRun run;
  LeafSink sink;
  sink.ranges = [&](std::span<const LeafRange> ranges) {
    for (const LeafRange& range : ranges) {
      const LeafRun next = RunOf(range);
      if (Continues(run, next)) {
        run.bytes += next.bytes;
        continue;
      }
      if (run.bytes != 0 && !visit(run)) {
        run.bytes = 0;
        return false;
      }
      run = next;
    }
    return true;
  };
  const LeafSummary summary = EnumerateLeaves(space, options, sink);
  budget.tables -= summary.tables;
  budget.absent += summary.absent_tables;
  if (summary.end == LeafSummary::End::kStopped) return LeafEnd::kStopped;
  if (run.bytes != 0 && !visit(run)) return LeafEnd::kStopped;
  return summary.end == LeafSummary::End::kOutOfBudget ? LeafEnd::kOutOfBudget : LeafEnd::kComplete;
}

}  // namespace

LeafEnd VisitKernelLeaves(const PhysicalMemory& memory, const Root& root, VirtAddr first,
                          LeafBudget& budget, const std::function<bool(const LeafRun&)>& visit) {
  const VirtAddr last(std::numeric_limits<std::uint64_t>::max());
  return Visit(SpaceOf(memory, root), first, last, budget, visit);
}

LeafEnd VisitUserLeaves(const PhysicalMemory& memory, const Root& root, VirtAddr end,
                        LeafBudget& budget, const std::function<bool(const LeafRun&)>& visit) {
  const PagingMode& mode = Mode(root.mode);
  const unsigned bits = root.upper ? mode.va_bits : mode.va_bits - 1U;
  const std::uint64_t last = mode.va_bits == 32 ? end.value - 1 : (std::uint64_t{1} << bits) - 1;
  return Visit(SpaceOf(memory, root), VirtAddr(), VirtAddr(last), budget, visit);
}

bool MayMapUserPages(const PhysicalMemory& memory, const Root& root, VirtAddr end) {
  bool user = false;
  LeafBudget budget{64};
  const LeafEnd how = VisitUserLeaves(memory, root, end, budget, [&](const LeafRun& run) {
    user = run.user;
    return !user;
  });
  return user || how == LeafEnd::kOutOfBudget || budget.absent != 0;
}

}  // namespace v2p

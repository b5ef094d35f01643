// Walking tables from the root down, in the order of addresses.
// SPDX-License-Identifier: Apache-2.0
#include "locate/leaf_runs.h"

#include <array>
#include <cstddef>

#include "base/bytes.h"
#include "translate/paging_mode.h"

namespace v2p {
namespace {

struct Rights {
  bool writable = true;
  bool user = true;
};

// Rights of a path are the least of its entries'. Arm: AP[2] (bit 7) read-only and AP[1] (bit 6)
// EL0 access in leaves; tables take rights away with other bits, which Linux does not use for this.
Rights Narrow(Rights above, const PagingMode& mode, std::uint64_t entry, bool leaf) {
  if (mode.form == EntryForm::kX86) {
    const bool plain = mode.id == ModeName::kPae;  // a PDPTE has no rights
    return {above.writable && ((entry & 2) != 0 || (plain && !leaf)),
            above.user && ((entry & 4) != 0 || (plain && !leaf))};
  }
  if (!leaf) return above;
  return {(entry & 0x80) == 0, (entry & 0x40) != 0};
}

class LeafVisit {
 public:
  LeafVisit(const PhysicalMemory& memory, const PagingMode& mode, LeafBudget& budget,
            const std::function<bool(const LeafRun&)>& visit)
      : memory_(memory), mode_(mode), budget_(budget), visit_(visit) {}

  /// Entries of `table` whose addresses lie in [first, last].
  LeafEnd Run(PhysAddr table, std::uint64_t base, std::uint64_t first, std::uint64_t last) {
    first_ = first;
    last_ = last;
    const LeafEnd end = Table(table, 0, base, {});
    if (end == LeafEnd::kStopped) return end;
    if (run_.bytes != 0 && !visit_(run_)) return LeafEnd::kStopped;
    return end;
  }

 private:
  using Entries = std::array<std::byte, kPageBytes>;

  LeafEnd Table(PhysAddr table, std::size_t level, std::uint64_t base, Rights rights) {
    const PagingLevel& rules = mode_.Levels()[level];
    if (budget_.tables == 0) return LeafEnd::kOutOfBudget;
    --budget_.tables;
    Entries entries;
    const std::size_t bytes = std::size_t{mode_.entry_bytes} << rules.index_bits;
    if (memory_.Read(table, std::span(entries).first(bytes)) != bytes) {
      ++budget_.absent;
      return LeafEnd::kComplete;
    }
    for (std::size_t i = 0; i < std::size_t{1} << rules.index_bits; ++i) {
      const std::uint64_t va = base + (std::uint64_t{i} << rules.shift);
      if (va > last_) break;
      if (va + (rules.PageBytes() - 1) < first_) continue;
      const std::byte* at = entries.data() + i * mode_.entry_bytes;
      const std::uint64_t entry =
          mode_.entry_bytes == 8 ? LoadLe<std::uint64_t>(at) : LoadLe<std::uint32_t>(at);
      const LeafEnd end = Entry(entry, level, va, rights);
      if (end != LeafEnd::kComplete) return end;
    }
    return LeafEnd::kComplete;
  }

  LeafEnd Entry(std::uint64_t entry, std::size_t level, std::uint64_t va, Rights above) {
    const PagingLevel& rules = mode_.Levels()[level];
    const bool last = level + 1 == mode_.level_count;
    if ((entry & kEntryPresent) == 0 || (entry & rules.required) != rules.required ||
        (entry & rules.reserved) != 0) {
      return LeafEnd::kComplete;
    }
    const bool large = !last && rules.may_be_leaf && mode_.IsLarge(entry);
    const Rights rights = Narrow(above, mode_, entry, last || large);
    if (!last && !large) {
      return Table(PhysAddr(entry & rules.frame_mask), level + 1, va, rights);
    }
    const std::uint64_t pa = large ? rules.LargePage(entry) : entry & rules.frame_mask;
    return Leaf({VirtAddr(va), PhysAddr(pa), rules.PageBytes(), rights.writable, rights.user});
  }

  LeafEnd Leaf(const LeafRun& leaf) {
    if (run_.bytes != 0 && run_.va + run_.bytes == leaf.va && run_.pa + run_.bytes == leaf.pa &&
        run_.writable == leaf.writable && run_.user == leaf.user) {
      run_.bytes += leaf.bytes;
      return LeafEnd::kComplete;
    }
    const bool go_on = run_.bytes == 0 || visit_(run_);
    run_ = leaf;
    return go_on ? LeafEnd::kComplete : LeafEnd::kStopped;
  }

  const PhysicalMemory& memory_;
  const PagingMode& mode_;
  LeafBudget& budget_;
  const std::function<bool(const LeafRun&)>& visit_;
  LeafRun run_;
  std::uint64_t first_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace

LeafEnd VisitKernelLeaves(const PhysicalMemory& memory, const Root& root, VirtAddr first,
                          LeafBudget& budget, const std::function<bool(const LeafRun&)>& visit) {
  const PagingMode& mode = Mode(root.mode);
  LeafVisit walk(memory, mode, budget, visit);
  if (mode.va_bits == 32) return walk.Run(root.table, 0, first.value, 0xFFFFFFFF);
  // A root of one half has its 2^va_bits addresses at the top; of both halves the upper one is
  // there, and what the lower entries would give lies below and is passed over.
  const std::uint64_t top = ~std::uint64_t{0} << mode.va_bits;
  return walk.Run(root.upper.value_or(root.table), top, first.value, ~std::uint64_t{0});
}

LeafEnd VisitUserLeaves(const PhysicalMemory& memory, const Root& root, VirtAddr end,
                        LeafBudget& budget, const std::function<bool(const LeafRun&)>& visit) {
  const PagingMode& mode = Mode(root.mode);
  LeafVisit walk(memory, mode, budget, visit);
  if (mode.va_bits == 32) return walk.Run(root.table, 0, 0, end.value - 1);
  const unsigned bits = root.upper ? mode.va_bits : mode.va_bits - 1U;
  return walk.Run(root.table, 0, 0, (std::uint64_t{1} << bits) - 1);
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

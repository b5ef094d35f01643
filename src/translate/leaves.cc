// Walking whole trees of tables: masks at the last level, entry by entry above it.
// SPDX-License-Identifier: Apache-2.0
#include "translate/leaves.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "translate/leaf_rights.h"
#include "translate/table_reader.h"

namespace v2p {
namespace {

using End = LeafSummary::End;

// Ranges on their way to the sink, handed over when the next one begins: the last may yet grow.
class RangeBuffer {
 public:
  RangeBuffer(std::size_t capacity, const LeafSink& sink)
      : ranges_(std::max<std::size_t>(capacity, 1)), sink_(sink) {}

  /// A range that cannot continue the one before.
  void Push(const LeafRange& range) {
    if (count_ == ranges_.size()) [[unlikely]] {
      HandOver();
    }
    ranges_[count_++] = range;
  }
  /// A range that may.
  void Append(const LeafRange& range) {
    if (count_ == 0 || !Grow(ranges_[count_ - 1], range)) Push(range);
  }
  /// `pages` more pages of the last range.
  void Extend(std::uint32_t pages) { ranges_[count_ - 1].pages += pages; }
  void Finish() { HandOver(); }

  bool Stopped() const { return stopped_; }
  std::uint64_t HandedOver() const { return handed_over_; }

 private:
  static bool Grow(LeafRange& last, const LeafRange& range) {
    if (last.page_shift != range.page_shift || last.rights != range.rights ||
        last.va + last.Bytes() != range.va || last.pa + last.Bytes() != range.pa ||
        last.pages > std::numeric_limits<std::uint32_t>::max() / 2) {
      return false;
    }
    last.pages += range.pages;
    return true;
  }

  void HandOver() {
    if (count_ != 0 && !stopped_) {
      handed_over_ += count_;
      stopped_ = sink_.ranges && !sink_.ranges(std::span(ranges_).first(count_));
    }
    count_ = 0;
  }

  std::vector<LeafRange> ranges_;
  std::size_t count_ = 0;
  std::uint64_t handed_over_ = 0;
  bool stopped_ = false;
  const LeafSink& sink_;
};

// A last-level table whose entries are on their way to the cache.
struct PendingTable {
  const std::byte* bytes = nullptr;
  std::uint64_t va = 0;
  Rights above;
};

template <class Entry, EntryForm kForm>
class Enumerator {
 public:
  Enumerator(const AddressSpace& space, const LeafOptions& options, const LeafSink& sink,
             TableReader& reader)
      : mode_(space.Mode()),
        options_(options),
        sink_(sink),
        reader_(reader),
        mask_(MasksOf(options.kernel, sizeof(Entry))),
        buffer_(options.batch, sink),
        left_(options.tables.value_or(DefaultBudget(space.Memory()))) {}

  /// Everything below `root` whose address is in [first, last]; `base` is added to all addresses.
  /// `joint`: the upper half of the root's addresses lies at the top.
  void Run(PhysAddr root, std::uint64_t base, std::uint64_t first, std::uint64_t last, bool joint) {
    joint_ = joint;
    first_ = std::max(first, options_.first.value);
    last_ = std::min(last, options_.last.value);
    if (first_ > last_ || Over()) return;
    Table({root, VirtAddr(base), 0, TablePresence::kWhole}, Rights());
    FinishPending();
  }

  LeafSummary Finish() {
    buffer_.Finish();
    summary_.ranges = buffer_.HandedOver();
    if (summary_.end == End::kComplete && buffer_.Stopped()) summary_.end = End::kStopped;
    return summary_;
  }

 private:
  using Buffer = std::array<std::byte, kPageBytes>;
  static constexpr std::size_t kEntries = kPageBytes / sizeof(Entry);

  // Every table is met once, and where tables are mapped by themselves once more a level.
  static std::uint64_t DefaultBudget(const PhysicalMemory& memory) {
    return 4096 + 4 * PagesIn(memory.PresentBytes());
  }

  bool Over() const { return buffer_.Stopped() || summary_.end != End::kComplete; }

  const PagingLevel& Level(const TableVisit& visit) const { return mode_.levels[visit.level]; }
  bool IsLast(const TableVisit& visit) const { return visit.level + 1U == mode_.level_count; }

  void Table(TableVisit visit, Rights above) {
    if (left_ == 0) {
      summary_.end = End::kOutOfBudget;
      return;
    }
    --left_;
    ++summary_.tables;
    Buffer copy;
    const std::size_t bytes = sizeof(Entry) << Level(visit).index_bits;
    const std::byte* const entries =
        reader_.Table(visit.table, std::span(copy).first(bytes), sizeof(Entry), visit.presence);
    if (visit.presence != TablePresence::kWhole) ++summary_.absent_tables;
    if (sink_.table) sink_.table(visit);
    if (visit.presence == TablePresence::kAbsent) return;
    if (!IsLast(visit)) return Upper(visit, entries, above);
    const bool stays = entries != copy.data();
    if (stays) Prefetch(entries);
    FinishPending();
    if (stays) {
      pending_ = {entries, visit.va.value, above};
    } else {
      Pages(entries, visit.va.value, above);
    }
  }

  // The hardware prefetcher stops at each page: this starts it on the next one while the pages of
  // the last are made into ranges.
  static void Prefetch(const std::byte* table) {
    constexpr std::size_t kLine = 64;
    for (std::size_t line = 0; line < 4; ++line) __builtin_prefetch(table + line * kLine);
  }

  void FinishPending() {
    if (pending_.bytes == nullptr) return;
    const PendingTable table = pending_;
    pending_.bytes = nullptr;
    Pages(table.bytes, table.va, table.above);
  }

  void Upper(const TableVisit& visit, const std::byte* entries, Rights above) {
    const PagingLevel& rules = Level(visit);
    const std::uint64_t must = kEntryPresent | rules.required;
    const std::size_t count = std::size_t{1} << rules.index_bits;
    for (std::size_t i = 0; i < count && !Over(); ++i) {
      const std::uint64_t entry = LoadLe<Entry>(entries + i * sizeof(Entry));
      if ((entry & (must | rules.reserved)) != must) continue;
      std::uint64_t va = visit.va.value + (std::uint64_t{i} << rules.shift);
      if (visit.level == 0) va = SignExtended(va);
      if (va > last_ || va + (rules.PageBytes() - 1) < first_) continue;
      if (rules.may_be_leaf && mode_.IsLarge(entry)) {
        Large(rules, entry, va, above);
        continue;
      }
      const TableVisit below{PhysAddr(entry & rules.frame_mask), VirtAddr(va),
                             static_cast<std::uint8_t>(visit.level + 1)};
      if (sink_.skip && sink_.skip(below)) continue;
      Table(below, HasRights(visit) ? above.ThroughTable<kForm>(entry) : above);
    }
  }

  bool HasRights(const TableVisit& visit) const {
    return mode_.id != ModeName::kPae || visit.level != 0;  // a PDPTE of PAE has none
  }

  std::uint64_t SignExtended(std::uint64_t va) const {
    const bool upper = joint_ && (va >> (mode_.va_bits - 1) & 1) != 0;
    return upper ? va | ~std::uint64_t{0} << mode_.va_bits : va;
  }

  void Large(const PagingLevel& rules, std::uint64_t entry, std::uint64_t va, Rights above) {
    if ((entry & rules.leaf_reserved) != 0) return;
    FinishPending();  // its addresses come first
    buffer_.Append({VirtAddr(va), PhysAddr(rules.LargePage(entry)), 1, rules.shift,
                    above.AtLeaf<kForm>(entry)});
  }

  void Pages(const std::byte* entries, std::uint64_t va, Rights above) {
    const PagingLevel& rules = mode_.levels[mode_.level_count - 1U];
    const std::uint64_t must = kEntryPresent | rules.required;
    const std::uint64_t check = must | rules.reserved;
    const EntryRule rule{check, must, check | rules.frame_mask | above.Counting<kForm>()};
    EntryMasks masks;
    mask_(entries, rule, masks);
    if (va < first_ || va + (kEntries * kPageBytes - 1) > last_) Cut(va, masks);
    bool open = false;  // the page before the word is in a range
    for (std::size_t word = 0; word < kEntries / 64; ++word) {
      const std::uint64_t pages = masks.page[word];
      const std::uint64_t goes_on = pages & masks.next[word] & (pages << 1U | (open ? 1U : 0U));
      const auto lead = static_cast<std::uint32_t>(std::countr_one(goes_on));
      if (lead != 0) buffer_.Extend(lead);
      const std::byte* const at = entries + word * 64 * sizeof(Entry);
      AddRanges(at, va + word * 64 * kPageBytes, pages & ~goes_on, goes_on, rules, above);
      open = pages >> 63U != 0;
    }
  }

  // `starts`: entries at which a range begins; `goes_on`: those that belong to the one before.
  void AddRanges(const std::byte* entries, std::uint64_t va, std::uint64_t starts,
                 std::uint64_t goes_on, const PagingLevel& rules, Rights above) {
    while (starts != 0) {
      const auto i = static_cast<unsigned>(std::countr_zero(starts));
      starts &= starts - 1;
      const std::uint64_t entry = LoadLe<Entry>(entries + i * sizeof(Entry));
      const auto more = static_cast<std::uint32_t>(std::countr_one(goes_on >> i >> 1U));
      const LeafRange range{VirtAddr(va + i * kPageBytes), PhysAddr(entry & rules.frame_mask),
                            1 + more, kPageShift, above.AtLeaf<kForm>(entry)};
      // Only a table's first page may continue what another gave; on Arm also entries that allow
      // the same by different bits.
      if (kForm == EntryForm::kArm64 || (i == 0 && va % (kEntries * kPageBytes) == 0)) {
        buffer_.Append(range);
      } else {
        buffer_.Push(range);
      }
    }
  }

  // Leaves out what is not in [first_, last_].
  void Cut(std::uint64_t va, EntryMasks& masks) const {
    for (std::size_t i = 0; i < kEntries; ++i) {
      const std::uint64_t page = va + i * kPageBytes;
      if (page > last_ || page + (kPageBytes - 1) < first_) {
        masks.page[i / 64] &= ~(std::uint64_t{1} << (i % 64));
      }
    }
  }

  const PagingMode& mode_;
  const LeafOptions& options_;
  const LeafSink& sink_;
  TableReader& reader_;
  MaskTable* mask_;
  RangeBuffer buffer_;
  std::uint64_t left_;
  std::uint64_t first_ = 0;
  std::uint64_t last_ = 0;
  bool joint_ = true;
  PendingTable pending_;
  LeafSummary summary_;
};

template <class Entry, EntryForm kForm>
LeafSummary Enumerate(const AddressSpace& space, const LeafOptions& options, const LeafSink& sink,
                      TableReader& reader) {
  Enumerator<Entry, kForm> enumerator(space, options, sink, reader);
  const PagingMode& mode = space.Mode();
  const PhysAddr dtb(space.Spec().dtb & mode.root_mask);
  const std::uint64_t size = std::uint64_t{1} << mode.va_bits;
  if (mode.id == ModeName::kArm64 && space.Spec().ttbr1) {
    const PhysAddr upper(*space.Spec().ttbr1 & mode.root_mask);
    enumerator.Run(dtb, 0, 0, size - 1, false);
    enumerator.Run(upper, 0 - size, 0 - size, ~std::uint64_t{0}, false);
  } else if (mode.va_bits == 32) {
    enumerator.Run(dtb, 0, 0, size - 1, false);
  } else {
    enumerator.Run(dtb, 0, 0, ~std::uint64_t{0}, true);
  }
  return enumerator.Finish();
}

}  // namespace

LeafSummary EnumerateLeaves(const AddressSpace& space, const LeafOptions& options,
                            const LeafSink& sink) {
  return space.Memory().WithCursor([&](auto cursor) {
    CursorTableReader<decltype(cursor)> reader(space.Memory(), cursor);
    if (space.Mode().form == EntryForm::kArm64) {
      return Enumerate<std::uint64_t, EntryForm::kArm64>(space, options, sink, reader);
    }
    if (space.Mode().entry_bytes == 4) {
      return Enumerate<std::uint32_t, EntryForm::kX86>(space, options, sink, reader);
    }
    return Enumerate<std::uint64_t, EntryForm::kX86>(space, options, sink, reader);
  });
}

}  // namespace v2p

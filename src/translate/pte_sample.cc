// Statistics over entries that are not present.
// The mask: every non-valid entry of three real Windows 10 snapshots (quarkslab/rewind) whose bit 4
// is clear has bit 45 set, and nothing else is common to all.
// SPDX-License-Identifier: Apache-2.0
#include "translate/pte_sample.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <unordered_set>

#include "base/bytes.h"
#include "translate/mode_tables.h"

namespace v2p {
namespace {

constexpr std::size_t kFewestEntries = 64;
constexpr std::size_t kFewestValues = 8;  // one value repeated says nothing about its bits

class Sampler {
 public:
  Sampler(const PhysicalMemory& memory, const PagingMode& mode, PhysAddr root,
          const PteSampleLimits& limits, PteSample* sample)
      : memory_(memory), mode_(mode), root_(root), limits_(limits), sample_(*sample) {}

  void Table(unsigned level, PhysAddr table) {
    if (Full()) return;
    ++sample_.tables;
    std::array<std::byte, kPageBytes> bytes{};
    const std::size_t want = std::size_t{mode_.entry_bytes} << mode_.levels[level].index_bits;
    const std::size_t got = memory_.Read(table, std::span(bytes).first(want));
    for (std::size_t at = 0; at + mode_.entry_bytes <= got && !Full(); at += mode_.entry_bytes) {
      const std::uint64_t entry = mode_.entry_bytes == 4 ? LoadLe<std::uint32_t>(bytes.data() + at)
                                                         : LoadLe<std::uint64_t>(bytes.data() + at);
      if (entry != 0) Entry(level, entry);
    }
  }

 private:
  bool Full() const {
    return sample_.tables >= limits_.tables || sample_.entries.size() >= limits_.entries;
  }

  void Entry(unsigned level, std::uint64_t entry) {
    const PagingLevel& here = mode_.levels[level];
    const bool last = level + 1U == mode_.level_count;
    if ((entry & kEntryPresent) == 0) {
      if (last) sample_.entries.push_back(entry);
      return;
    }
    if (last || (here.may_be_leaf && mode_.IsLarge(entry))) return;
    const PhysAddr next(entry & here.frame_mask);
    if (next != root_ && sample_.seen.insert(next.value).second) Table(level + 1, next);
  }

  const PhysicalMemory& memory_;
  const PagingMode& mode_;
  PhysAddr root_;
  PteSampleLimits limits_;
  PteSample& sample_;
};

// Page file numbers of machines: few page files, the store behind them.
bool UsualNumber(unsigned number) { return number <= 3; }

}  // namespace

void SampleEntries(const PhysicalMemory& memory, const PagingMode& mode, PhysAddr root,
                   const PteSampleLimits& limits, PteSample* sample) {
  Sampler(memory, mode, root, limits, sample).Table(0, root);
}

MaskStatistic InvalidMaskOf(const PteSample& sample, PhysAddr end) {
  MaskStatistic statistic;
  std::uint64_t common = ~std::uint64_t{0};
  std::unordered_set<std::uint64_t> values;
  for (const std::uint64_t entry : sample.entries) {
    if ((entry & Bit(4)) != 0) continue;
    ++statistic.entries;
    common &= entry;
    if (values.size() < kFewestValues) values.insert(entry);
  }
  if (statistic.entries < kFewestEntries || values.size() < kFewestValues) return statistic;
  const unsigned memory_bits = static_cast<unsigned>(std::bit_width(end.value));
  statistic.mask = memory_bits > 51 ? 0 : common & Bits(51, std::max(memory_bits, 32U));
  return statistic;
}

std::optional<PteLayout> LayoutOf(const PteSample& sample) {
  std::size_t classic = 0;
  std::size_t swizzled = 0;
  for (const std::uint64_t entry : sample.entries) {
    if ((entry & Bits(11, 10)) != 0 || entry >> 32 == 0) continue;
    const auto low = static_cast<unsigned>((entry & Bits(4, 1)) >> 1);
    const auto high = static_cast<unsigned>((entry & Bits(15, 12)) >> 12);
    if ((entry & Bit(4)) != 0) {  // a number of eight and more, or the swizzle bit
      ++swizzled;
      continue;
    }
    // Bit 13 is "allocated" in the classic layout, bit 2 in the swizzled one.
    if ((entry & Bit(13)) != 0 && (entry & Bit(2)) == 0 && UsualNumber(low)) ++classic;
    if ((entry & Bit(2)) != 0 && (entry & Bit(13)) == 0 && UsualNumber(high)) ++swizzled;
  }
  if (classic + swizzled == 0 || classic == swizzled) return std::nullopt;
  return classic > swizzled ? PteLayout::kClassic : PteLayout::kSwizzled;
}

}  // namespace v2p

// Building of the reverse index: a counting sort of pieces by block, in slices of equal length.
// SPDX-License-Identifier: Apache-2.0
#include "translate/reverse_index.h"

#include <algorithm>
#include <atomic>
#include <tuple>

#include "base/threads.h"

namespace v2p {
namespace {

constexpr unsigned kHighShift = 48;
// Below so many ranges a thread costs more than it saves.
constexpr std::size_t kWorthAThread = 100'000;

// Blocks that get a list of their own: those of the image, but no more than its size justifies.
std::uint64_t BlocksOf(const PhysicalMemory& memory, unsigned block_shift) {
  const std::uint64_t block = kPageBytes << block_shift;
  const std::uint64_t span = memory.End().value / block + 1;
  return std::min(span, 4 * (memory.PresentBytes() / block) + 65536);
}

// Part of an owner's ranges.
struct Slice {
  std::uint32_t owner = 0;
  std::span<const LeafRange> ranges;
};

// The ranges of all owners in `parts` lists of slices of about equal length, in order.
std::vector<std::vector<Slice>> Cut(std::span<const std::vector<LeafRange>> owners,
                                    unsigned parts) {
  std::size_t total = 0;
  for (const auto& ranges : owners) total += ranges.size();
  const std::size_t each = total / parts + 1;
  std::vector<std::vector<Slice>> cut(1);
  std::size_t room = each;
  for (std::uint32_t owner = 0; owner < owners.size(); ++owner) {
    std::span<const LeafRange> rest(owners[owner]);
    while (!rest.empty()) {
      if (room == 0) {
        cut.emplace_back();
        room = each;
      }
      const std::size_t take = std::min(room, rest.size());
      cut.back().push_back({owner, rest.first(take)});
      rest = rest.subspan(take);
      room -= take;
    }
  }
  return cut;
}

}  // namespace

class ReverseIndex::Builder {
 public:
  Builder(const PhysicalMemory& memory, std::span<const std::vector<LeafRange>> owners,
          unsigned threads)
      : blocks_(BlocksOf(memory, kBlockShift)), most_(Most(memory)), owners_(owners) {
    std::size_t ranges = 0;
    for (const auto& of_one : owners) ranges += of_one.size();
    parts_ = Cut(owners, UsefulThreads(threads, ranges / kWorthAThread));
  }

  Result<ReverseIndex> Build() {
    FindSlots();
    counts_.resize(parts_.size());
    far_.resize(parts_.size());
    InParallel([this](std::size_t part) { Count(part); });
    if (const auto total = Total(); total > most_) {
      return Fail(ErrorKind::kCorrupt,
                  "the page tables map the image more often than any system does");
    }
    MakeOffsets();
    InParallel([this](std::size_t part) { Place(part); });
    SortFar();
    return std::move(index_);
  }

 private:
  template <class Work>
  void InParallel(Work work) {
    std::atomic<std::size_t> next = 0;
    RunThreads(static_cast<unsigned>(parts_.size()), [&] {
      for (std::size_t part = next++; part < parts_.size(); part = next++) work(part);
    });
  }

  // One slot for each 2^48 bytes that an owner has anything in: mostly one or two.
  void FindSlots() {
    first_slot_.reserve(owners_.size() + 1);
    for (std::uint32_t owner = 0; owner < owners_.size(); ++owner) {
      first_slot_.push_back(index_.slots_.size());
      const auto& ranges = owners_[owner];
      for (auto at = ranges.begin(); at != ranges.end();) {
        const std::uint64_t high = at->va.value >> kHighShift;
        if (index_.slots_.size() < kMostSlots) {
          index_.slots_.push_back({owner, static_cast<std::uint32_t>(high)});
        }
        at = std::partition_point(at, ranges.end(), [&](const LeafRange& range) {
          return range.va.value >> kHighShift == high;
        });
      }
    }
    first_slot_.push_back(index_.slots_.size());
  }

  // The slot of an address, or kMostSlots.
  std::size_t SlotOf(std::uint32_t owner, std::uint64_t high) const {
    for (std::size_t i = first_slot_[owner]; i < first_slot_[owner + 1]; ++i) {
      if (index_.slots_[i].high == high) return i;
    }
    return kMostSlots;
  }

  // Calls use(block, first frame in it, frames, virtual page, slot) for the pieces of a part,
  // far(...) for what has no block, and soon(block) some ranges before a block's turn.
  template <class Use, class UseFar, class Soon>
  void Walk(std::size_t part, Use use, UseFar far, Soon soon) const {
    constexpr std::size_t kAhead = 16;
    for (const Slice& slice : parts_[part]) {
      std::uint64_t high = ~std::uint64_t{0};
      std::size_t slot = kMostSlots;
      for (std::size_t i = 0; i < slice.ranges.size(); ++i) {
        const LeafRange& range = slice.ranges[i];
        if (i + kAhead < slice.ranges.size()) {
          const std::uint64_t block =
              slice.ranges[i + kAhead].pa.value >> kPageShift >> kBlockShift;
          if (block < blocks_) soon(block);
        }
        std::uint64_t frame = range.pa.value >> kPageShift;
        std::uint64_t page = range.va.value >> kPageShift;
        std::uint64_t left = range.Bytes() >> kPageShift;
        if (const std::uint64_t now = range.va.value >> kHighShift; now != high) {
          high = now;
          slot = SlotOf(slice.owner, high);
        }
        // No range crosses 2^48 bytes, but for one that somebody made to.
        const bool whole = (range.va.value + (range.Bytes() - 1)) >> kHighShift == high;
        const std::uint64_t limit = whole && slot != kMostSlots ? blocks_ << kBlockShift : 0;
        while (left != 0 && frame < limit) {
          const std::uint64_t in_block = frame % kBlockFrames;
          const std::uint64_t frames = std::min(left, kBlockFrames - in_block);
          use(frame >> kBlockShift, in_block, frames, page, slot);
          frame += frames;
          page += frames;
          left -= frames;
        }
        if (left != 0) far(Far{frame, left, page, slice.owner});
      }
    }
  }

  void Count(std::size_t part) {
    auto& counts = counts_[part];
    counts.assign(blocks_, 0);
    Walk(
        part, [&](std::uint64_t block, auto...) { ++counts[block]; },
        [&](const Far& far) { far_[part].push_back(far); }, [](std::uint64_t) {});
  }

  std::uint64_t Total() const {
    std::uint64_t total = 0;
    for (const auto& counts : counts_) {
      for (const std::uint32_t count : counts) total += count;
    }
    for (const auto& far : far_) total += far.size();
    return total;
  }

  // Turns counts into the places at which each part goes on.
  void MakeOffsets() {
    index_.first_.resize(blocks_ + 1);
    std::uint32_t at = 0;
    for (std::size_t block = 0; block < blocks_; ++block) {
      index_.first_[block] = at;
      for (auto& counts : counts_) at += std::exchange(counts[block], at);
    }
    index_.first_[blocks_] = at;
    index_.pieces_.resize(at);
  }

  void Place(std::size_t part) {
    auto& next = counts_[part];
    Walk(
        part,
        [&](std::uint64_t block, std::uint64_t start, std::uint64_t frames, std::uint64_t page,
            std::size_t slot) {
          index_.pieces_[next[block]++] = (page & ((std::uint64_t{1} << kPageBits) - 1)) |
                                          start << kStartAt | (frames - 1) << kLengthAt |
                                          std::uint64_t{slot} << kSlotAt;
        },
        [](const Far&) {},
        // Each owner comes by most blocks: the places are in no cache when their turn comes.
        [&](std::uint64_t block) { __builtin_prefetch(index_.pieces_.data() + next[block], 1); });
  }

  void SortFar() {
    for (const auto& some : far_) index_.far_.insert(index_.far_.end(), some.begin(), some.end());
    std::sort(index_.far_.begin(), index_.far_.end(), [](const Far& a, const Far& b) {
      return std::tuple(a.frame, a.owner, a.page) < std::tuple(b.frame, b.owner, b.page);
    });
    SetFurthest(0, index_.far_.size());
  }

  // As deep as the logarithm of their number.
  std::uint64_t SetFurthest(std::size_t begin, std::size_t end) {
    if (begin == end) return 0;
    const std::size_t half = begin + (end - begin) / 2;
    Far& far = index_.far_[half];
    far.furthest =
        std::max({far.frame + far.frames, SetFurthest(begin, half), SetFurthest(half + 1, end)});
    return far.furthest;
  }

  const std::uint64_t blocks_;
  const std::uint64_t most_;
  std::span<const std::vector<LeafRange>> owners_;
  std::vector<std::vector<Slice>> parts_;
  std::vector<std::size_t> first_slot_;             // of each owner, and the end
  std::vector<std::vector<std::uint32_t>> counts_;  // of each part, by block
  std::vector<std::vector<Far>> far_;               // of each part
  ReverseIndex index_;
};

Result<ReverseIndex> ReverseIndex::Build(const PhysicalMemory& memory,
                                         std::span<const std::vector<LeafRange>> owners,
                                         unsigned threads) {
  return Builder(memory, owners, threads).Build();
}

std::uint64_t ReverseIndex::Most(const PhysicalMemory& memory) {
  constexpr std::uint64_t kAFrame = 64;
  constexpr std::uint64_t kLimit = 0xffffffff;  // pieces are counted in 32 bits
  return std::min(kLimit, kAFrame * PagesIn(memory.PresentBytes()) + (1U << 20U));
}

bool ReverseIndex::Sound(std::size_t owners) const {
  if (first_.empty() ? !pieces_.empty() : first_.front() != 0 || first_.back() != pieces_.size()) {
    return false;
  }
  const auto of_one = [owners](const auto& entry) { return entry.owner < owners; };
  return std::is_sorted(first_.begin(), first_.end()) &&
         std::all_of(slots_.begin(), slots_.end(), of_one) &&
         std::all_of(far_.begin(), far_.end(), of_one) &&
         std::all_of(pieces_.begin(), pieces_.end(),
                     [this](std::uint64_t piece) { return piece >> kSlotAt < slots_.size(); });
}

std::size_t ReverseIndex::HeapBytes() const {
  return first_.capacity() * sizeof(std::uint32_t) + pieces_.capacity() * sizeof(std::uint64_t) +
         slots_.capacity() * sizeof(Slot) + far_.capacity() * sizeof(Far);
}

}  // namespace v2p

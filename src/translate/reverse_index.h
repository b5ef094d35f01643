// ReverseIndex: who maps a physical page, and where. Built from ranges, never from pages.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/physical_memory.h"
#include "base/result.h"
#include "translate/leaves.h"

namespace v2p {

/// Ranges are cut where blocks of 64 frames end; each piece is one word in the list of its block.
/// Immutable after building; may be used from several threads.
class ReverseIndex {
 public:
  ReverseIndex() = default;

  /// owners[i] are the ranges of owner i, ascending by address. Fails when they map the image more
  /// often than any system does. The result does not depend on `threads` (0: one a processor).
  static Result<ReverseIndex> Build(const PhysicalMemory& memory,
                                    std::span<const std::vector<LeafRange>> owners,
                                    unsigned threads = 0);

  /// How many pieces, or ranges of all owners together, an image justifies.
  static std::uint64_t Most(const PhysicalMemory& memory);

  /// Calls visit(owner, va) for every page that maps `pa`; `va` is the address of the very byte.
  /// Within the image by owner, then address; beyond it in an order of its own.
  template <class Visit>
  void ForEach(PhysAddr pa, Visit visit) const;

  static constexpr unsigned kBlockShift = 6;
  static constexpr std::uint64_t kBlockFrames = std::uint64_t{1} << kBlockShift;

  /// The same for 64 frames at once, those from `block` * 64: visit(owner, first frame in the
  /// block, frames, virtual page of the first), in no order that is promised.
  template <class Visit>
  void ForEachInBlock(std::uint64_t block, Visit visit) const;

  /// Gives all of it to `archive`, or takes it from there: a call for each vector.
  template <class Use>
  void Archive(Use& archive) {
    EachVector(*this, archive);
  }
  template <class Use>
  void Archive(Use& archive) const {
    EachVector(*this, archive);
  }
  /// Whether one that came from an archive can be asked, and names none but `owners` owners.
  bool Sound(std::size_t owners) const;

  std::uint64_t Pieces() const { return pieces_.size() + far_.size(); }
  std::size_t HeapBytes() const;

 private:
  // A piece: 36 bits of virtual page, 6 of first frame in the block, 6 of length less one, 16 of
  // the slot, which says whose it is and what the upper 16 bits of the address are.
  static constexpr unsigned kPageBits = 36;
  static constexpr unsigned kStartAt = 36, kLengthAt = 42, kSlotAt = 48;
  static constexpr std::size_t kMostSlots = std::size_t{1} << 16U;

  struct Slot {
    std::uint32_t owner = 0;
    std::uint32_t high = 0;  // va >> 48
  };
  // What lies beyond the blocks: memory of devices, frames of a sparse image; sorted by frame.
  struct Far {
    std::uint64_t frame = 0;
    std::uint64_t frames = 0;
    std::uint64_t page = 0;
    std::uint32_t owner = 0;
    std::uint32_t unused = 0;    // archives have no padding
    std::uint64_t furthest = 0;  // largest end in the tree below: see Overlapping
  };
  class Builder;

  template <class Self, class Use>
  static void EachVector(Self& self, Use& archive) {
    archive(self.first_);
    archive(self.pieces_);
    archive(self.slots_);
    archive(self.far_);
  }

  // Those of far_[begin, end) that have any of the frames [first, last). The middle of such a
  // stretch is the root of a search tree, its halves are the subtrees.
  template <class Visit>
  void Overlapping(std::size_t begin, std::size_t end, std::uint64_t first, std::uint64_t last,
                   Visit& visit) const;

  std::vector<std::uint32_t> first_;   // [b]: first piece of block b; one more than blocks
  std::vector<std::uint64_t> pieces_;  // by block, then owner, then address
  std::vector<Slot> slots_;
  std::vector<Far> far_;
};

template <class Visit>
void ReverseIndex::ForEach(PhysAddr pa, Visit visit) const {
  const std::uint64_t frame = pa.value >> kPageShift;
  const std::uint64_t into = pa.value % kPageBytes;
  const std::uint64_t block = frame >> kBlockShift;
  if (block + 1 < first_.size()) {
    const std::uint64_t at = frame % kBlockFrames;
    for (std::uint32_t i = first_[block]; i < first_[block + 1]; ++i) {
      const std::uint64_t piece = pieces_[i];
      const std::uint64_t ahead = at - (piece >> kStartAt & (kBlockFrames - 1));
      if (ahead > (piece >> kLengthAt & (kBlockFrames - 1))) continue;
      const Slot& slot = slots_[piece >> kSlotAt];
      const std::uint64_t page = (piece & ((std::uint64_t{1} << kPageBits) - 1)) + ahead;
      visit(slot.owner, VirtAddr((std::uint64_t{slot.high} << 48U) + (page << kPageShift) + into));
    }
  }
  auto beyond = [&](const Far& far) {
    visit(far.owner, VirtAddr(((far.page + (frame - far.frame)) << kPageShift) + into));
  };
  Overlapping(0, far_.size(), frame, frame + 1, beyond);
}

template <class Visit>
void ReverseIndex::ForEachInBlock(std::uint64_t block, Visit visit) const {
  if (block + 1 < first_.size()) {
    for (std::uint32_t i = first_[block]; i < first_[block + 1]; ++i) {
      const std::uint64_t piece = pieces_[i];
      const Slot& slot = slots_[piece >> kSlotAt];
      const std::uint64_t page = piece & ((std::uint64_t{1} << kPageBits) - 1);
      visit(slot.owner, piece >> kStartAt & (kBlockFrames - 1),
            (piece >> kLengthAt & (kBlockFrames - 1)) + 1,
            (std::uint64_t{slot.high} << kPageBits) + page);
    }
  }
  const std::uint64_t first = block << kBlockShift;
  auto beyond = [&](const Far& far) {
    const std::uint64_t begin = std::max(first, far.frame);
    const std::uint64_t end = std::min(first + kBlockFrames, far.frame + far.frames);
    visit(far.owner, begin - first, end - begin, far.page + (begin - far.frame));
  };
  Overlapping(0, far_.size(), first, first + kBlockFrames, beyond);
}

template <class Visit>
void ReverseIndex::Overlapping(std::size_t begin, std::size_t end, std::uint64_t first,
                               std::uint64_t last, Visit& visit) const {
  while (begin < end) {
    const std::size_t half = begin + (end - begin) / 2;
    const Far& far = far_[half];
    if (far.furthest <= first) return;
    Overlapping(begin, half, first, last, visit);
    if (far.frame >= last) return;
    if (far.frame + far.frames > first) visit(far);
    begin = half + 1;
  }
}

}  // namespace v2p

// PhysicalMemory: the seam between file formats and everything that asks for memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/byte_source.h"
#include "base/page_index.h"
#include "base/rank_index.h"
#include "base/run_index.h"

namespace v2p {

/// The part of one 4 KiB frame that the image holds: bytes [begin, end) of the page, at `data`
/// (data[0] is page byte `begin`). Empty when the frame is absent.
struct FrameView {
  const std::byte* data = nullptr;
  std::uint16_t begin = 0;
  std::uint16_t end = 0;
  std::shared_ptr<const void> pin;  ///< keeps cached bytes alive; null for mapped files

  bool Empty() const { return begin == end; }
};

/// Parts of an image that were asked for and could not be decoded: the pages in them count as
/// absent, all others are as good as ever.
struct Damage {
  Error first;
  std::uint64_t places = 0;
};

/// First fault seen while pages were fetched: a damaged compressed block, a failing disk. A page
/// that could not be fetched looks absent to its reader, so whoever reports must ask this first.
/// Errors of kind kDamaged are kept apart: they take away their own pages only.
class FaultLatch {
 public:
  void Set(const Error& error);
  std::optional<Error> Get() const;
  std::optional<Damage> Damaged() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Error> error_;
  std::optional<Error> first_damage_;
  std::set<std::uint64_t> damaged_at_;
};

/// Looks up entries in a mapped file: pointer arithmetic, nothing else. Free to copy.
template <class Index>
class MappedCursor {
 public:
  MappedCursor(const Index& index, std::span<const std::byte> file) : index_(&index), file_(file) {}

  /// `width` consecutive bytes at `pa`, or null when the image does not hold all of them together.
  /// Valid as long as the memory.
  const std::byte* Find(PhysAddr pa, std::size_t width) {
    const auto where = index_->Find(pa);
    return where && where->bytes >= width ? file_.data() + where->at.value : nullptr;
  }
  /// Whether pointers from Find stay valid after the next Find.
  static constexpr bool kStable = true;

 private:
  const Index* index_;
  std::span<const std::byte> file_;  // every extent was checked against it when the index was built
};

/// Looks up entries through the source's block cache, keeping a few blocks pinned. One a thread.
/// What is pinned escapes the cache's budget: of a large block only a page is kept, as a copy.
template <class Index>
class CachedCursor {
 public:
  CachedCursor(const Index& index, const ByteSource& source, FaultLatch& faults)
      : index_(&index), source_(&source), faults_(&faults) {}

  /// As MappedCursor::Find, but valid only until the next call.
  const std::byte* Find(PhysAddr pa, std::size_t width) {
    const auto where = index_->Find(pa);
    if (!where || where->bytes < width) return nullptr;
    const std::uint64_t at = where->at.value;
    BlockView& slot = pinned_[(at >> kSlotShift) % pinned_.size()];
    if (!slot.Holds(at, width) && !Refill(slot, at, width)) return nullptr;
    return slot.bytes.data() + (at - slot.begin);
  }
  static constexpr bool kStable = false;

 private:
  static constexpr unsigned kSlotShift = 16;
  static constexpr std::size_t kMostPinned = 1U << 20U;  // eight of them a cursor

  bool Refill(BlockView& slot, std::uint64_t at, std::size_t width) {
    auto block = source_->BlockAt(at);
    if (!block) {
      faults_->Set(block.error());
      return false;
    }
    if (!block->Holds(at, width)) return Straddle(slot, at, width);
    slot = block->bytes.size() <= kMostPinned ? std::move(*block) : CopyAround(*block, at, width);
    return true;
  }

  // The page of the file that the bytes begin in, and a little more when they leave it.
  static BlockView CopyAround(const BlockView& block, std::uint64_t at, std::size_t width) {
    const std::uint64_t page = at & ~(kPageBytes - 1);
    const std::uint64_t begin = std::max(page, block.begin);
    const std::uint64_t want = std::max(page + kPageBytes, at + width) - begin;
    const auto from = block.bytes.subspan(static_cast<std::size_t>(begin - block.begin));
    const auto kept =
        from.first(static_cast<std::size_t>(std::min<std::uint64_t>(want, from.size())));
    auto copy = std::make_shared<std::vector<std::byte>>(kept.begin(), kept.end());
    return {begin, *copy, copy};
  }

  // The bytes cross a block boundary: keep a copy of just them.
  bool Straddle(BlockView& slot, std::uint64_t at, std::size_t width) {
    auto copy = std::make_shared<std::vector<std::byte>>(width);
    const auto got = source_->ReadAt(at, *copy);
    if (!got) faults_->Set(got.error());
    if (!got || *got != width) return false;
    slot = {at, *copy, copy};
    return true;
  }

  const Index* index_;
  const ByteSource* source_;
  FaultLatch* faults_;
  std::array<BlockView, 8> pinned_;
};

/// Physical memory of one machine as an image holds it: which bytes are present and where they
/// are. Absent is never zero. Safe to use from several threads.
class PhysicalMemory {
 public:
  using Index = std::variant<RunIndex, RankIndex, PageIndex>;

  /// Every extent of `index` lies inside `source`: the format has clamped it to Size().
  PhysicalMemory(std::shared_ptr<const ByteSource> source, Index index);
  PhysicalMemory(const PhysicalMemory&) = delete;
  PhysicalMemory& operator=(const PhysicalMemory&) = delete;

  /// The present part of frame `pfn` around its first present byte; a frame in several pieces
  /// gives its first piece (Read gives all of them).
  FrameView Frame(Pfn pfn) const;

  /// Copies bytes from `pa` until `out` is full or a byte is absent; returns how many.
  std::size_t Read(PhysAddr pa, std::span<std::byte> out) const;

  /// Where the byte at `pa` is stored in the source and how many follow it unbroken.
  std::optional<Location> Find(PhysAddr pa) const;

  bool Contains(PhysAddr pa) const { return Find(pa).has_value(); }

  /// The lowest present byte in [from, end), or nothing.
  std::optional<PhysAddr> FirstPresent(PhysAddr from, PhysAddr end) const;

  /// Offset of the byte at `pa` in the file the user named; nothing when absent or compressed.
  std::optional<FileOffset> FileOffsetOf(PhysAddr pa) const;

  /// Number of bytes present, and the address past the last one (0 when none is).
  std::uint64_t PresentBytes() const;
  PhysAddr End() const;

  /// Maximal extents, ascending. For bitmap images this walks the bitmap.
  std::vector<Extent> Extents() const;

  /// Calls `visit(Extent)` for each of them, ascending, without a list in memory: a hostile bitmap
  /// has as many as it has bits.
  template <class Visit>
  void ForEachExtent(Visit visit) const {
    std::visit([&](const auto& index) { index.ForEach(visit); }, index_);
  }

  /// Heap held by the index, in bytes.
  std::size_t IndexHeapBytes() const;

  const ByteSource& Source() const { return *source_; }

  /// First fetch error since the image was opened.
  std::optional<Error> Fault() const { return faults_.Get(); }

  /// What could not be decoded since the image was opened.
  std::optional<Damage> Damaged() const { return faults_.Damaged(); }

  /// Calls `use(cursor)` with a cursor of the concrete index and backing: the one dispatch that a
  /// batch of lookups pays.
  template <class Use>
  decltype(auto) WithCursor(Use&& use) const {
    return std::visit(
        [&](const auto& index) -> decltype(auto) {
          using I = std::decay_t<decltype(index)>;
          if constexpr (!std::is_same_v<I, PageIndex>) {  // its sources are decompressed
            if (const auto mapped = source_->Mapped(); !mapped.empty()) {
              return use(MappedCursor<I>(index, mapped));
            }
          }
          return use(CachedCursor<I>(index, *source_, faults_));
        },
        index_);
  }

 private:
  std::shared_ptr<const ByteSource> source_;
  Index index_;
  mutable FaultLatch faults_;
};

}  // namespace v2p

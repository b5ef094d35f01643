// Page tables of any paging mode, made page by page in a sparse memory, for synthetic images.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "base/image_facts.h"
#include "support/sparse_memory.h"

namespace v2p::test {

inline constexpr std::uint64_t kGuestPage = 0x1000;

/// Hands out pseudo-random frames of [begin, end), each once.
class FrameSource {
 public:
  FrameSource(std::uint64_t seed, std::uint64_t begin, std::uint64_t end)
      : random_(seed), begin_(begin), end_(end) {}

  std::uint64_t Take() { return TakeRun(1, 1); }
  /// `pages` frames one after another; the first is a multiple of `align` pages.
  std::uint64_t TakeRun(std::uint64_t pages, std::uint64_t align);
  void Reserve(std::uint64_t pa, std::uint64_t pages = 1);

 private:
  bool Free(std::uint64_t pa, std::uint64_t pages) const;

  std::mt19937_64 random_;
  std::uint64_t begin_, end_;
  std::set<std::uint64_t> taken_;
};

enum class PageUse { kKernelData, kKernelCode, kUserData };

/// What an operating system adds to the entries of its tables.
struct EntryStyle {
  ModeName mode = ModeName::kX64;
  std::uint64_t software = 0;  ///< bits that the processor ignores, set in 64-bit entries
  bool non_secure = false;     ///< ARM64: bit 5 of entries that name tables
};

/// The tables below one root.
class GuestTables {
 public:
  GuestTables(SparseMemory& memory, FrameSource& frames, const EntryStyle& style,
              std::uint64_t root);

  std::uint64_t Root() const { return root_; }
  ModeName TheMode() const { return style_.mode; }

  /// Maps a page, or with `large` the smallest large page of the mode.
  void Map(std::uint64_t va, std::uint64_t pa, PageUse use, bool large = false);

  /// The table at `depth` (0: the root) on the way to `va`, made where it is missing.
  std::uint64_t TableOnTheWay(std::uint64_t va, unsigned depth);

  std::uint64_t Entry(std::uint64_t table, std::uint64_t index) const;
  void PutEntry(std::uint64_t table, std::uint64_t index, std::uint64_t value);
  /// An entry that names the table at `pa`.
  std::uint64_t EntryOfTable(std::uint64_t pa, bool user) const;
  /// The entry that PDPTEs of PAE have: no rights.
  static std::uint64_t EntryOfDirectory(std::uint64_t pa) { return pa | 1; }

 private:
  struct Level {
    unsigned shift, bits;
  };

  static std::vector<Level> LevelsOf(ModeName mode);
  std::uint64_t EntryOfPage(std::uint64_t pa, PageUse use, bool large) const;
  unsigned Width() const { return style_.mode == ModeName::kX86 ? 4 : 8; }

  SparseMemory& memory_;
  FrameSource& frames_;
  EntryStyle style_;
  std::uint64_t root_;
  std::vector<Level> levels_;
};

}  // namespace v2p::test

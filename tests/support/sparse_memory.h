// A small physical memory made page by page, presented in the several ways images store it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/physical_memory.h"

namespace v2p::test {

/// How the pages are stored.
enum class Backing {
  kRuns,    ///< mapped file, one run a stretch of pages
  kBitmap,  ///< mapped file, bitmap and rank
  kBlocks,  ///< run index over a source read in odd-sized blocks, as compressed images are
  kPieces,  ///< mapped file, every page cut in pieces that are stored apart, some inside entries
};
inline constexpr std::array kAllBackings = {Backing::kRuns, Backing::kBitmap, Backing::kBlocks,
                                            Backing::kPieces};

class SparseMemory {
 public:
  /// Writes little-endian values; pages come into being full of zeros.
  void Put64(std::uint64_t pa, std::uint64_t value) { Put(pa, value, 8); }
  void Put32(std::uint64_t pa, std::uint32_t value) { Put(pa, value, 4); }
  void PutBytes(std::uint64_t pa, std::span<const std::byte> bytes);
  /// Adds the pages of `other`, each `offset` bytes higher; they replace those that are there.
  void Merge(const SparseMemory& other, std::uint64_t offset = 0);
  void AddPage(std::uint64_t pa) { pages_[pa / kPage]; }
  void RemovePage(std::uint64_t pa) { pages_.erase(pa / kPage); }

  /// The value stored at `pa` within one page, or nothing when the page is absent. For oracles.
  std::optional<std::uint64_t> Get(std::uint64_t pa, unsigned bytes) const;

  /// Addresses of the pages there are, ascending.
  std::vector<std::uint64_t> Pages() const;

  /// The page that holds `pa`, aligned for whole entries, or null.
  const std::byte* PageAt(std::uint64_t pa) const;

  std::unique_ptr<PhysicalMemory> Build(Backing backing = Backing::kRuns) const;

  /// Pages as a mapped file with a run for each [begin, end) of bytes that `keep` names.
  std::unique_ptr<PhysicalMemory> BuildRanges(
      const std::map<std::uint64_t, std::uint64_t>& keep) const;

 private:
  static constexpr std::uint64_t kPage = 0x1000;
  struct Page {
    alignas(16) std::array<std::byte, kPage> bytes{};
  };

  void Put(std::uint64_t pa, std::uint64_t value, unsigned bytes);

  std::map<std::uint64_t, Page> pages_;
};

}  // namespace v2p::test

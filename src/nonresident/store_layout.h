// Offsets inside an SMKM_STORE, by build and width.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace v2p {

/// Offsets from the start of the structure, in bytes.
struct StoreLayout {
  bool narrow = false;  ///< x86 (PAE): 4-byte pointers
  std::uint32_t pages_tree = 0;
  std::uint32_t chunks = 0;  ///< SMHP_CHUNK_METADATA
  std::uint32_t self = 0;    ///< pointer to the structure itself
  std::uint32_t region_mask = 0;
  std::uint32_t region_shift = 0;
  std::optional<std::uint32_t> algorithm;
  std::uint32_t regions = 0;     ///< CompressedRegionPtrArray
  std::uint32_t owner = 0;       ///< OwnerProcess
  bool lz4 = false;              ///< pages are LZ4 blocks, not plain LZ77
  std::uint32_t slot_bytes = 0;  ///< of a slot in the rows of chunk pointers

  // SMHP_CHUNK_METADATA, from its start.
  std::uint32_t bit_value = 0;
  std::uint32_t records_mask = 0;
  std::uint32_t record_bytes = 0;
  std::uint32_t chunk_header = 0;
};

/// Builds before 14393 keep compressed pages elsewhere: nothing. `build` unknown: the fields that
/// every build shares, with the newest places of the others, for a search.
std::optional<StoreLayout> StoreLayoutOf(bool narrow, std::optional<std::uint32_t> build);

/// Keys lose the number of the page file, and pages are LZ4.
inline constexpr std::uint32_t kLz4Build = 26100;

}  // namespace v2p

// MemoryStore: one SMKM_STORE, from a page key to the bytes of the page.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nonresident/space_reader.h"
#include "nonresident/store_layout.h"
#include "nonresident/store_tree.h"
#include "translate/paging_context.h"

namespace v2p {

/// Where a page was found, link by link, and its bytes; or the check that failed.
struct StoreAnswer {
  std::shared_ptr<const PageBytes> bytes;
  std::string_view failure;  ///< kebab-case; empty when `bytes` is there
  std::uint32_t key = 0, chunk_key = 0, region_key = 0;
  VirtAddr record;                ///< ST_PAGE_RECORD
  VirtAddr data;                  ///< in the owner's address space
  std::uint32_t size = 0;         ///< of the data
  std::vector<PhysAddr> data_at;  ///< physical pieces of the data
  bool stored_plain = false;
  std::size_t left_over = 0;  ///< input bytes behind the last symbol
};

/// Const methods may be used from several threads; the readers must outlive it.
class MemoryStore {
 public:
  /// The structure at `at`; `owner_object` is the EPROCESS of MemCompression, `owner` its address
  /// space. Nothing, and the failed check, when it is no live store.
  static std::optional<MemoryStore> Open(const SpaceReader& kernel, const SpaceReader& owner,
                                         VirtAddr at, VirtAddr owner_object,
                                         const StoreLayout& layout, std::string_view* failure);

  VirtAddr At() const { return at_; }
  bool OffsetsAgree() const { return offsets_agree_; }  ///< of the table and of the live structure
  StoreTree Tree() const { return {*kernel_, tree_}; }

  StoreAnswer Page(std::uint32_t key) const;
  /// Of records spread over the tree, how many give a page.
  struct SelfTest {
    std::size_t tried = 0, passed = 0;
    bool Passed() const { return tried > 0 && passed * 100 >= tried * 95; }
  };
  SelfTest TestRecords(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& entries) const;

 private:
  MemoryStore(const SpaceReader& kernel, const SpaceReader& owner, VirtAddr at,
              const StoreLayout& layout)
      : kernel_(&kernel), owner_(&owner), at_(at), layout_(layout) {}

  bool FindLiveOffsets(VirtAddr owner_object, std::string_view* failure);
  bool LoadGeometry(std::string_view* failure);
  bool LooksLikeRegions(std::uint64_t array) const;
  std::optional<VirtAddr> RecordOf(std::uint32_t chunk_key, StoreAnswer* answer) const;
  bool FollowRecord(StoreAnswer* answer) const;
  bool ReadData(StoreAnswer* answer) const;
  void Decompress(const std::vector<std::byte>& data, StoreAnswer* answer) const;

  const SpaceReader* kernel_;
  const SpaceReader* owner_;
  VirtAddr at_;
  StoreLayout layout_;
  VirtAddr tree_;
  std::uint64_t regions_ = 0;
  std::uint32_t bit_value_ = 0, records_mask_ = 0, record_bytes_ = 0, chunk_header_ = 0;
  std::uint32_t region_mask_ = 0, region_shift_ = 0;
  bool offsets_agree_ = false;
};

}  // namespace v2p

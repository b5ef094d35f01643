// CompressedStore: pages that Windows 10 (1607 on) and 11 keep compressed in memory. The stores are
// found by their own structure, without symbols.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "nonresident/calibration.h"
#include "nonresident/memory_store.h"
#include "nonresident/page_files.h"
#include "nonresident/space_reader.h"
#include "translate/paging_context.h"

namespace v2p {

/// What the locator knows of the system.
struct StoreSystem {
  ModeName mode = ModeName::kX64;
  std::optional<std::uint32_t> build;
  PhysAddr kernel_root;
  VirtAddr owner_object;             ///< EPROCESS of MemCompression
  PhysAddr owner_root;               ///< its address space
  std::vector<PhysAddr> user_roots;  ///< of processes whose entries are sampled
};

/// Looks for stores when made. Const methods may be used from several threads; memory and page
/// files must outlive it.
class CompressedStore final : public PageSource {
 public:
  /// `context` as for other walks; its own source of pages is not used. `files` may be null.
  CompressedStore(const PhysicalMemory& memory, const StoreSystem& system,
                  const PagingContext& context, const PageFiles* files);
  CompressedStore(const CompressedStore&) = delete;
  CompressedStore& operator=(const CompressedStore&) = delete;

  /// A page of a file that was given, or of the store; else a name for where it is.
  StoredPage Fetch(unsigned page_file, std::uint64_t page) const override;

  std::size_t Stores() const { return stores_.size(); }
  const std::optional<Calibration>& Calibrated() const { return calibration_; }
  /// Why compressed pages cannot be had, kebab-case; empty when they can.
  const std::string& Failure() const { return failure_; }

 private:
  struct Live {
    MemoryStore store;
    MemoryStore::SelfTest test;
  };

  void FindStores(const StoreSystem& system, const StoreLayout& layout);
  void LearnKeys(const PhysicalMemory& memory, const StoreSystem& system);
  bool Undecided(unsigned page_file) const;
  StoredPage FromStores(unsigned page_file, std::uint64_t page) const;
  void Describe(const Live& live, const StoreAnswer& answer, StoredPage* stored) const;

  PagingContext context_;
  const PageFiles* files_;
  SpaceReader kernel_;
  SpaceReader owner_;
  bool lz4_ = false;
  std::vector<Live> stores_;
  std::unordered_set<std::uint32_t> tree_keys_;  // while calibrating
  std::optional<Calibration> calibration_;
  std::string failure_;
};

}  // namespace v2p

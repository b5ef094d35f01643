// PagingContext: what is known of the kernel whose entries are followed, and where pages that
// memory does not hold may be found. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/physical_memory.h"
#include "translate/paging_mode.h"
#include "translate/walk.h"
#include "translate/windows_pte.h"

namespace v2p {

using PageBytes = std::array<std::byte, kPageBytes>;

/// What became of a page that an entry places in a page file or the compressed store.
struct StoredPage {
  EntryState state = EntryState::kPagefile;  ///< or kCompressedStore
  unsigned page_file = 0;
  std::uint64_t page = 0;
  std::shared_ptr<const PageBytes> bytes;  ///< null when they could not be had
  std::string failure;  ///< kebab-case: why there are no bytes; may be empty with or without
  std::string file;     ///< name of the page file as the user gave it; empty when not given
  std::optional<std::uint64_t> file_offset;  ///< of the page, in `file`
  /// Further facts about where the bytes were, in the order to show: addresses, checks.
  std::vector<std::pair<std::string, std::string>> facts;
};

/// Finds pages by page-file number and page. Implemented in src/nonresident.
class PageSource {
 public:
  virtual ~PageSource() = default;
  virtual StoredPage Fetch(unsigned page_file, std::uint64_t page) const = 0;
};

/// How a Windows kernel's entries are to be read.
struct PagingContext {
  std::optional<std::uint32_t> build;
  PteRules rules;
  std::string_view layout_source;  ///< "build", "entries" or "assumed"
  std::string_view mask_source;    ///< "entries", "not-used" (by this layout) or "unknown"
  std::size_t mask_entries = 0;    ///< that the statistic saw with a clear swizzle bit
  PhysAddr kernel_root;            ///< prototype entries are found through it
  const PageSource* pages = nullptr;
};

/// Chooses layout and mask for the kernel that wrote the tables below `root` and `kernel_root`,
/// from its build where that decides and from the entries themselves.
PagingContext MakePagingContext(const PhysicalMemory& memory, const PagingMode& mode, PhysAddr root,
                                std::optional<PhysAddr> kernel_root,
                                std::optional<std::uint32_t> build);

}  // namespace v2p

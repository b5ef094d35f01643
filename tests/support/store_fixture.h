// A synthetic machine with a compressed store: kernel half, MemCompression, one user process.
// Offsets come from testdata/layouts/compressed_store.tsv. It shows that our reading of the public
// descriptions is self-consistent, nothing about Windows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/image_facts.h"
#include "support/layout.h"
#include "support/sparse_memory.h"
#include "support/windows_entries.h"

namespace v2p::test {

/// `width` bytes of `value`, little-endian, at the end.
inline void AppendLe(std::vector<std::byte>* bytes, std::uint64_t value, unsigned width) {
  for (unsigned i = 0; i < width; ++i) bytes->push_back(static_cast<std::byte>(value >> (8 * i)));
}

/// One column of the offset tables.
struct StoreColumn {
  const char* structure;
  std::uint32_t build;
  PteEra era;  ///< how the machine's entries are written
};
extern const std::vector<StoreColumn> kStoreColumns;

struct StorePage {
  std::string what;
  std::uint64_t va = 0;  ///< in the user process
  std::uint32_t key = 0;
  std::array<std::byte, 4096> bytes{};
  std::string failure;  ///< the named check when the page cannot be had
};

struct StoreOptions {
  unsigned number = 2;             ///< page file number of the store
  unsigned tree_depth = 2;         ///< levels of the tree
  bool xpress_on_lz4 = false;      ///< data of the wrong codec for the build
  std::uint64_t ram_begin = 0;     ///< physical address that everything lies above
  std::uint64_t owner_object = 0;  ///< EPROCESS of MemCompression; 0: one is made up
};

/// Builds at once; the members say where things are, for tests that damage them.
class StoreFixture {
 public:
  explicit StoreFixture(const StoreColumn& column, const StoreOptions& options = {});

  SparseMemory memory;
  ModeName mode;
  std::uint64_t kernel_root, owner_root, user_root;
  std::uint64_t owner_object = 0;
  std::uint64_t store_va = 0;
  std::vector<StorePage> pages;
  /// An address whose last table is in the store, and where it leads.
  std::uint64_t table_va = 0x50000000, table_pa = 0;
  /// An address whose prototype entry names the first of `pages`.
  std::uint64_t prototype_va = 0x51000000;
  /// An address whose prototype entry is itself on a page of the store, and where it leads.
  std::uint64_t shared_va = 0x51001000, shared_pa = 0;

  /// Physical address of kernel address `va`, which the fixture has mapped.
  std::uint64_t At(std::uint64_t va) const;
  /// Of a field of the store.
  std::uint64_t FieldAt(const std::string& field) const;
  void PutPointer(std::uint64_t pa, std::uint64_t value);
  unsigned PointerBytes() const { return narrow_ ? 4 : 8; }
  std::uint64_t TreeRoot() const { return tree_root_; }  ///< VA
  std::uint64_t FirstLeaf() const { return first_leaf_; }
  /// The page whose data is on page 0x4321 of page file 0, and what that page holds.
  std::size_t paged_out = 0;
  std::array<std::byte, 4096> paged_out_bytes{};
  /// The page whose chunk, row of chunks and region hold nothing else, and the physical addresses
  /// of what leads to it: pointer to the row, pointer to the chunk, record, pointer to the region,
  /// data.
  struct Lone {
    std::size_t page = 0;  ///< index into `pages`
    std::uint64_t row = 0, slot = 0, record = 0, region = 0, data = 0;
    std::uint64_t row_va = 0, chunk_va = 0;
  };
  Lone lone;
  /// Physical address of the record of `page` (of its first one, where there is a hop).
  std::uint64_t RecordAt(const StorePage& page) { return At(RecordVa(keys_.at(page.key))); }
  /// Gives the tables under `root` every entry of those under `from` that they lack.
  static void Graft(SparseMemory& memory, ModeName mode, std::uint64_t from, std::uint64_t root);
  /// Another store of the same machine, with a copy of the tree root pointer: same keys.
  std::uint64_t AddTwin(bool same_tree);
  /// A copy of the store's first page that no address leads to, as it stays behind in a free frame.
  void AddFreedCopy();
  /// A page with `pointer` (0: to itself) at the place of the self pointer.
  void AddDecoy(std::uint64_t pointer);

 private:
  using Bytes = std::vector<std::byte>;
  static constexpr std::uint64_t kPage = 0x1000;
  static constexpr std::uint64_t kFlags = 0x63;
  static constexpr unsigned kBitValue = 8;
  static constexpr std::uint32_t kRecordBytes = 12;
  static constexpr std::uint32_t kChunkHeader = 0x20;
  static constexpr unsigned kRegionShift = 13;
  static constexpr std::uint64_t kRegionBase = 0x20000000;
  static constexpr std::uint64_t kRegionStride = 0x20000;
  static constexpr std::uint64_t kLeafEntries = 40;

  struct Data {
    std::uint32_t region_key;
    std::uint32_t size;
  };
  std::uint64_t NewPage();
  std::uint64_t EntryAt(std::uint64_t root, std::uint64_t va, unsigned up = 0);
  void Map(std::uint64_t root, std::uint64_t va, std::uint64_t pa);
  std::uint64_t NewKernelPage();
  void PutBytes(std::uint64_t root, std::uint64_t va, const Bytes& bytes);
  std::optional<std::uint64_t> Walk(std::uint64_t root, std::uint64_t va) const;
  void PutEntry(std::uint64_t pa, std::uint64_t entry);

  void MakeStore();
  void MakePages();
  std::uint64_t AddEntriesInStore(const char* what, std::uint64_t pa);
  void MakeTableInStore();
  void MakePrototype();
  void MakeSharedTable();
  void MakeLonePage();
  void AddPage(const std::string& what, const Bytes& data, std::uint32_t size,
               const std::array<std::byte, 4096>& bytes, const std::string& failure = {});
  std::uint32_t PutRecord(std::uint32_t region_key, std::uint32_t size_word);
  std::uint64_t RecordVa(std::uint32_t chunk_key);
  std::uint64_t RowVa(std::uint32_t number) const;
  std::uint64_t SlotVa(std::uint32_t number) const;
  void PutRecordAt(std::uint32_t chunk_key, std::uint32_t region_key, std::uint32_t size_word);
  Data PutData(const Bytes& data);
  void MakeTree();
  void MakeDecoys();
  Bytes Compressed(const std::array<std::byte, 4096>& page, std::size_t literals);

  StoreColumn column_;
  StoreOptions options_;
  Layout layout_;
  WindowsEntries entries_;
  bool narrow_;
  std::uint64_t next_pa_;
  std::uint64_t next_kernel_;
  std::uint64_t next_user_ = 0x10000000;
  std::uint64_t next_data_ = 0;  ///< 16-byte units used in the regions
  std::uint32_t next_chunk_key_ = 0x100;
  std::uint64_t regions_va_ = 0;
  std::uint64_t tree_root_ = 0, first_leaf_ = 0;
  std::map<std::uint32_t, std::uint64_t> chunk_pages_;
  std::map<std::uint32_t, std::uint32_t> keys_;  ///< page key to chunk key
};

}  // namespace v2p::test

// Building the synthetic store: structure, trees, chunks, records and regions.
// SPDX-License-Identifier: Apache-2.0
#include "support/store_fixture.h"

#include <algorithm>
#include <bit>
#include <span>
#include <stdexcept>

namespace v2p::test {
namespace {

constexpr std::uint64_t kMask45 = 0x200000000000;

}  // namespace

const std::vector<StoreColumn> kStoreColumns = {
    {"store64_14393", 14393, {"x64_classic", ModeName::kX64, 14393, 0}},
    {"store64_15063", 15063, {"x64_swizzled", ModeName::kX64, 15063, kMask45}},
    {"store64_17763", 17763, {"x64_swizzled", ModeName::kX64, 17763, kMask45}},
    {"store64_19041", 19041, {"x64_swizzled", ModeName::kX64, 19041, 0}},
    {"store64_26100", 26100, {"x64_11", ModeName::kX64, 26100, kMask45}},
    {"store32_14393", 14393, {"pae_10", ModeName::kPae, 14393, 0}},
    {"store32_15063", 15063, {"pae_10", ModeName::kPae, 15063, 0}},
    {"store32_17763", 17763, {"pae_swizzled", ModeName::kPae, 17763, kMask45}},
    {"store32_19041", 19041, {"pae_swizzled", ModeName::kPae, 19041, 0}},
};

StoreFixture::StoreFixture(const StoreColumn& column, const StoreOptions& options)
    : mode(column.era.mode),
      kernel_root(options.ram_begin + 0x1000),
      owner_root(options.ram_begin + 0x2000),
      user_root(options.ram_begin + 0x3000),
      column_(column),
      options_(options),
      layout_("compressed_store"),
      entries_(column.era),
      narrow_(column.era.mode == ModeName::kPae),
      next_pa_(options.ram_begin + 0x10000),
      next_kernel_(narrow_ ? 0x90000000 : 0xffff9a8000000000) {
  owner_object = options.owner_object != 0 ? options.owner_object
                 : narrow_                 ? 0x91223080
                                           : 0xffff9a8011223080;
  for (const std::uint64_t root : {kernel_root, owner_root, user_root}) memory.AddPage(root);
  const std::uint64_t first = NewKernelPage();
  NewKernelPage();  // the structure is longer than a page; its two pages are apart in memory
  store_va = first;
  regions_va_ = NewKernelPage();
  MakeStore();
  MakePages();
  MakeTree();
  PutPointer(FieldAt("PagesTree"), tree_root_);
  MakeDecoys();
}

std::uint64_t StoreFixture::NewPage() {
  next_pa_ += 2 * kPage;  // never two in a row
  memory.AddPage(next_pa_);
  return next_pa_;
}

void StoreFixture::PutEntry(std::uint64_t pa, std::uint64_t entry) { memory.Put64(pa, entry); }

std::uint64_t StoreFixture::EntryAt(std::uint64_t root, std::uint64_t va, unsigned up) {
  const std::vector<unsigned> shifts =
      narrow_ ? std::vector<unsigned>{30, 21, 12} : std::vector<unsigned>{39, 30, 21, 12};
  std::uint64_t table = root;
  for (std::size_t i = 0;; ++i) {
    const std::uint64_t index = va >> shifts[i] & (narrow_ && i == 0 ? 3 : 511);
    const std::uint64_t at = table + index * 8;
    if (i + 1 + up == shifts.size()) return at;
    std::uint64_t entry = *memory.Get(at, 8);
    if (entry == 0) {
      entry = NewPage() | (narrow_ && i == 0 ? 1 : kFlags);
      memory.Put64(at, entry);
    }
    table = entry & 0xffffffffff000;
  }
}

void StoreFixture::Map(std::uint64_t root, std::uint64_t va, std::uint64_t pa) {
  memory.Put64(EntryAt(root, va), pa | kFlags);
}

std::uint64_t StoreFixture::NewKernelPage() {
  const std::uint64_t va = next_kernel_;
  next_kernel_ += kPage;
  Map(kernel_root, va, NewPage());
  return va;
}

std::uint64_t StoreFixture::At(std::uint64_t va) const {
  auto* self = const_cast<StoreFixture*>(this);  // only looks: the tables are there
  const std::uint64_t entry = *memory.Get(self->EntryAt(kernel_root, va), 8);
  if (entry == 0) throw std::invalid_argument("not mapped by the fixture");
  return (entry & 0xffffffffff000) | (va & (kPage - 1));
}

std::uint64_t StoreFixture::FieldAt(const std::string& field) const {
  const std::string name = column_.structure;
  const std::size_t chunks = layout_.Get(name + ".ChunkMetaData").at;
  const std::string inner = narrow_ ? "chunks32." : "chunks64.";
  if (field.starts_with("chunk.")) {
    return At(store_va + chunks + layout_.Get(inner + field.substr(6)).at);
  }
  if (field == "ChunkPtrArray") return At(store_va + chunks);
  return At(store_va + layout_.Get(name + "." + field).at);
}

void StoreFixture::PutPointer(std::uint64_t pa, std::uint64_t value) {
  if (narrow_) {
    memory.Put32(pa, static_cast<std::uint32_t>(value));
  } else {
    memory.Put64(pa, value);
  }
}

void StoreFixture::MakeStore() {
  PutPointer(FieldAt("SmkmStore"), store_va);
  memory.Put32(FieldAt("RegionSizeMask"), (1U << kRegionShift) - 1);
  memory.Put32(FieldAt("RegionIndexMask"), kRegionShift);
  if (column_.build < 26100) memory.Put32(FieldAt("CompressionAlgorithm"), 3);
  PutPointer(FieldAt("CompressedRegionPtrArray"), regions_va_);
  PutPointer(FieldAt("OwnerProcess"), owner_object);
  memory.Put32(FieldAt("chunk.BitValue"), kBitValue);
  memory.Put32(FieldAt("chunk.PageRecordsPerChunkMask"), (1U << kBitValue) - 1);
  memory.Put32(FieldAt("chunk.PageRecordSize"), kRecordBytes);
  memory.Put32(FieldAt("chunk.ChunkPageHeaderSize"), kChunkHeader);
}

void StoreFixture::PutBytes(std::uint64_t root, std::uint64_t va, const Bytes& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::uint64_t at = EntryAt(root, va + i);
    if (*memory.Get(at, 8) == 0) memory.Put64(at, NewPage() | kFlags);
    const std::uint64_t pa = (*memory.Get(at, 8) & 0xffffffffff000) | ((va + i) & (kPage - 1));
    const std::uint64_t word = pa & ~std::uint64_t{3};
    const unsigned shift = static_cast<unsigned>(pa & 3) * 8;
    const auto old = static_cast<std::uint32_t>(*memory.Get(word, 4));
    memory.Put32(word, (old & ~(0xffU << shift)) | std::to_integer<std::uint32_t>(bytes[i])
                                                       << shift);
  }
}

StoreFixture::Data StoreFixture::PutData(const Bytes& data) {
  const std::uint64_t units = (data.size() + 15) / 16;
  const std::uint64_t in_region = 1U << kRegionShift;
  if (next_data_ % in_region + units > in_region) next_data_ += in_region - next_data_ % in_region;
  const std::uint64_t index = next_data_ / in_region;
  const std::uint64_t unit = next_data_ % in_region;
  next_data_ += units;
  const std::uint64_t base = kRegionBase + index * kRegionStride;
  PutPointer(At(regions_va_) + index * (narrow_ ? 4 : 8), base);
  PutBytes(owner_root, base + unit * 16, data);
  return {static_cast<std::uint32_t>(index << kRegionShift | unit),
          static_cast<std::uint32_t>(data.size())};
}

std::uint64_t StoreFixture::RowVa(std::uint32_t number) const {
  const std::uint64_t rows = narrow_ ? 0x98000000 : 0xffff9a8800000000;
  return rows + (static_cast<std::uint64_t>(std::bit_width(number)) - 1) * 0x20000;
}

std::uint64_t StoreFixture::SlotVa(std::uint32_t number) const {
  const std::uint64_t slot_bytes = !narrow_ ? 16 : column_.build < 15063 ? 8 : 12;
  return RowVa(number) + (number - std::bit_floor(number)) * slot_bytes;
}

std::uint64_t StoreFixture::RecordVa(std::uint32_t chunk_key) {
  const std::uint32_t number = chunk_key >> kBitValue;
  auto& chunk = chunk_pages_[number];
  if (chunk == 0) {
    chunk = NewKernelPage();
    const auto row = static_cast<unsigned>(std::bit_width(number)) - 1;
    PutPointer(FieldAt("ChunkPtrArray") + row * (narrow_ ? 4 : 8), RowVa(number));
    Bytes pointer;
    AppendLe(&pointer, chunk, narrow_ ? 4 : 8);
    PutBytes(kernel_root, SlotVa(number), pointer);
  }
  return chunk + kChunkHeader + (chunk_key & ((1U << kBitValue) - 1)) * kRecordBytes;
}

void StoreFixture::PutRecordAt(std::uint32_t chunk_key, std::uint32_t region_key,
                               std::uint32_t size_word) {
  Bytes record;
  AppendLe(&record, region_key, 4);
  AppendLe(&record, size_word, 4);
  AppendLe(&record, 0xc0ffee, 4);
  PutBytes(kernel_root, RecordVa(chunk_key), record);
}

// Chunk numbers 1 (row 0), 10 (row 3, column 2) and 0xd00 (row 11, column 0x500), in turn; when a
// chunk is full, the one behind it.
std::uint32_t StoreFixture::PutRecord(std::uint32_t region_key, std::uint32_t size_word) {
  constexpr std::array<std::uint32_t, 3> kFirst = {0x100, 0xa00, 0xd0000};
  const std::uint32_t count = next_chunk_key_++ - 0x100;
  const std::uint32_t chunk_key = kFirst[count % 3] + count / 3;
  PutRecordAt(chunk_key, region_key, size_word);
  return chunk_key;
}

void StoreFixture::AddPage(const std::string& what, const Bytes& data, std::uint32_t size,
                           const std::array<std::byte, 4096>& bytes, const std::string& failure) {
  const std::size_t i = pages.size();
  const std::uint32_t page = static_cast<std::uint32_t>(0x20000 + i * 3 + i % 2 * 0x2000);
  StorePage made;
  made.what = what;
  made.va = next_user_;
  made.key = column_.build >= 26100 ? page : options_.number << 28 | page;
  made.bytes = bytes;
  made.failure = failure;
  next_user_ += kPage;
  PutEntry(EntryAt(user_root, made.va), entries_.Software(options_.number, page, 4));
  keys_[made.key] = PutRecord(PutData(data).region_key, size);
  pages.push_back(made);
}

void StoreFixture::MakeTree() {
  struct Child {
    std::uint32_t key;
    std::uint64_t va;
  };
  const auto head = [&](std::uint64_t va, std::size_t count, unsigned level, bool leaf) {
    memory.Put32(At(va), static_cast<std::uint32_t>(count | level << 16 | (leaf ? 1U : 0U) << 24));
  };
  std::vector<Child> children;
  const std::uint64_t per_leaf = options_.tree_depth == 1 ? 500 : kLeafEntries;
  auto it = keys_.begin();
  while (it != keys_.end()) {
    const std::uint64_t va = NewKernelPage();
    children.push_back({it->first, va});
    std::size_t count = 0;
    const std::uint64_t first = narrow_ ? 8 : 16;
    for (; it != keys_.end() && count < per_leaf; ++it, ++count) {
      memory.Put32(At(va) + first + count * 8, it->first);
      memory.Put32(At(va) + first + count * 8 + 4, it->second);
    }
    head(va, count, 0, true);
  }
  first_leaf_ = children.front().va;
  for (unsigned level = 1; level < options_.tree_depth; ++level) {
    const std::size_t fan = level + 1 == options_.tree_depth ? children.size() : 3;
    std::vector<Child> parents;
    for (std::size_t at = 0; at < children.size(); at += fan) {
      const std::uint64_t va = NewKernelPage();
      parents.push_back({children[at].key, va});
      PutPointer(At(va) + (narrow_ ? 4 : 8), children[at].va);  // the left-most child has no key
      std::size_t count = 0;
      for (std::size_t i = at + 1; i < std::min(at + fan, children.size()); ++i, ++count) {
        const std::uint64_t slot = At(va) + (narrow_ ? 8 + count * 8 : 16 + count * 16);
        memory.Put32(slot, children[i].key);
        PutPointer(slot + (narrow_ ? 4 : 8), children[i].va);
      }
      if (count == 0) {  // a node needs an entry: its only child again, under its own key
        memory.Put32(At(va) + (narrow_ ? 8 : 16), children[at].key);
        PutPointer(At(va) + (narrow_ ? 12 : 24), children[at].va);
        PutPointer(At(va) + (narrow_ ? 4 : 8), 0);
        count = 1;
      }
      head(va, count, level, false);
    }
    children = parents;
  }
  tree_root_ = children.front().va;
}

void StoreFixture::Graft(SparseMemory& memory, ModeName mode, std::uint64_t from,
                         std::uint64_t root) {
  const auto graft = [&](const auto& self, std::uint64_t source, std::uint64_t target,
                         unsigned entries, unsigned below) -> void {
    for (unsigned i = 0; i < entries; ++i) {
      const std::uint64_t given = memory.Get(source + i * 8, 8).value_or(0);
      const std::uint64_t had = memory.Get(target + i * 8, 8).value_or(0);
      if (given == 0) continue;
      if (had == 0) {
        memory.Put64(target + i * 8, given);
      } else if (below == 0 || (given & had & 1) == 0) {
        throw std::invalid_argument("two pages for one address");
      } else if (((given ^ had) & 0xffffffffff000) != 0) {
        self(self, given & 0xffffffffff000, had & 0xffffffffff000, 512, below - 1);
      }
    }
  };
  const bool narrow = mode == ModeName::kPae;
  graft(graft, from, root, narrow ? 4 : 512, narrow ? 2 : 3);
}

std::uint64_t StoreFixture::AddTwin(bool same_tree) {
  const std::uint64_t first = NewKernelPage();
  NewKernelPage();
  for (std::uint64_t at = 0; at < 2 * kPage; at += 4) {
    memory.Put32(At(first + at), static_cast<std::uint32_t>(*memory.Get(At(store_va + at), 4)));
  }
  const std::uint64_t old = store_va;
  store_va = first;
  PutPointer(FieldAt("SmkmStore"), first);
  if (!same_tree) {  // its own chunk rows would be needed: a tree whose first key goes elsewhere
    const std::uint64_t leaf = NewKernelPage();
    for (std::uint64_t at = 0; at < kPage; at += 4) {
      memory.Put32(At(leaf + at), static_cast<std::uint32_t>(*memory.Get(At(first_leaf_ + at), 4)));
    }
    const std::uint64_t entry = At(leaf) + (narrow_ ? 8 : 16);
    memory.Put32(entry + 4, keys_.rbegin()->second == 0 ? 0 : std::next(keys_.begin(), 5)->second);
    PutPointer(FieldAt("PagesTree"), leaf);
  }
  store_va = old;
  return first;
}

void StoreFixture::AddFreedCopy() {
  const std::uint64_t page = NewPage();
  memory.PutBytes(page, std::span(memory.PageAt(At(store_va)), kPage));
}

void StoreFixture::AddDecoy(std::uint64_t pointer) {
  const std::uint64_t va = NewKernelPage();
  const std::uint64_t self = FieldAt("SmkmStore") % kPage;
  PutPointer(At(va) + self, pointer == 0 ? va : pointer);
}

}  // namespace v2p::test

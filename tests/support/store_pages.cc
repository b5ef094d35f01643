// The pages of the synthetic store: records of every kind, and the entries that name them or none.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <stdexcept>

#include "support/store_fixture.h"

namespace v2p::test {
namespace {

using Bytes = std::vector<std::byte>;

// `literals` bytes, then one match of distance 1 to the end of the page ([MS-XCA] 2.4).
Bytes Xpress(const std::array<std::byte, 4096>& page, std::size_t literals, std::size_t total) {
  Bytes out;
  std::size_t symbol = 0;
  const auto flags = [&] {
    const std::size_t first = symbol;
    std::uint32_t word = 0;
    for (unsigned i = 0; i < 32; ++i) word |= first + i >= literals ? 0x80000000U >> i : 0;
    AppendLe(&out, word, 4);
  };
  for (; symbol < literals; ++symbol) {
    if (symbol % 32 == 0) flags();
    out.push_back(page[symbol]);
  }
  if (symbol % 32 == 0) flags();
  const std::size_t length = total - literals - 3;
  if (length < 7 + 15 + 255) throw std::invalid_argument("the match is too short for this form");
  AppendLe(&out, 7, 2);
  AppendLe(&out, 15, 1);
  AppendLe(&out, 255, 1);
  AppendLe(&out, length, 2);
  return out;
}

// The same as an LZ4 block, with five literals at the end.
Bytes Lz4(const std::array<std::byte, 4096>& page, std::size_t literals) {
  Bytes out;
  const auto more = [&](std::size_t left) {
    for (; left >= 255; left -= 255) AppendLe(&out, 255, 1);
    AppendLe(&out, left, 1);
  };
  const std::size_t match = page.size() - literals - 5 - 4;
  AppendLe(&out, std::min<std::size_t>(literals, 15) << 4 | 15, 1);
  if (literals >= 15) more(literals - 15);
  out.insert(out.end(), page.begin(), page.begin() + static_cast<std::ptrdiff_t>(literals));
  AppendLe(&out, 1, 2);
  more(match - 15);
  AppendLe(&out, 5 << 4, 1);
  out.insert(out.end(), page.end() - 5, page.end());
  return out;
}

// `literals` different bytes, then the last of them to the end.
std::array<std::byte, 4096> Content(std::size_t seed, std::size_t literals) {
  std::array<std::byte, 4096> page{};
  for (std::size_t i = 0; i < page.size(); ++i) {
    const std::size_t at = std::min(i, literals - 1);
    page[i] = static_cast<std::byte>((seed * 131 + at * 7 + (at >> 3)) & 0xff);
  }
  return page;
}

}  // namespace

std::vector<std::byte> StoreFixture::Compressed(const std::array<std::byte, 4096>& page,
                                                std::size_t literals) {
  const bool lz4 = column_.build >= 26100 && !options_.xpress_on_lz4;
  return lz4 ? Lz4(page, literals) : Xpress(page, literals, page.size());
}

void StoreFixture::MakePages() {
  const auto size = [](const Bytes& data) { return static_cast<std::uint32_t>(data.size()); };
  for (std::size_t i = 0; i < 300; ++i) {
    const std::size_t literals = 1 + i * 11;
    const auto page = Content(i, literals);
    const Bytes data = Compressed(page, literals);
    AddPage("compressed", data, size(data) | (i % 5 == 0 ? 0xabcd0000U : 0), page);
  }
  {  // not compressible: kept as it is
    std::array<std::byte, 4096> page{};
    for (std::size_t i = 0; i < page.size(); ++i) page[i] = static_cast<std::byte>(i * i >> 3);
    AddPage("stored plain", Bytes(page.begin(), page.end()), 0x1000, page);
  }
  if (column_.build < 26100) {  // as large as compressed data can be
    const auto page = Content(77, 3633);
    const Bytes data = Compressed(page, 3633);
    if (data.size() != 0xfff) throw std::logic_error("the large record is not 0xfff bytes");
    AddPage("size 0xfff", data, 0xfff, page);
  }
  const auto page = Content(5, 20);
  const Bytes data = Compressed(page, 20);
  AddPage("size 0", data, 0, page, "zero-size-record");
  AddPage("cut short", data, size(data) - 8, page, "decompression");
  if (column_.build < 26100) {
    AddPage("4095 bytes", Xpress(page, 20, 4095), size(data), page, "decompression");
    AddPage("4097 bytes", Xpress(page, 20, 4097), size(data), page, "decompression");
  }
  {  // a record that names another one
    AddPage("record hop", data, size(data), page);
    const std::uint32_t target = keys_[pages.back().key];
    keys_[pages.back().key] = PutRecord(0xffffffff, target);
    AddPage("record cycle", data, size(data), page, "page-record-cycle");
    const std::uint32_t hop = PutRecord(0xffffffff, 0);
    Bytes word;
    AppendLe(&word, hop, 4);
    PutBytes(kernel_root, RecordVa(hop) + 4, word);
    keys_[pages.back().key] = hop;
  }
  const auto move_data = [&](const char* what, bool transition, const std::string& failure) {
    next_data_ = (next_data_ + 255) / 256 * 256;  // a page of its own
    const std::uint64_t at = next_data_;
    AddPage(what, data, size(data), page, failure);
    next_data_ = at + 256;
    const std::uint64_t va =
        kRegionBase + (at >> kRegionShift) * kRegionStride + at % (1U << kRegionShift) * 16;
    const std::uint64_t entry = EntryAt(owner_root, va);
    const std::uint64_t frame = (*memory.Get(entry, 8) & 0xffffffffff000) >> 12;
    PutEntry(entry, transition ? entries_.Transition(frame) : entries_.Software(0, 0x4321));
    if (transition) return;
    paged_out = pages.size() - 1;
    std::copy_n(memory.PageAt(frame << 12), kPage, paged_out_bytes.begin());
    memory.RemovePage(frame << 12);
  };
  MakeTableInStore();
  MakePrototype();
  MakeSharedTable();
  MakeLonePage();
  move_data("data in transition", true, "");
  move_data("data in a page file", false, "data-paged-out");
}

// A page whose first entry maps `pa`, compressed. Gives the software entry that leads to it.
std::uint64_t StoreFixture::AddEntriesInStore(const char* what, std::uint64_t pa) {
  std::array<std::byte, 4096> entries{};
  for (unsigned i = 0; i < 8; ++i) entries[i] = static_cast<std::byte>((pa | kFlags) >> (8 * i));
  const Bytes data = Compressed(entries, 9);
  AddPage(what, data, static_cast<std::uint32_t>(data.size()), entries);
  return entries_.Software(options_.number, pages.back().key & 0xfffffff, 4);
}

// The entry above a table names a page of the store.
void StoreFixture::MakeTableInStore() {
  table_pa = NewPage();
  PutEntry(EntryAt(user_root, table_va, 1), AddEntriesInStore("a table", table_pa));
}

void StoreFixture::MakePrototype() {
  const std::uint64_t array = NewKernelPage();
  PutEntry(At(array) + 8, entries_.Software(options_.number, pages[0].key & 0xfffffff, 4));
  PutEntry(EntryAt(user_root, prototype_va), entries_.Prototype(array + 8));
}

// A page of prototype entries that is compressed: the kernel's entry for it names the store.
void StoreFixture::MakeSharedTable() {
  shared_pa = NewPage();
  const std::uint64_t entry = AddEntriesInStore("prototype entries", shared_pa);
  const std::uint64_t va = NewKernelPage();
  PutEntry(EntryAt(kernel_root, va), entry);
  PutEntry(EntryAt(user_root, shared_va), entries_.Prototype(va));
}

void StoreFixture::MakeLonePage() {
  constexpr std::uint32_t kNumber = 0x2a;  // row 5
  constexpr std::uint64_t kUnits = 1U << kRegionShift;
  const auto content = Content(9, 50);
  const Bytes data = Compressed(content, 50);
  const auto size = static_cast<std::uint32_t>(data.size());
  next_data_ = (next_data_ + kUnits - 1) / kUnits * kUnits;
  const std::uint64_t index = next_data_ / kUnits;
  AddPage("alone", data, size, content);
  next_data_ = (index + 1) * kUnits;
  PutRecordAt(kNumber << kBitValue, static_cast<std::uint32_t>(index << kRegionShift), size);
  keys_[pages.back().key] = kNumber << kBitValue;
  const std::uint64_t pointer = narrow_ ? 4 : 8;
  lone.page = pages.size() - 1;
  lone.row = FieldAt("ChunkPtrArray") + 5 * pointer;
  lone.slot = At(SlotVa(kNumber));
  lone.record = At(RecordVa(kNumber << kBitValue));
  lone.region = At(regions_va_) + index * pointer;
  const std::uint64_t entry = EntryAt(owner_root, kRegionBase + index * kRegionStride);
  lone.data = *memory.Get(entry, 8) & 0xffffffffff000;
  lone.row_va = RowVa(kNumber);
  lone.chunk_va = chunk_pages_.at(kNumber);
}

// Entries that name no page of the store, some of which do under the other layout or mask.
void StoreFixture::MakeDecoys() {
  std::uint64_t va = 0x30000000;
  const auto add = [&](std::uint64_t entry) {
    PutEntry(EntryAt(user_root, va), entry);
    va += kPage;
  };
  for (std::uint64_t i = 0; i < 80; ++i) add(entries_.Transition(0x40 + i));
  for (std::uint64_t i = 0; i < 40; ++i) add(entries_.Software(0, 0x1234 + i));
  for (std::uint64_t i = 0; i < 200; ++i) add(entries_.DemandZero());
  for (std::uint64_t i = 0; i < 20; ++i) add(entries_.Software(0, 0x5054 + i, 0));
  for (std::uint64_t i = 0; i < 10; ++i) add(entries_.VadMarker());
  for (std::uint64_t i = 0; i < 5; ++i) add(entries_.DemandZero(0x10));
  add(entries_.Software(options_.number, 0x10000123));
  pages.push_back({"key of 29 bits", va - kPage, 0, {}, "key-out-of-range"});
  add(entries_.Software(options_.number, 0x30001));
  pages.push_back({"key above all", va - kPage, 0, {}, "tree-key-missing"});
  add(entries_.Software(options_.number, 0x20001));
  pages.push_back({"key between", va - kPage, 0, {}, "tree-key-missing"});
  add(entries_.Software(options_.number, 0x123));
  pages.push_back({"key below all", va - kPage, 0, {}, "tree-key-missing"});
}

}  // namespace v2p::test

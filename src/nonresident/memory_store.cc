// From a page key to the bytes of a page, with every check on the way.
// The chain (tree, chunk, record, region) is that of FireEye's paper "Extracting Compressed Pages
// from the Windows 10 Virtual Store" and its code (mandiant/win10_volatility), with MemProcFS
// (mm_win.c) as a second source. The self pointer: ST_DATA_MGR points to the store it is part of.
// SPDX-License-Identifier: Apache-2.0
#include "nonresident/memory_store.h"

#include <algorithm>
#include <array>
#include <bit>

#include "codec/lz4.h"
#include "codec/xpress.h"

namespace v2p {
namespace {

constexpr unsigned kMostHops = 32;
constexpr std::uint32_t kHop = 0xffffffff;
constexpr std::uint32_t kPlainLz77 = 3;  // COMPRESSION_FORMAT_XPRESS
constexpr std::uint64_t kRegionFlags = 0xffff;

// Distances from the array of regions to the owner, of all known builds.
constexpr std::array<std::uint32_t, 3> kWideDistances = {0x160, 0x170, 0x198};
constexpr std::array<std::uint32_t, 3> kNarrowDistances = {0xd0, 0xd8, 0xe0};

}  // namespace

std::optional<MemoryStore> MemoryStore::Open(const SpaceReader& kernel, const SpaceReader& owner,
                                             VirtAddr at, VirtAddr owner_object,
                                             const StoreLayout& layout, std::string_view* failure) {
  MemoryStore store(kernel, owner, at, layout);
  const auto self = kernel.LoadPointer(at + layout.self);
  *failure = "store-self-pointer";  // S1
  if (!self || *self != at.value) return std::nullopt;
  if (!store.FindLiveOffsets(owner_object, failure)) return std::nullopt;
  if (!store.LoadGeometry(failure)) return std::nullopt;
  const auto root = kernel.LoadPointer(at + layout.pages_tree);
  *failure = "store-tree-root";  // S6
  if (!root) return std::nullopt;
  store.tree_ = VirtAddr(*root);
  if (!store.Tree().RootIsValid()) return std::nullopt;
  if (layout.algorithm) {
    const auto algorithm = kernel.Load<std::uint16_t>(at + *layout.algorithm);
    *failure = "store-algorithm";  // S7
    if (algorithm != kPlainLz77) return std::nullopt;
  }
  *failure = {};
  return store;
}

bool MemoryStore::LooksLikeRegions(std::uint64_t array) const {
  if (!kernel_->IsKernel(array)) return false;
  const auto first = kernel_->LoadPointer(VirtAddr(array));
  return first && *first != 0 && !owner_->IsKernel(*first) && (*first & kRegionFlags) == 0;
}

// The owner is the one slot that holds the EPROCESS of MemCompression; the array of regions lies a
// known distance before it. This is what makes builds work that are in no table.
bool MemoryStore::FindLiveOffsets(VirtAddr owner_object, std::string_view* failure) {
  const std::uint32_t step = layout_.narrow ? 4 : 8;
  std::optional<std::uint32_t> live_owner;
  *failure = "store-owner";  // S5
  for (std::uint32_t at = 0x1000; at + step <= 0x2000; at += step) {
    if (kernel_->LoadPointer(at_ + at) != owner_object.value) continue;
    if (live_owner) return false;
    live_owner = at;
  }
  if (!live_owner) return false;
  std::optional<std::uint32_t> live_regions;
  for (const std::uint32_t distance : layout_.narrow ? kNarrowDistances : kWideDistances) {
    const auto array = kernel_->LoadPointer(at_ + (*live_owner - distance));
    if (!array || !LooksLikeRegions(*array)) continue;
    const bool in_table = *live_owner == layout_.owner && *live_owner - distance == layout_.regions;
    if (!live_regions || in_table) live_regions = *live_owner - distance;
  }
  *failure = "store-regions";
  if (!live_regions) return false;
  offsets_agree_ = *live_owner == layout_.owner && *live_regions == layout_.regions;
  regions_ = kernel_->LoadPointer(at_ + *live_regions).value_or(0);
  return true;
}

bool MemoryStore::LoadGeometry(std::string_view* failure) {
  const auto word = [&](std::uint32_t offset) {
    return kernel_->Load<std::uint32_t>(at_ + offset).value_or(~std::uint32_t{0});
  };
  bit_value_ = word(layout_.chunks + layout_.bit_value) & 0xff;
  records_mask_ = word(layout_.chunks + layout_.records_mask);
  record_bytes_ = word(layout_.chunks + layout_.record_bytes);
  chunk_header_ = word(layout_.chunks + layout_.chunk_header);
  *failure = "store-chunk-geometry";  // S2
  if (bit_value_ > 20 || records_mask_ != (std::uint32_t{1} << bit_value_) - 1) return false;
  *failure = "store-record-geometry";  // S3
  if (record_bytes_ < 12 || record_bytes_ > 64 || chunk_header_ >= kPageBytes) return false;
  region_mask_ = word(layout_.region_mask);
  region_shift_ = word(layout_.region_shift) & 0xff;
  *failure = "store-region-geometry";  // S4
  if (region_shift_ < 8 || region_shift_ > 20) return false;
  return region_mask_ == (std::uint32_t{1} << region_shift_) - 1;
}

// Row r of the chunk pointers has 2^r slots: the highest set bit of a chunk's number is its row.
std::optional<VirtAddr> MemoryStore::RecordOf(std::uint32_t chunk_key, StoreAnswer* answer) const {
  const std::uint32_t number = chunk_key >> bit_value_;
  answer->failure = "chunk-key";  // C1
  if (number == 0) return std::nullopt;
  const auto row = static_cast<std::uint32_t>(std::bit_width(number)) - 1;
  const std::uint64_t column = number - (std::uint32_t{1} << row);
  const std::uint32_t pointer = layout_.narrow ? 4 : 8;
  const auto slots = kernel_->LoadPointer(at_ + layout_.chunks + std::uint64_t{row} * pointer);
  answer->failure = "chunk-row";
  if (!slots || !kernel_->IsKernel(*slots)) return std::nullopt;
  const auto chunk = kernel_->LoadPointer(VirtAddr(*slots) + column * layout_.slot_bytes);
  answer->failure = "chunk-slot";
  if (!chunk || !kernel_->IsKernel(*chunk)) return std::nullopt;
  answer->failure = "page-record";
  return VirtAddr(*chunk) + chunk_header_ +
         std::uint64_t{chunk_key & records_mask_} * record_bytes_;
}

// A record whose region key is all ones holds the chunk key of the record to use instead.
bool MemoryStore::FollowRecord(StoreAnswer* answer) const {
  std::uint32_t chunk_key = answer->chunk_key;
  for (unsigned hop = 0; hop < kMostHops; ++hop) {
    const auto record = RecordOf(chunk_key, answer);
    if (!record) return false;
    const auto region_key = kernel_->Load<std::uint32_t>(*record);
    const auto next = kernel_->Load<std::uint32_t>(*record + 4);
    if (!region_key || !next) return false;
    answer->record = *record;
    if (*region_key != kHop) {
      answer->region_key = *region_key;
      answer->size = *next & 0xffff;  // the upper half is no part of it
      return true;
    }
    chunk_key = *next;
  }
  answer->failure = "page-record-cycle";
  return false;
}

bool MemoryStore::ReadData(StoreAnswer* answer) const {
  const std::uint32_t index = answer->region_key >> region_shift_;
  const std::uint64_t offset = std::uint64_t{answer->region_key & region_mask_} * 16;
  const std::uint32_t pointer = layout_.narrow ? 4 : 8;
  const auto region = kernel_->LoadPointer(VirtAddr(regions_) + std::uint64_t{index} * pointer);
  answer->failure = "region-pointer";  // R1
  if (!region) return false;
  const std::uint64_t base = *region & ~kRegionFlags;
  if (base == 0 || owner_->IsKernel(base) || base >> 47U != 0) return false;
  answer->data = VirtAddr(base + offset);
  const bool plain = answer->size == kPageBytes;
  const std::uint32_t size = plain ? answer->size : answer->size & 0xfff;
  answer->failure = "zero-size-record";
  if (size == 0) return false;
  const std::uint64_t region_bytes = (std::uint64_t{region_mask_} + 1) * 16;
  answer->failure = "region-bounds";
  if (offset + size > region_bytes) return false;
  answer->size = size;
  answer->stored_plain = plain;
  std::vector<std::byte> data(size);
  switch (owner_->Read(answer->data, data, &answer->data_at)) {
    case SpaceReader::Got::kAll:
      break;
    case SpaceReader::Got::kPagedOut:
      answer->failure = "data-paged-out";  // R2
      return false;
    case SpaceReader::Got::kNotInImage:
      answer->failure = "data-not-in-image";
      return false;
    case SpaceReader::Got::kNotMapped:
      answer->failure = "data-not-mapped";
      return false;
  }
  Decompress(data, answer);
  return answer->bytes != nullptr;
}

void MemoryStore::Decompress(const std::vector<std::byte>& data, StoreAnswer* answer) const {
  auto page = std::make_shared<PageBytes>();
  answer->failure = "decompression";  // D1
  if (answer->stored_plain) {
    std::copy(data.begin(), data.end(), page->begin());
  } else {
    std::size_t used = 0;
    if (layout_.lz4) {
      const auto decoded = Lz4Decode(data, *page);
      if (!decoded) return;
      used = *decoded;
    } else {
      const auto decoded = XpressDecode(data, *page);
      if (!decoded) return;
      used = *decoded;
    }
    answer->left_over = data.size() - used;  // D2: for the caller to doubt
  }
  answer->bytes = std::move(page);
  answer->failure = {};
}

StoreAnswer MemoryStore::Page(std::uint32_t key) const {
  StoreAnswer answer;
  answer.key = key;
  const StoreTree::Lookup found = Tree().Find(key);
  if (!found.value) {
    answer.failure = found.failure;  // T1
    return answer;
  }
  answer.chunk_key = *found.value;
  if (FollowRecord(&answer)) ReadData(&answer);
  return answer;
}

MemoryStore::SelfTest MemoryStore::TestRecords(
    const std::vector<std::pair<std::uint32_t, std::uint32_t>>& entries) const {
  constexpr std::size_t kRecords = 64;
  SelfTest test;
  const std::size_t step = std::max<std::size_t>(1, entries.size() / kRecords);
  for (std::size_t i = 0; i < entries.size() && test.tried < kRecords; i += step) {
    const StoreAnswer answer = Page(entries[i].first);
    // Data that is elsewhere, or no data, says nothing about the layout.
    if (answer.failure.starts_with("data-") || answer.failure == "zero-size-record") continue;
    ++test.tried;
    if (answer.bytes != nullptr) ++test.passed;
  }
  return test;
}

}  // namespace v2p

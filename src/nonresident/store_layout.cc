// Offsets inside an SMKM_STORE.
// Sources: mandiant/win10_volatility and win10_rekall (win10_memcompression.py, builds 14393 to
// 18362), MemProcFS 5.17.5 (vmm/mm/mm_win.c, 19041 to 26100).
// SPDX-License-Identifier: Apache-2.0
#include "nonresident/store_layout.h"

namespace v2p {
namespace {

constexpr std::uint32_t kFirstBuild = 14393;

StoreLayout Wide() {
  StoreLayout layout;
  layout.pages_tree = 0x50;
  layout.chunks = 0x110;
  layout.self = 0x370;
  layout.region_mask = 0x378;
  layout.region_shift = 0x37c;
  layout.slot_bytes = 16;
  layout.bit_value = 0x108;
  layout.records_mask = 0x10c;
  layout.record_bytes = 0x110;
  layout.chunk_header = 0x118;
  return layout;
}

StoreLayout Narrow() {
  StoreLayout layout;
  layout.narrow = true;
  layout.pages_tree = 0x38;
  layout.chunks = 0xa4;
  layout.self = 0x1f8;
  layout.region_mask = 0x1fc;
  layout.region_shift = 0x200;
  layout.slot_bytes = 12;
  layout.bit_value = 0x88;
  layout.records_mask = 0x8c;
  layout.record_bytes = 0x90;
  layout.chunk_header = 0x98;
  return layout;
}

struct Column {
  std::uint32_t first_build;
  std::uint32_t algorithm;  // 0: not known
  std::uint32_t regions;
  std::uint32_t owner;
};

constexpr Column kWideColumns[] = {{14393, 0x420, 0x17a8, 0x1918},
                                   {15063, 0x420, 0x1828, 0x1988},
                                   {16299, 0x430, 0x1848, 0x19a8},
                                   {19041, 0x430, 0x1848, 0x19b8},
                                   {kLz4Build, 0, 0x1b70, 0x1d08}};
constexpr Column kNarrowColumns[] = {{14393, 0x258, 0x1124, 0x1204},
                                     {15063, 0x258, 0x1174, 0x1244},
                                     {16299, 0x25c, 0x1184, 0x1254},
                                     {19041, 0x25c, 0x1184, 0x125c}};

template <std::size_t kCount>
const Column& ColumnOf(const Column (&columns)[kCount], std::uint32_t build) {
  const Column* best = &columns[0];
  for (const Column& column : columns) {
    if (column.first_build <= build) best = &column;
  }
  return *best;
}

}  // namespace

std::optional<StoreLayout> StoreLayoutOf(bool narrow, std::optional<std::uint32_t> build) {
  if (build && *build < kFirstBuild) return std::nullopt;
  const std::uint32_t used = build.value_or(19041);
  StoreLayout layout = narrow ? Narrow() : Wide();
  const Column& column = narrow ? ColumnOf(kNarrowColumns, used) : ColumnOf(kWideColumns, used);
  if (column.algorithm != 0) layout.algorithm = column.algorithm;
  layout.regions = column.regions;
  layout.owner = column.owner;
  layout.lz4 = !narrow && used >= kLz4Build;
  // Two of the sources have slots of 8 bytes on 14393; from 15063 on all have 12.
  if (narrow && used < 15063) layout.slot_bytes = 8;
  return layout;
}

}  // namespace v2p

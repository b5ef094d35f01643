// Page tables for synthetic images. Entries: Intel SDM vol. 3, chapter 4; Arm ARM D8.3.
// SPDX-License-Identifier: Apache-2.0
#include "support/guest_tables.h"

#include <stdexcept>

namespace v2p::test {
namespace {

constexpr std::uint64_t kFrame = 0x0000'FFFF'FFFF'F000;
constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63;
constexpr std::uint64_t kKernelBits = 0x63;  // present, writable, accessed, dirty
constexpr std::uint64_t kUserBits = 0x67;
constexpr std::uint64_t kLargeBit = 0x80;

constexpr std::uint64_t kArmTable = 0x0060'0000'0000'0F03;  // as A64B shows entries of Windows
constexpr std::uint64_t kArmData = 0x0060'0000'0000'0F03;
constexpr std::uint64_t kArmCode = 0x0040'0000'0000'0F83;
constexpr std::uint64_t kArmUser = 0x0060'0000'0000'0F43;
constexpr std::uint64_t kArmNonSecure = 0x20;

}  // namespace

std::uint64_t FrameSource::TakeRun(std::uint64_t pages, std::uint64_t align) {
  const std::uint64_t step = align * kGuestPage;
  const std::uint64_t first = (begin_ + step - 1) / step;
  const std::uint64_t places = end_ / step - first;
  for (unsigned tries = 0; tries < 10000; ++tries) {
    const std::uint64_t pa = (first + random_() % places) * step;
    if (pa + pages * kGuestPage > end_ || !Free(pa, pages)) continue;
    Reserve(pa, pages);
    return pa;
  }
  throw std::runtime_error("no frame is left");
}

void FrameSource::Reserve(std::uint64_t pa, std::uint64_t pages) {
  for (std::uint64_t i = 0; i < pages; ++i) taken_.insert(pa + i * kGuestPage);
}

bool FrameSource::Free(std::uint64_t pa, std::uint64_t pages) const {
  const auto next = taken_.lower_bound(pa);
  return next == taken_.end() || *next >= pa + pages * kGuestPage;
}

GuestTables::GuestTables(SparseMemory& memory, FrameSource& frames, const EntryStyle& style,
                         std::uint64_t root)
    : memory_(memory), frames_(frames), style_(style), root_(root), levels_(LevelsOf(style.mode)) {
  memory_.AddPage(root);
}

std::vector<GuestTables::Level> GuestTables::LevelsOf(ModeName mode) {
  switch (mode) {
    case ModeName::kX86:
      return {{22, 10}, {12, 10}};
    case ModeName::kPae:
      return {{30, 2}, {21, 9}, {12, 9}};
    case ModeName::kX64La57:
      return {{48, 9}, {39, 9}, {30, 9}, {21, 9}, {12, 9}};
    case ModeName::kX64:
    case ModeName::kArm64:
      break;
  }
  return {{39, 9}, {30, 9}, {21, 9}, {12, 9}};
}

void GuestTables::Map(std::uint64_t va, std::uint64_t pa, PageUse use, bool large) {
  const auto depth = static_cast<unsigned>(levels_.size()) - (large ? 2 : 1);
  const std::uint64_t table = TableOnTheWay(va, depth);
  const Level& level = levels_[depth];
  PutEntry(table, va >> level.shift & ((1U << level.bits) - 1), EntryOfPage(pa, use, large));
}

std::uint64_t GuestTables::TableOnTheWay(std::uint64_t va, unsigned depth) {
  std::uint64_t table = root_;
  const bool user = va < (Width() == 4 || style_.mode == ModeName::kPae ? std::uint64_t{1} << 31
                                                                        : std::uint64_t{1} << 47);
  for (unsigned d = 0; d < depth; ++d) {
    const std::uint64_t index = va >> levels_[d].shift & ((1U << levels_[d].bits) - 1);
    const std::uint64_t entry = Entry(table, index);
    if ((entry & 1) != 0) {
      table = entry & kFrame;
      continue;
    }
    const std::uint64_t below = frames_.Take();
    memory_.AddPage(below);
    const bool pointer = style_.mode == ModeName::kPae && d == 0;
    PutEntry(table, index, pointer ? EntryOfDirectory(below) : EntryOfTable(below, user));
    table = below;
  }
  return table;
}

std::uint64_t GuestTables::Entry(std::uint64_t table, std::uint64_t index) const {
  return memory_.Get(table + index * Width(), Width()).value_or(0);
}

void GuestTables::PutEntry(std::uint64_t table, std::uint64_t index, std::uint64_t value) {
  const std::uint64_t at = table + index * Width();
  if (Width() == 4) {
    memory_.Put32(at, static_cast<std::uint32_t>(value));
  } else {
    memory_.Put64(at, value);
  }
}

std::uint64_t GuestTables::EntryOfTable(std::uint64_t pa, bool user) const {
  if (style_.mode == ModeName::kArm64) {
    return pa | kArmTable | style_.software | (style_.non_secure ? kArmNonSecure : 0);
  }
  const std::uint64_t software = style_.mode == ModeName::kX86 ? 0 : style_.software;
  return pa | (user ? kUserBits : kKernelBits) | software;
}

std::uint64_t GuestTables::EntryOfPage(std::uint64_t pa, PageUse use, bool large) const {
  if (style_.mode == ModeName::kArm64) {
    const std::uint64_t bits = use == PageUse::kUserData     ? kArmUser
                               : use == PageUse::kKernelCode ? kArmCode
                                                             : kArmData;
    return (pa | bits | style_.software) & ~(large ? std::uint64_t{2} : 0);
  }
  std::uint64_t entry = pa | (use == PageUse::kUserData ? kUserBits : kKernelBits);
  if (large) entry |= kLargeBit;
  if (style_.mode == ModeName::kX86) return entry;
  if (use != PageUse::kKernelCode) entry |= kNoExecute;
  return entry | style_.software;
}

}  // namespace v2p::test

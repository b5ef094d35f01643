// WalkResult: what a walk comes to, in eight bytes: for callers with millions of addresses.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "base/address.h"
#include "translate/walk.h"

namespace v2p {

/// Physical addresses of all modes have at most 52 bits; the rest of the word holds the size of the
/// page and the status.
class WalkResult {
 public:
  WalkResult() = default;

  static WalkResult Of(const Walk& walk) {
    if (walk.Mapped()) return Mapped(walk.pa.value, PageShift(walk.page_bytes));
    return WalkResult(static_cast<std::uint64_t>(walk.status) << kStatusShift);
  }
  static WalkResult Mapped(std::uint64_t pa, unsigned page_shift) {
    return WalkResult(pa | std::uint64_t{page_shift} << kPageShiftShift);
  }

  /// `bytes` further into the page.
  WalkResult Plus(std::uint64_t bytes) const { return WalkResult(word_ + bytes); }

  WalkStatus Status() const { return static_cast<WalkStatus>(word_ >> kStatusShift); }
  bool IsMapped() const { return word_ >> kStatusShift == 0; }
  /// Meaningful only when mapped.
  PhysAddr Pa() const { return PhysAddr(word_ & ((std::uint64_t{1} << kPageShiftShift) - 1)); }
  /// Size of the page; 0 unless mapped.
  std::uint64_t PageBytes() const {
    const unsigned shift = static_cast<unsigned>(word_ >> kPageShiftShift) & 63U;
    return shift == 0 ? 0 : std::uint64_t{1} << shift;
  }
  bool operator==(const WalkResult&) const = default;

 private:
  static constexpr unsigned kPageShiftShift = 52;
  static constexpr unsigned kStatusShift = 58;
  static_assert(WalkStatus::kMapped == WalkStatus{}, "mapped is 0");

  explicit WalkResult(std::uint64_t word) : word_(word) {}
  static unsigned PageShift(std::uint64_t bytes) {
    return static_cast<unsigned>(std::countr_zero(bytes));
  }

  std::uint64_t word_ = std::uint64_t{static_cast<unsigned>(WalkStatus::kNonCanonical)}
                        << kStatusShift;
};

}  // namespace v2p

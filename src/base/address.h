// Physical, virtual and file addresses: three types that do not mix.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

namespace v2p {

inline constexpr std::uint64_t kPageBytes = 0x1000;
inline constexpr unsigned kPageShift = 12;

/// Beyond the physical addresses of any machine (56 bits: Arm ARM, FEAT_D128).
inline constexpr std::uint64_t kPhysicalLimit = std::uint64_t{1} << 56U;

/// Pages that `bytes` bytes take, the last one perhaps in part.
constexpr std::uint64_t PagesIn(std::uint64_t bytes) {
  return bytes / kPageBytes + (bytes % kPageBytes != 0 ? 1 : 0);
}

/// A 64-bit byte address in one address space, named by `Tag`.
template <class Tag>
struct Address {
  std::uint64_t value = 0;

  constexpr Address() = default;
  constexpr explicit Address(std::uint64_t v) : value(v) {}

  constexpr auto operator<=>(const Address&) const = default;
  constexpr Address operator+(std::uint64_t bytes) const { return Address(value + bytes); }
  constexpr Address operator-(std::uint64_t bytes) const { return Address(value - bytes); }
  constexpr std::uint64_t operator-(Address other) const { return value - other.value; }
};

using PhysAddr = Address<struct PhysTag>;    ///< guest-physical byte address
using VirtAddr = Address<struct VirtTag>;    ///< guest-virtual byte address
using FileOffset = Address<struct FileTag>;  ///< byte offset in the bytes a format parses

/// Page frame number: a physical address divided by 4096.
struct Pfn {
  std::uint64_t value = 0;

  constexpr Pfn() = default;
  constexpr explicit Pfn(std::uint64_t v) : value(v) {}
  constexpr explicit Pfn(PhysAddr pa) : value(pa.value >> kPageShift) {}

  constexpr auto operator<=>(const Pfn&) const = default;
  constexpr PhysAddr Base() const { return PhysAddr(value << kPageShift); }
};

}  // namespace v2p

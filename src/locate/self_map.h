// Self maps: tables that name themselves, as the roots of Windows do.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/address.h"
#include "base/bytes.h"
#include "base/image_facts.h"

namespace v2p {

/// Entry `slot` of a page of 64-bit entries.
inline std::uint64_t Entry64(std::span<const std::byte> page, std::size_t slot) {
  return LoadLe<std::uint64_t>(page.data() + slot * 8);
}

/// Entry `slot` of a page of 32-bit entries.
inline std::uint32_t Entry32(std::span<const std::byte> page, std::size_t slot) {
  return LoadLe<std::uint32_t>(page.data() + slot * 4);
}

/// Root slots of 64-bit Windows: KUSER_SHARED_DATA is at 0xFFFFF780'00000000 and every kernel is
/// loaded in the 512 GiB above (Windows Internals, "x64 virtual address space layouts").
inline constexpr unsigned kSharedDataSlot = 0x1EF;
inline constexpr unsigned kKernelSlot = 0x1F0;

/// The entry of a root page that names the page itself.
struct SelfEntry {
  unsigned slot = 0;
  std::uint64_t value = 0;
};

/// The one entry in the upper half of `page`, a root of `mode` (x64, x64-la57 or arm64) at `pa`,
/// that names it. Nothing when there is none or several, or when the page is a leaf table of an
/// identity or direct map that covers itself.
std::optional<SelfEntry> FindSelfEntry(std::span<const std::byte> page, PhysAddr pa, ModeName mode);

}  // namespace v2p

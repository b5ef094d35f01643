// SpaceReader: virtual memory of one root, where entries in transition and given page files count
// too. What the compressed store is read through.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/physical_memory.h"
#include "translate/address_space.h"
#include "translate/follower.h"
#include "translate/paging_context.h"

namespace v2p {

/// Const methods may be used from several threads; memory and context must outlive it. The context
/// has no source that would need this reader: a page of the store is never in the store.
class SpaceReader {
 public:
  SpaceReader(const PhysicalMemory& memory, ModeName mode, PhysAddr root,
              const PagingContext& context);

  enum class Got : std::uint8_t { kAll, kNotMapped, kNotInImage, kPagedOut };

  const PhysicalMemory& Memory() const { return *memory_; }
  bool Narrow() const { return Mode(mode_).va_bits == 32; }
  bool IsKernel(std::uint64_t va) const;

  /// Physical address of `va`, where it is mapped or in transition.
  std::optional<PhysAddr> Find(VirtAddr va) const;
  /// Fills `out`, or says why not. `at` gets the physical address of each piece that was in memory.
  Got Read(VirtAddr va, std::span<std::byte> out, std::vector<PhysAddr>* at = nullptr) const;
  template <class T>
  std::optional<T> Load(VirtAddr va) const {
    std::byte bytes[sizeof(T)];
    if (Read(va, bytes) != Got::kAll) return std::nullopt;
    return LoadLe<T>(bytes);
  }
  /// Of the mode's width.
  std::optional<std::uint64_t> LoadPointer(VirtAddr va) const;

 private:
  const PhysicalMemory* memory_;
  ModeName mode_;
  AddressSpace space_;
  Follower follower_;
};

}  // namespace v2p

// AddressSpace: memory, a mode and a root; translates one address or many.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/physical_memory.h"
#include "translate/paging_mode.h"
#include "translate/walk.h"

namespace v2p {

struct PagingContext;

/// What a walk needs beside memory. Copyable, small.
struct AddressSpaceSpec {
  ModeName mode = ModeName::kX64;
  std::uint64_t dtb = 0;  ///< raw CR3 / TTBR0 value; masked by the mode
  std::optional<std::uint64_t> ttbr1 =
      std::nullopt;                ///< ARM64 only: separate upper root, as Linux has it
  GuestOs os = GuestOs::kUnknown;  ///< whose non-present forms to name
  bool strict = false;             ///< only present entries map
  bool ignore_canonical = false;   ///< walk non-canonical addresses on their low bits
  /// Rules to follow Windows entries by that are not present; null: nothing is followed.
  std::shared_ptr<const PagingContext> paging = nullptr;
};

/// Translates addresses of one address space. Const methods may be used from several threads;
/// the memory must outlive it.
class AddressSpace {
 public:
  AddressSpace(const PhysicalMemory& memory, const AddressSpaceSpec& spec);

  const AddressSpaceSpec& Spec() const { return spec_; }
  const PagingMode& Mode() const { return *mode_; }
  const PhysicalMemory& Memory() const { return *memory_; }
  /// Base of the table that a walk of `va` starts from: the DTB masked, or the TTBR1 root.
  PhysAddr Root(VirtAddr va) const;

  Walk Translate(VirtAddr va) const;
  /// walks[i] is the walk of addresses[i]; both spans have the same length.
  void Translate(std::span<const VirtAddr> addresses, std::span<Walk> walks) const;

 private:
  const PhysicalMemory* memory_;
  const PagingMode* mode_;
  AddressSpaceSpec spec_;
};

}  // namespace v2p

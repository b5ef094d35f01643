// Root: one page table root found in an image, and what it belongs to.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "base/image_facts.h"
#include "translate/address_space.h"

namespace v2p {

/// A root table, masked. On ARM64 Linux `table` is TTBR0's and `upper` TTBR1's; Windows on ARM64
/// has both halves in one page and no `upper`.
struct Root {
  ModeName mode = ModeName::kX64;
  PhysAddr table;
  std::optional<PhysAddr> upper;

  bool operator==(const Root&) const = default;
  AddressSpaceSpec Spec(GuestOs os = GuestOs::kUnknown) const;
};

/// What a root is for. Names in output: kernel, process, user-shadow, other.
enum class RootClass : std::uint8_t {
  kKernel,      ///< the system's own: Windows System process, Linux swapper_pg_dir
  kProcess,     ///< kernel half as the system's, plus one process's user half
  kUserShadow,  ///< KVA shadow / KPTI: what a CPU uses in user mode, most of the kernel missing
  kOther,       ///< a table that is no system's root: a loader's, a hypervisor's, a leaf
};

std::string_view Name(RootClass cls);

}  // namespace v2p

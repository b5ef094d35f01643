// VMCOREINFO: what a Linux kernel says about itself, as KEY=VALUE lines.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/image_facts.h"

namespace v2p {

/// The lines that v2p uses; absent ones are not in the text. Linux Documentation/admin-guide/kdump/
/// vmcoreinfo.rst names them all.
struct Vmcoreinfo {
  std::optional<std::string> release;           ///< OSRELEASE
  std::optional<std::uint64_t> page_bytes;      ///< PAGESIZE
  std::optional<std::uint64_t> kernel_offset;   ///< KERNELOFFSET, KASLR's shift of the kernel
  std::optional<std::uint64_t> swapper_pg_dir;  ///< SYMBOL, virtual
  std::optional<std::uint64_t> init_top_pgt;    ///< SYMBOL, virtual
  std::optional<std::uint64_t> phys_base;       ///< NUMBER, modulo 2^64: it is often negative
  std::optional<std::uint64_t> five_levels;     ///< NUMBER(pgtable_l5_enabled)
  std::optional<std::uint64_t> va_bits;         ///< NUMBER(VA_BITS), ARM64
  std::optional<std::uint64_t> kimage_voffset;  ///< NUMBER, ARM64
};

Vmcoreinfo ParseVmcoreinfo(std::string_view text);

/// Physical address of the kernel's root table on `machine`, when the text gives all it takes.
std::optional<std::uint64_t> KernelRoot(const Vmcoreinfo& info, Machine machine);

/// The lines for `v2p info`.
std::vector<Fact> Facts(const Vmcoreinfo& info);

}  // namespace v2p

// What the searches for i386 kernels with and without PAE share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "locate/linux_kernel.h"

namespace v2p {

std::vector<LinuxKernel> FindLinuxX86(const LinuxScene& scene);
std::vector<LinuxKernel> FindLinuxPae(const LinuxScene& scene);

/// Where swapper_pg_dir of the VMCOREINFO texts is, for each choice of PAGE_OFFSET: the text has
/// its virtual address alone.
std::vector<PhysAddr> RootsOfTexts32(const LinuxScene& scene);

/// Drops what has come before.
void Unique(std::vector<PhysAddr>& roots);

/// The page of the image that `is_root` accepts and that the image has a pointer to; the first
/// accepted one when there is no pointer to any.
std::optional<PhysAddr> ChooseInImage(
    const LinuxScene& scene, const LinuxLayout& layout,
    const std::function<bool(PhysAddr, std::span<const std::byte>)>& is_root);

}  // namespace v2p

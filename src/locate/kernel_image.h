// KernelImage: ntoskrnl in virtual memory, found without symbols.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "locate/virtual_reader.h"

namespace v2p {

struct KernelImage {
  VirtAddr base;
  std::uint32_t bytes = 0;  ///< SizeOfImage
  std::string debug_name;   ///< "ntkrnlmp.pdb"; empty when it could not be read
  std::string debug_id;     ///< GUID and age as symbol servers write them; may be empty
};

/// Whether `base` is where ntoskrnl begins: at least two of its export name, an export only it has,
/// the name of its symbols and its section POOLCODE.
std::optional<KernelImage> KernelImageAt(VirtualReader& reader, VirtAddr base);

struct KernelSearch {
  std::optional<KernelImage> image;
  bool incomplete = false;  ///< pages that might have begun it are absent from the image
};

/// Looks below each of `hints` (addresses inside the kernel), then through the tables of the range
/// where kernels are loaded. `slot` is that of the self map.
KernelSearch FindKernelImage(VirtualReader& reader, unsigned slot, std::span<const VirtAddr> hints);

/// Address of an exported name; nothing when the image lacks it or it cannot be read.
std::optional<VirtAddr> FindExport(VirtualReader& reader, const KernelImage& image,
                                   std::string_view name);

}  // namespace v2p

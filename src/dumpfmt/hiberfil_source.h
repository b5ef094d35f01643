// The pages of a hibernation file as one source: sets are decoded when they are read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "base/byte_source.h"
#include "dumpfmt/hiberfil_sets.h"

namespace v2p::hiberfil {

/// Decoded sets that are kept.
inline constexpr std::size_t kSetCacheBytes = std::size_t{32} << 20U;

/// sets.Pages() pages. A set that cannot be decoded is an error of kind kDamaged whenever one of
/// its pages is read; it is never tried again.
std::shared_ptr<const ByteSource> MakeSetSource(std::shared_ptr<const ByteSource> file,
                                                SetTable sets);

}  // namespace v2p::hiberfil

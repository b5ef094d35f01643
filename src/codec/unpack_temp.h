// Unpacks what cannot be read at random into a temporary file without a name.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/byte_source.h"
#include "codec/zstd_source.h"

namespace v2p {

/// The decompressed bytes of `source` in a file that only this process can reach and that ends
/// with the last user of the result. `known_bytes` is how many are known to come: less room than
/// that is refused before anything is written. Pages of zeros take no room.
Result<std::shared_ptr<const ByteSource>> UnpackToTemp(const ByteSource& source,
                                                       std::uint64_t known_bytes,
                                                       const ZstdOptions& options);

}  // namespace v2p

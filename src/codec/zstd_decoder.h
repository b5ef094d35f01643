// A zstd decoder that frees itself.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zstd.h>

#include <memory>

namespace v2p {

struct FreeZstdDecoder {
  void operator()(ZSTD_DCtx* decoder) const { ZSTD_freeDCtx(decoder); }
};
using ZstdDecoder = std::unique_ptr<ZSTD_DCtx, FreeZstdDecoder>;

}  // namespace v2p

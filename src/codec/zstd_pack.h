// Writes seekable zstd: independent frames and a seek table that `zstd -d` skips.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/byte_source.h"

namespace v2p {

struct PackOptions {
  std::uint32_t frame_bytes = 1U << 20U;  ///< decompressed bytes a frame, 64 KiB to 64 MiB
  int level = 3;                          ///< zstd level, 1 to 19
  unsigned threads = 0;                   ///< 0: as many as the machine has
  bool force = false;                     ///< replace an existing output file
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
  std::function<bool()> interrupted;  ///< asked now and then; true stops the run
};

struct PackResult {
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t frames = 0;
};

/// Compresses `source` into `path`. The file appears under its final name only when it is whole:
/// it is written beside it under a temporary name, which an error or an interruption removes.
Result<PackResult> PackZstd(const ByteSource& source, const std::string& path,
                            const PackOptions& options);

}  // namespace v2p

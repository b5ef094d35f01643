// Convert: writes what an image holds in another format.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "dumpfmt/image.h"

namespace v2p {

enum class ConvertTarget : std::uint8_t {
  kRaw,        ///< offset is address, absent memory is a hole; the map stands in OUT.ranges
  kLime,       ///< LiME, a range for each stretch
  kCrashDump,  ///< Windows: bitmap dump (64 bit) or full dump (32 bit)
  kZstd,       ///< as kRaw, in seekable zstd
};

struct ConvertOptions {
  ConvertTarget target = ConvertTarget::kRaw;
  bool force = false;    ///< replace existing output files
  unsigned threads = 0;  ///< 0: as many as the machine has
  /// Crash dumps: the root and mode for the header; default: what the image claims.
  std::optional<DtbClaim> root;
  /// Bytes of memory written so far, then read back, and twice the memory.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
  std::function<bool()> interrupted;  ///< true stops the run (kInterrupted)
};

struct ConvertResult {
  std::uint64_t bytes_written = 0;     ///< of memory
  std::uint64_t stretches = 0;         ///< without a hole
  std::uint64_t unreadable_bytes = 0;  ///< of damaged pages: absent in the output
  std::uint64_t partial_bytes = 0;     ///< of pages present in part, which crash dumps cannot hold
  std::uint64_t file_bytes = 0;
};

/// Writes the memory of `image` (which has some) to `path`, reads it back and compares checksums.
/// The file appears under its final name only when that has succeeded.
Result<ConvertResult> ConvertImage(const Image& image, const std::string& source_name,
                                   const std::string& path, const ConvertOptions& options);

}  // namespace v2p

// Writes seekable zstd: independent frames and a seek table that `zstd -d` skips.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/byte_source.h"
#include "codec/byte_stream.h"

namespace v2p {

struct PackOptions {
  std::uint32_t frame_bytes = 1U << 20U;  ///< decompressed bytes a frame, 64 KiB to 64 MiB
  int level = 3;                          ///< zstd level, 1 to 19
  unsigned threads = 0;                   ///< 0: as many as the machine has
  bool force = false;                     ///< replace an existing output file
  /// Bytes of the input file read so far, and its size.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
  std::function<bool()> interrupted;  ///< asked once a frame; true stops the run (kIo)
};

struct PackResult {
  std::uint64_t bytes_in = 0;  ///< decompressed bytes, when the input is zstd itself
  std::uint64_t bytes_out = 0;
  std::uint64_t frames = 0;
};

/// Compresses `source` into `path`; what is zstd already is decompressed on the way, as a stream,
/// so that any zstd file can be made seekable in bounded memory. The file appears under its final
/// name only when it is whole, on disk and its seek table reads back: until then it stands beside
/// it under a temporary name, which an error or an interruption removes. Its permissions are not
/// wider than the input's.
Result<PackResult> PackZstd(const ByteSource& source, const std::string& path,
                            const PackOptions& options);

/// Where the bytes of a stream come from: for permissions, messages and progress.
struct PackInput {
  std::string name;
  std::uint64_t bytes = 0;  ///< what FileBytesRead() comes to at the end
};

/// Looks at the finished file under its temporary name; a failure keeps it from being published.
using PackCheck = std::function<Status(const std::string& temporary_name)>;

/// The same for bytes from anywhere.
Result<PackResult> PackStream(ByteStream& stream, const PackInput& input, const std::string& path,
                              const PackOptions& options, const PackCheck& check);

}  // namespace v2p

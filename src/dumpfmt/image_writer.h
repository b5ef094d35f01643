// ImageWriter: one output format of conversion. A new one is a file of its own and a line here.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>

#include "codec/new_file.h"
#include "dumpfmt/convert.h"

namespace v2p {

class ImageWriter {
 public:
  virtual ~ImageWriter() = default;

  /// Whether Put may be called from several threads, in any order of address.
  virtual bool AnyOrder() const { return false; }
  /// Bytes at `at`; unless AnyOrder, above all that came before.
  virtual Status Put(PhysAddr at, std::span<const std::byte> bytes) = 0;
  /// Completes the file.
  virtual Status Finish() = 0;
};

Result<std::unique_ptr<ImageWriter>> MakeRawWriter(NewFile& file, PhysAddr end);
std::unique_ptr<ImageWriter> MakeLimeWriter(NewFile& file);
/// Refuses (kUsage) when no root or mode is known, or 32-bit memory has too many stretches.
Result<std::unique_ptr<ImageWriter>> MakeCrashDumpWriter(NewFile& file, const Image& image,
                                                         const ConvertOptions& options);

}  // namespace v2p

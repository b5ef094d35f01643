// A file on disk: read with pread where a short file must be an error, mapped for page lookups.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/byte_source.h"

namespace v2p {

/// Opens `path` read-only and maps it. Fails with kIo and the system's reason. Directories and
/// pipes are refused; block devices are read without a mapping.
Result<std::shared_ptr<const ByteSource>> OpenFile(const std::string& path);

/// A live mapping that `address` falls into, for a fault handler; async-signal-safe.
struct MappedRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};
bool FindMapping(std::uintptr_t address, MappedRange* range);

}  // namespace v2p

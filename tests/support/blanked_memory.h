// Memory of an image file with some of its bytes overwritten: a private copy-on-write mapping, so
// that a gigabyte need not be copied and the file stays as it is.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/physical_memory.h"

namespace v2p::test {

struct BlankedMemory {
  std::unique_ptr<PhysicalMemory> memory;
  std::size_t places = 0;  ///< that were overwritten
};

/// `memory` is of the uncompressed image at `path`. Every text that begins with `start` is
/// overwritten to its terminating zero.
BlankedMemory Blank(const PhysicalMemory& memory, const std::string& path, std::string_view start);

}  // namespace v2p::test

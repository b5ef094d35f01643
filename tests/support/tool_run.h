// Running the tool, and files for it to read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "support/sparse_memory.h"

namespace v2p::test {

struct Outcome {
  int status = -1;
  std::string out;  ///< both streams
};

/// Through the shell: `arguments` may redirect.
Outcome RunTool(const std::string& arguments);

/// The pages at their places in a sparse file.
void WriteRaw(const SparseMemory& memory, const std::string& path);

}  // namespace v2p::test

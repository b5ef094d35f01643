// The files of schema/, built into the program.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace v2p::cli {

struct EmbeddedSchema {
  std::string_view name;  ///< "v2p.translation/1"
  std::string_view text;
};

/// Sorted by name. Defined in a file that CMake generates from schema/*.json.
std::span<const EmbeddedSchema> Schemas();

}  // namespace v2p::cli

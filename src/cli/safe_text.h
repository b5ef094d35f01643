// Makes text from images and file names safe for a terminal and for JSON.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace v2p::cli {

/// One decoded character. `valid` is false for a byte that is no UTF-8; `code` is then that byte.
struct Utf8Step {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

/// Decodes the character at the start of `text`, which is not empty.
Utf8Step DecodeUtf8(std::string_view text);

/// Whether a terminal must not see the character raw: controls, and the marks that reorder text.
bool IsUnsafe(std::uint32_t code);

/// `text` with unsafe characters and bytes that are no UTF-8 written as \xNN or \u{NNNN}.
std::string SafeText(std::string_view text);

}  // namespace v2p::cli

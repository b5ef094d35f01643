// Makes text from images and file names safe for a terminal and for JSON.
// SPDX-License-Identifier: Apache-2.0
#include "cli/safe_text.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace v2p::cli {
namespace {

std::uint8_t ByteAt(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

// Length of a sequence by its first byte (RFC 3629); 0 for a byte that starts none.
std::size_t SequenceLength(std::uint8_t first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

}  // namespace

Utf8Step DecodeUtf8(std::string_view text) {
  const std::uint8_t first = ByteAt(text, 0);
  const Utf8Step bad{first, 1, false};
  const std::size_t length = SequenceLength(first);
  if (length == 0 || length > text.size()) return bad;
  if (length == 1) return {first, 1, true};
  std::uint32_t code = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((ByteAt(text, i) & 0xC0U) != 0x80) return bad;
    code = code << 6U | (ByteAt(text, i) & 0x3FU);
  }
  constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kSmallest[length] || code > 0x10FFFF || surrogate) return bad;
  return {code, length, true};
}

bool IsUnsafe(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

std::string SafeText(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const Utf8Step step = DecodeUtf8(text);
    if (!step.valid || (IsUnsafe(step.code) && step.code < 0x80)) {
      fmt::format_to(std::back_inserter(safe), "\\x{:02x}", step.code);
    } else if (IsUnsafe(step.code)) {
      fmt::format_to(std::back_inserter(safe), "\\u{{{:04x}}}", step.code);
    } else {
      safe.append(text.substr(0, step.bytes));
    }
    text.remove_prefix(step.bytes);
  }
  return safe;
}

}  // namespace v2p::cli

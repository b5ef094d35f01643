// Writes JSON as a stream: results leave as they come, so no document is ever built in memory.
// SPDX-License-Identifier: Apache-2.0
#include "cli/json_writer.h"

#include <fmt/format.h>

#include <iterator>

#include "cli/safe_text.h"

namespace v2p::cli {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

void AppendEscape(std::uint32_t code, std::string* out) {
  if (code >= 0x10000) {  // a surrogate pair, as JSON wants it (RFC 8259, section 7)
    const std::uint32_t rest = code - 0x10000;
    fmt::format_to(std::back_inserter(*out), "\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10U),
                   0xDC00 + (rest & 0x3FFU));
  } else {
    fmt::format_to(std::back_inserter(*out), "\\u{:04x}", code);
  }
}

}  // namespace

void JsonWriter::Separate() {
  if (need_comma_) out_->push_back(',');
  if (line_break_) out_->push_back('\n');
  need_comma_ = true;
  line_break_ = false;
}

void JsonWriter::Open(char bracket) {
  Separate();
  out_->push_back(bracket);
  need_comma_ = false;
}

void JsonWriter::Close(char bracket) {
  if (line_break_) out_->push_back('\n');
  line_break_ = false;
  out_->push_back(bracket);
  need_comma_ = true;
}

void JsonWriter::Key(std::string_view key) {
  String(key);
  out_->push_back(':');
  need_comma_ = false;
}

void JsonWriter::Null() {
  Separate();
  out_->append("null");
}

void JsonWriter::Bool(bool value) {
  Separate();
  out_->append(value ? "true" : "false");
}

void JsonWriter::Number(std::uint64_t value) {
  Separate();
  out_->append(fmt::format_int(value).c_str());
}

void JsonWriter::Hex(std::uint64_t value, unsigned digits) {
  Separate();
  out_->append("\"0x");
  for (unsigned shift = digits * 4; shift > 0; shift -= 4) {
    out_->push_back("0123456789abcdef"[(value >> (shift - 4)) & 0xFU]);
  }
  out_->push_back('"');
}

void JsonWriter::String(std::string_view value) {
  Separate();
  out_->push_back('"');
  while (!value.empty()) {
    const Utf8Step step = DecodeUtf8(value);
    if (!step.valid) {
      AppendEscape(kReplacement, out_);
    } else if (step.code == '"' || step.code == '\\') {
      out_->push_back('\\');
      out_->push_back(static_cast<char>(step.code));
    } else if (step.code < 0x20 || step.code >= 0x7F) {
      AppendEscape(step.code, out_);
    } else {
      out_->push_back(static_cast<char>(step.code));
    }
    value.remove_prefix(step.bytes);
  }
  out_->push_back('"');
}

void JsonWriter::NumberMember(std::string_view key, std::optional<std::uint64_t> value) {
  Key(key);
  value ? Number(*value) : Null();
}

void JsonWriter::HexMember(std::string_view key, std::optional<std::uint64_t> value,
                           unsigned digits) {
  Key(key);
  value ? Hex(*value, digits) : Null();
}

}  // namespace v2p::cli

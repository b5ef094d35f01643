// Writes JSON as a stream: results leave as they come, so no document is ever built in memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace v2p::cli {

/// Appends compact JSON to a string that its user may drain between calls. Output is pure ASCII;
/// bytes that are no UTF-8 become U+FFFD. The caller keeps Begin and End in pairs.
class JsonWriter {
 public:
  explicit JsonWriter(std::string* out) : out_(out) {}

  void BeginObject() { Open('{'); }
  void EndObject() { Close('}'); }
  void BeginArray() { Open('['); }
  void EndArray() { Close(']'); }
  void Key(std::string_view key);

  void Null();
  void Bool(bool value);
  void Number(std::uint64_t value);
  void String(std::string_view value);
  /// "0x" and `digits` lower-case hexadecimal digits: how addresses and entries are written.
  void Hex(std::uint64_t value, unsigned digits = 16);
  /// A line break before the next element of an array.
  void NextLine() { line_break_ = true; }

  void Member(std::string_view key, std::string_view value) { Key(key), String(value); }
  void NumberMember(std::string_view key, std::optional<std::uint64_t> value);
  void HexMember(std::string_view key, std::optional<std::uint64_t> value, unsigned digits = 16);
  void BoolMember(std::string_view key, bool value) { Key(key), Bool(value); }
  void NullMember(std::string_view key) { Key(key), Null(); }

 private:
  void Open(char bracket);
  void Close(char bracket);
  void Separate();

  std::string* out_;
  bool need_comma_ = false;
  bool line_break_ = false;
};

}  // namespace v2p::cli

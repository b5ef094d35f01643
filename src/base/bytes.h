// Bounds-checked little-endian reads: the only way parsers touch file bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "base/checked_math.h"

namespace v2p {

static_assert(std::endian::native == std::endian::little, "file integers are little-endian");

/// Little-endian T at `p`, which has sizeof(T) readable bytes and any alignment.
template <class T>
T LoadLe(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

/// Stores `value` at `p`, which has room for it, little-endian.
template <class T>
void StoreLe(std::byte* p, T value) {
  std::memcpy(p, &value, sizeof value);
}

/// Little-endian T at `offset`, or nothing when it does not fit.
template <class T>
std::optional<T> TryLoad(std::span<const std::byte> bytes, std::uint64_t offset) {
  if (!Inside(offset, sizeof(T), bytes.size())) return std::nullopt;
  return LoadLe<T>(bytes.data() + offset);
}

/// Whether `bytes` has `text` at `offset`.
bool HasText(std::span<const std::byte> bytes, std::uint64_t offset, std::string_view text);

/// A fixed-size structure read from a file. Field offsets come from layout constants, so one that
/// lies outside is a mistake in this program: it terminates rather than reads something else.
class Record {
 public:
  Record() = default;
  Record(std::uint64_t at, std::vector<std::byte> bytes) : at_(at), bytes_(std::move(bytes)) {}

  std::uint8_t U8(std::size_t offset) const { return Get<std::uint8_t>(offset); }
  std::uint16_t U16(std::size_t offset) const { return Get<std::uint16_t>(offset); }
  std::uint32_t U32(std::size_t offset) const { return Get<std::uint32_t>(offset); }
  std::uint64_t U64(std::size_t offset) const { return Get<std::uint64_t>(offset); }
  /// Text up to NUL or `length`, whichever is first; raw bytes, not yet safe for a terminal.
  std::string Text(std::size_t offset, std::size_t length) const;

  std::span<const std::byte> Bytes() const { return bytes_; }
  std::size_t Size() const { return bytes_.size(); }
  /// Where in the file the field at `offset` stands, for error messages.
  FileOffset At(std::size_t offset) const { return FileOffset(at_ + offset); }

 private:
  template <class T>
  T Get(std::size_t offset) const {
    const auto value = TryLoad<T>(bytes_, offset);
    if (!value) OutOfBounds();
    return *value;
  }
  [[noreturn]] static void OutOfBounds();

  std::uint64_t at_ = 0;
  std::vector<std::byte> bytes_;
};

/// Reads `size` bytes at `offset`; kTruncated naming `what` when the file ends first.
/// `size` is a layout constant or already checked against the file.
Result<Record> ReadRecord(const ByteSource& source, std::uint64_t offset, std::size_t size,
                          std::string_view what);

}  // namespace v2p

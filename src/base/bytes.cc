// Checked reads of records and exact lengths.
// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <fmt/format.h>

#include <exception>

namespace v2p {

bool HasText(std::span<const std::byte> bytes, std::uint64_t offset, std::string_view text) {
  return Inside(offset, text.size(), bytes.size()) &&
         std::memcmp(bytes.data() + offset, text.data(), text.size()) == 0;
}

std::string Record::Text(std::size_t offset, std::size_t length) const {
  if (!Inside(offset, length, bytes_.size())) OutOfBounds();
  if (length == 0) return {};  // an empty record has no address to copy from
  std::string text(length, '\0');
  std::memcpy(text.data(), bytes_.data() + offset, length);
  return text.substr(0, text.find('\0'));
}

void Record::OutOfBounds() { std::terminate(); }

Status ReadExactly(const ByteSource& source, std::uint64_t offset, std::span<std::byte> out,
                   std::string_view what) {
  const auto got = source.ReadAt(offset, out);
  if (!got) return tl::unexpected<Error>(got.error());
  if (*got == out.size()) return {};
  return Fail(
      ErrorKind::kTruncated,
      fmt::format("{} needs {} bytes, the file ends at {:#x}", what, out.size(), source.Size()),
      FileOffset(offset));
}

Result<Record> ReadRecord(const ByteSource& source, std::uint64_t offset, std::size_t size,
                          std::string_view what) {
  std::vector<std::byte> bytes(size);
  if (auto status = ReadExactly(source, offset, bytes, what); !status) {
    return tl::unexpected<Error>(std::move(status).error());
  }
  return Record(offset, std::move(bytes));
}

}  // namespace v2p

// Reads zstd frame and block headers.
// SPDX-License-Identifier: Apache-2.0
#include "codec/zstd_frame.h"

#include <algorithm>

#include "base/bytes.h"

namespace v2p {
namespace {

tl::unexpected<Error> Truncated(std::uint64_t frame_at) {
  return Fail(ErrorKind::kTruncated, "the file ends inside a zstd frame", FileOffset(frame_at));
}

// RFC 8878 section 3.1.1.1: a descriptor after the magic number, then fields whose widths it gives.
Result<ZstdFrameHeader> ParseHeader(std::span<const std::byte> head, std::uint64_t at) {
  const auto descriptor = TryLoad<std::uint8_t>(head, 4);
  if (!descriptor) return Truncated(at);
  const unsigned bits = *descriptor;
  if ((bits & 0x08U) != 0) {
    return Fail(ErrorKind::kCorrupt, "a reserved bit is set in a zstd frame header",
                FileOffset(at + 4));
  }
  constexpr std::array<std::size_t, 4> kDictionaryBytes = {0, 1, 2, 4};
  constexpr std::array<std::size_t, 4> kContentBytes = {0, 2, 4, 8};
  const bool single_segment = (bits & 0x20U) != 0;
  const std::size_t dictionary_at = single_segment ? 5 : 6;
  const std::size_t content_at = dictionary_at + kDictionaryBytes[bits & 3U];
  const std::size_t narrow = single_segment ? 1 : 0;
  const std::size_t width = bits >> 6U == 0 ? narrow : kContentBytes[bits >> 6U];
  if (head.size() < content_at + width) return Truncated(at);
  ZstdFrameHeader header;
  header.at = at;
  header.header_bytes = content_at + width;
  header.checksum = (bits & 0x04U) != 0;
  if (width != 0) {
    std::uint64_t value = width == 2 ? 256 : 0;
    for (std::size_t i = 0; i < width; ++i) {
      value += std::to_integer<std::uint64_t>(head[content_at + i]) << (8 * i);
    }
    header.content_bytes = value;
  }
  return header;
}

}  // namespace

Result<std::span<const std::byte>> ZstdHeaderReader::Peek(std::uint64_t at, std::size_t most) {
  const std::size_t want =
      static_cast<std::size_t>(std::min<std::uint64_t>(most, source_.Size() - at));
  if (!Inside(at - begin_, want, size_)) {  // wraps, and so lies outside, when at is before begin_
    const auto got = source_.ReadAt(at, buffer_);
    if (!got) return tl::unexpected<Error>(got.error());
    begin_ = at;
    size_ = *got;
  }
  const std::span<const std::byte> held(buffer_.data(), size_);
  const auto from = held.subspan(static_cast<std::size_t>(at - begin_));
  return from.first(std::min(want, from.size()));
}

Result<ZstdFrameHeader> ZstdHeaderReader::FrameAt(std::uint64_t at) {
  constexpr std::size_t kLongestHeader = 18;
  const auto head = Peek(at, kLongestHeader);
  if (!head) return tl::unexpected<Error>(head.error());
  const auto magic = TryLoad<std::uint32_t>(*head, 0);
  if (!magic) return Truncated(at);
  if (*magic == kZstdMagic) return ParseHeader(*head, at);
  if (!IsSkippable(*magic)) {
    return Fail(ErrorKind::kCorrupt, "there is no zstd frame where one should be", FileOffset(at));
  }
  const auto skipped = TryLoad<std::uint32_t>(*head, 4);
  if (!skipped) return Truncated(at);
  ZstdFrameHeader header;
  header.at = at;
  header.skippable = true;
  header.header_bytes = 8;
  header.skipped_bytes = *skipped;
  header.content_bytes = 0;
  return header;
}

Result<std::uint64_t> ZstdHeaderReader::EndOf(const ZstdFrameHeader& frame) {
  auto blocks_end =
      frame.skippable ? frame.at + frame.header_bytes + frame.skipped_bytes : EndOfBlocks(frame);
  if (!blocks_end) return blocks_end;
  const std::uint64_t end = *blocks_end + (frame.checksum ? 4 : 0);
  if (end > source_.Size()) return Truncated(frame.at);
  return end;
}

// RFC 8878 section 3.1.1.2: three bytes before each block say whether it is the last (bit 0), its
// type (bits 1 and 2: raw, RLE, compressed, reserved) and its size.
Result<std::uint64_t> ZstdHeaderReader::EndOfBlocks(const ZstdFrameHeader& frame) {
  std::uint64_t at = frame.at + frame.header_bytes;
  for (bool last = false; !last;) {
    if (!Inside(at, 3, source_.Size())) return Truncated(frame.at);
    const auto head = Peek(at, 3);
    if (!head) return tl::unexpected<Error>(head.error());
    if (head->size() < 3) return Truncated(frame.at);
    const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>((*head)[i]); };
    const std::uint32_t word = byte(0) | byte(1) << 8U | byte(2) << 16U;
    const std::uint32_t type = (word >> 1U) & 3U;
    const std::uint32_t size = word >> 3U;
    const bool holds_what_it_may = size == 0 || frame.content_bytes != 0;
    if (type == 3 || size > kMaxZstdBlockBytes || !holds_what_it_may) {
      return Fail(ErrorKind::kCorrupt, "a zstd block header is not valid", FileOffset(at));
    }
    last = (word & 1U) != 0;
    at += 3 + std::uint64_t{type == 1 ? 1 : size};
  }
  return at;
}

}  // namespace v2p

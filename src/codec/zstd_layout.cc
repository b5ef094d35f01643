// Reads seek tables, and walks zstd frame and block headers without decompressing.
// SPDX-License-Identifier: Apache-2.0
#include "codec/zstd_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.h"

namespace v2p {
namespace {

constexpr std::uint64_t kMaxBlockBytes = 128U << 10U;  // RFC 8878 section 3.1.1.2.4
constexpr std::uint64_t kMinBlockBytes = 4;            // a block header and one byte to repeat

// Appends a frame after checking that its sizes can be true, so that nothing is ever allocated
// that the file does not justify.
Status AddFrame(ZstdLayout& layout, ZstdFrame frame, std::uint64_t stored, std::uint64_t bytes) {
  const std::uint64_t blocks = (bytes + kMaxBlockBytes - 1) / kMaxBlockBytes;
  if (blocks > stored / kMinBlockBytes) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("a zstd frame of {} bytes cannot hold {} bytes", stored, bytes),
                FileOffset(frame.at));
  }
  if (bytes == 0) return {};
  const auto end = CheckedAdd(layout.bytes, bytes);
  if (!end) {
    return Fail(ErrorKind::kCorrupt, "zstd frame sizes add up to more than 2^64",
                FileOffset(frame.at));
  }
  frame.begin = layout.bytes;
  layout.bytes = *end;
  if (bytes > kMaxZstdFrameBytes) layout.obstacle = "one zstd frame of " + HumanBytes(bytes);
  if (!layout.obstacle.empty()) return {};
  if (stored > 2 * bytes + kMaxBlockBytes) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("a zstd frame of {} bytes holds only {} bytes", stored, bytes),
                FileOffset(frame.at));
  }
  frame.stored = static_cast<std::uint32_t>(stored);
  frame.bytes = static_cast<std::uint32_t>(bytes);
  layout.frames.push_back(frame);
  return {};
}

struct SeekTable {
  std::uint64_t frame_at = 0;  // of the skippable frame that holds it; data frames end here
  std::uint32_t frames = 0;
  bool checksums = false;
};

// The seek table at the end of the file, or nothing when there is none.
Result<std::optional<SeekTable>> FindSeekTable(const ByteSource& source) {
  constexpr std::uint64_t kHeaderBytes = 8;
  if (source.Size() < kHeaderBytes + kSeekFooterBytes) return std::nullopt;
  const std::uint64_t footer_at = source.Size() - kSeekFooterBytes;
  const auto footer = ReadRecord(source, footer_at, kSeekFooterBytes, "zstd seek table footer");
  if (!footer) return tl::unexpected<Error>(footer.error());
  if (footer->U32(5) != kSeekFooterMagic) return std::nullopt;

  const auto corrupt = [](const char* what, std::uint64_t at) {
    return Fail(ErrorKind::kCorrupt, what, FileOffset(at));
  };
  const std::uint32_t frames = footer->U32(0);
  const unsigned descriptor = footer->U8(4);
  if ((descriptor & 0x7CU) != 0) {
    return corrupt("reserved bits are set in the zstd seek table", footer_at + 4);
  }
  const bool checksums = (descriptor & kSeekChecksumBit) != 0;
  const std::uint64_t table_bytes = std::uint64_t{frames} * (checksums ? 12 : 8) + kSeekFooterBytes;
  if (frames > kSeekMaxFrames || table_bytes + kHeaderBytes > source.Size()) {
    return corrupt("the zstd seek table has more frames than the file can hold", footer_at);
  }
  const std::uint64_t frame_at = source.Size() - table_bytes - kHeaderBytes;
  const auto header = ReadRecord(source, frame_at, kHeaderBytes, "zstd seek table header");
  if (!header) return tl::unexpected<Error>(header.error());
  if (header->U32(0) != kSeekTableMagic || header->U32(4) != table_bytes) {
    return corrupt("the zstd seek table does not begin where its footer says", frame_at);
  }
  return SeekTable{frame_at, frames, checksums};
}

Result<ZstdLayout> ReadSeekTable(const ByteSource& source, const SeekTable& table) {
  ZstdLayout layout;
  layout.checksums = table.checksums;
  const std::size_t entry_bytes = table.checksums ? 12 : 8;
  constexpr std::size_t kEntriesPerRead = 4096;
  std::vector<std::byte> buffer(entry_bytes * kEntriesPerRead);
  std::uint64_t frame_at = 0;
  std::uint64_t entry_at = table.frame_at + 8;
  for (std::uint64_t done = 0; done < table.frames;) {
    const std::uint64_t count = std::min<std::uint64_t>(kEntriesPerRead, table.frames - done);
    const std::span entries(buffer.data(), static_cast<std::size_t>(count) * entry_bytes);
    if (auto read = ReadExactly(source, entry_at, entries, "zstd seek table"); !read) {
      return tl::unexpected<Error>(read.error());
    }
    for (const std::byte* p = entries.data(); p != entries.data() + entries.size();
         p += entry_bytes) {
      const std::uint32_t stored = LoadLe<std::uint32_t>(p);
      const std::uint32_t bytes = LoadLe<std::uint32_t>(p + 4);
      ZstdFrame frame;
      frame.at = frame_at;
      if (table.checksums) frame.checksum = LoadLe<std::uint32_t>(p + 8);
      if (auto added = AddFrame(layout, frame, stored, bytes); !added) {
        return tl::unexpected<Error>(added.error());
      }
      frame_at += stored;  // 2^27 entries of 2^32 bytes do not wrap
    }
    done += count;
    entry_at += entries.size();
  }
  if (frame_at != table.frame_at) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("the frames of the zstd seek table end at 0x{:x}, not where it begins",
                            frame_at),
                FileOffset(table.frame_at));
  }
  return layout;
}

// Small reads going forward, several served by one read when headers are close together.
class HeaderReader {
 public:
  explicit HeaderReader(const ByteSource& source) : source_(source) {}

  // Up to `most` bytes at `at`; fewer only at the end of the file.
  Result<std::span<const std::byte>> Peek(std::uint64_t at, std::size_t most) {
    const std::size_t want =
        static_cast<std::size_t>(std::min<std::uint64_t>(most, source_.Size() - at));
    if (at < begin_ || at - begin_ > size_ || size_ - (at - begin_) < want) {
      const auto got = source_.ReadAt(at, buffer_);
      if (!got) return tl::unexpected<Error>(got.error());
      begin_ = at;
      size_ = *got;
    }
    const std::span<const std::byte> held(buffer_.data(), size_);
    return held.subspan(static_cast<std::size_t>(at - begin_), std::min(want, held.size()));
  }

 private:
  const ByteSource& source_;
  std::array<std::byte, 512> buffer_{};
  std::uint64_t begin_ = 0;
  std::size_t size_ = 0;
};

struct FrameHeader {
  std::size_t header_bytes = 0;
  std::optional<std::uint64_t> content_bytes;
  bool checksum = false;
};

// RFC 8878 section 3.1.1.1. Nothing when the header is cut short.
Result<std::optional<FrameHeader>> ParseFrameHeader(std::span<const std::byte> head,
                                                    std::uint64_t at) {
  const auto descriptor = TryLoad<std::uint8_t>(head, 4);
  if (!descriptor) return std::nullopt;
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
  const std::size_t content_width =
      bits >> 6U == 0 ? (single_segment ? 1 : 0) : kContentBytes[bits >> 6U];
  FrameHeader header;
  header.header_bytes = content_at + content_width;
  header.checksum = (bits & 0x04U) != 0;
  if (head.size() < header.header_bytes) return std::nullopt;
  if (content_width != 0) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < content_width; ++i) {
      value |= std::to_integer<std::uint64_t>(head[content_at + i]) << (8 * i);
    }
    header.content_bytes = content_width == 2 ? value + 256 : value;
  }
  return header;
}

class FrameWalk {
 public:
  explicit FrameWalk(const ByteSource& source) : source_(source), reader_(source) {}

  Result<ZstdLayout> Run() {
    while (at_ < source_.Size() && layout_.obstacle.empty()) {
      if (auto step = Step(); !step) return tl::unexpected<Error>(step.error());
    }
    return std::move(layout_);
  }

 private:
  tl::unexpected<Error> Truncated() const {
    return Fail(ErrorKind::kTruncated, "the file ends inside a zstd frame", FileOffset(at_));
  }

  Status Step() {
    constexpr std::size_t kLongestHeader = 18;
    const auto head = reader_.Peek(at_, kLongestHeader);
    if (!head) return tl::unexpected<Error>(head.error());
    const auto magic = TryLoad<std::uint32_t>(*head, 0);
    if (!magic) return Truncated();
    if ((*magic & 0xFFFFFFF0U) == kSkippableMagic) return Skip(TryLoad<std::uint32_t>(*head, 4));
    if (*magic != kZstdMagic) {
      return Fail(ErrorKind::kCorrupt, "no zstd frame follows here", FileOffset(at_));
    }
    const auto header = ParseFrameHeader(*head, at_);
    if (!header) return tl::unexpected<Error>(header.error());
    if (!*header) return Truncated();
    return Frame(**header);
  }

  Status Skip(std::optional<std::uint32_t> bytes) {
    if (!bytes || !Inside(at_, std::uint64_t{*bytes} + 8, source_.Size())) return Truncated();
    at_ += std::uint64_t{*bytes} + 8;
    return {};
  }

  Status Frame(const FrameHeader& header) {
    if (!header.content_bytes) {
      layout_.obstacle = "a zstd frame that does not tell its size";
      return {};
    }
    if (*header.content_bytes > kMaxZstdFrameBytes) {  // not walked: it has a block per 128 KiB
      layout_.obstacle = "one zstd frame of " + HumanBytes(*header.content_bytes);
      layout_.bytes = CheckedAdd(layout_.bytes, *header.content_bytes).value_or(~std::uint64_t{0});
      return {};
    }
    const auto end = EndOfBlocks(at_ + header.header_bytes, *header.content_bytes);
    if (!end) return tl::unexpected<Error>(end.error());
    const std::uint64_t stored = *end - at_ + (header.checksum ? 4 : 0);
    if (!Inside(at_, stored, source_.Size())) return Truncated();
    ZstdFrame frame;
    frame.at = at_;
    at_ += stored;
    return AddFrame(layout_, frame, stored, *header.content_bytes);
  }

  // RFC 8878 section 3.1.1.2: three bytes before each block say whether it is the last (bit 0),
  // its type (bits 1 and 2: raw, RLE, compressed, reserved) and its size.
  Result<std::uint64_t> EndOfBlocks(std::uint64_t at, std::uint64_t content_bytes) {
    for (bool last = false; !last;) {
      if (!Inside(at, 3, source_.Size())) return Truncated();
      const auto head = reader_.Peek(at, 3);
      if (!head) return tl::unexpected<Error>(head.error());
      if (head->size() < 3) return Truncated();
      const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>((*head)[i]); };
      const std::uint32_t word = byte(0) | byte(1) << 8U | byte(2) << 16U;
      const std::uint32_t type = (word >> 1U) & 3U;
      const std::uint32_t size = word >> 3U;
      if (type == 3 || size > kMaxBlockBytes || (content_bytes == 0 && size != 0)) {
        return Fail(ErrorKind::kCorrupt, "a zstd block header is not valid", FileOffset(at));
      }
      last = (word & 1U) != 0;
      at += 3 + std::uint64_t{type == 1 ? 1 : size};
    }
    return at;
  }

  const ByteSource& source_;
  HeaderReader reader_;
  ZstdLayout layout_;
  std::uint64_t at_ = 0;
};

}  // namespace

Result<ZstdLayout> ReadZstdLayout(const ByteSource& source) {
  const auto table = FindSeekTable(source);
  if (!table) return tl::unexpected<Error>(table.error());
  return *table ? ReadSeekTable(source, **table) : FrameWalk(source).Run();
}

std::string HumanBytes(std::uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.3g} {}", value, kUnits[unit]);
}

}  // namespace v2p

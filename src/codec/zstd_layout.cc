// Seek tables, and frames that tell their sizes one after the other.
// SPDX-License-Identifier: Apache-2.0
#include "codec/zstd_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "codec/zstd_frame.h"

namespace v2p {
namespace {

// Appends a frame after checking that its sizes can be true, so that nothing is ever allocated
// that the file does not justify.
Status AddFrame(ZstdLayout& layout, ZstdFrame frame, std::uint64_t stored, std::uint64_t bytes) {
  const std::uint64_t blocks = (bytes + kMaxZstdBlockBytes - 1) / kMaxZstdBlockBytes;
  if (blocks > stored / kMinZstdBlockBytes) {
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
  if (stored > 2 * bytes + kMaxZstdBlockBytes) {
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

// Takes the entries of a seek table one by one.
class TableReader {
 public:
  TableReader(const ByteSource& source, const SeekTable& table) : table_(table), headers_(source) {
    layout_.checksums = table.checksums;
  }

  Status Add(const std::byte* entry) {
    const std::uint32_t stored = LoadLe<std::uint32_t>(entry);
    const std::uint32_t bytes = LoadLe<std::uint32_t>(entry + 4);
    ZstdFrame frame;
    frame.at = frame_at_;
    if (table_.checksums) frame.checksum = LoadLe<std::uint32_t>(entry + 8);
    if (auto told = Compare(stored, bytes); !told) return told;
    frame_at_ += stored;  // 2^27 entries of 2^32 bytes do not wrap
    return AddFrame(layout_, frame, stored, bytes);
  }

  Result<ZstdLayout> Finish() {
    if (frame_at_ == table_.frame_at) return std::move(layout_);
    return Fail(ErrorKind::kCorrupt,
                fmt::format("the frames of the zstd seek table end at 0x{:x}, not where it begins",
                            frame_at_),
                FileOffset(table_.frame_at));
  }

 private:
  // A wrong size would shift all that follows, and no checksum would notice. A size that differs
  // from the one before is held against the frame's own; writers use one size throughout, so that
  // this is the first and the last frame, and any that was changed.
  Status Compare(std::uint32_t stored, std::uint32_t bytes) {
    if (std::exchange(previous_bytes_, bytes) == bytes || stored == 0) return {};
    if (!Inside(frame_at_, stored, table_.frame_at)) return {};  // Finish has the reason
    auto header = headers_.FrameAt(frame_at_);
    if (!header) return tl::unexpected<Error>(header.error());
    if (!header->content_bytes) {
      if (bytes != 0) return {};
      header->content_bytes = 0;  // its blocks have to bear it out
      const auto end = headers_.EndOf(*header);
      return end ? Status() : tl::unexpected<Error>(end.error());
    }
    // A skippable frame may come first in an entry, before the data.
    if (header->skippable && bytes != 0) return {};
    if (header->content_bytes == bytes) return {};
    return Fail(
        ErrorKind::kCorrupt,
        fmt::format("the zstd seek table gives {} bytes to a frame that tells otherwise", bytes),
        FileOffset(frame_at_));
  }

  const SeekTable& table_;
  ZstdHeaderReader headers_;
  ZstdLayout layout_;
  std::uint64_t frame_at_ = 0;
  std::optional<std::uint32_t> previous_bytes_;
};

Result<ZstdLayout> ReadSeekTable(const ByteSource& source, const SeekTable& table) {
  TableReader reader(source, table);
  const std::size_t entry_bytes = table.checksums ? 12 : 8;
  constexpr std::uint64_t kEntriesPerRead = 4096;
  std::vector<std::byte> buffer;
  std::uint64_t entry_at = table.frame_at + 8;
  for (std::uint64_t left = table.frames; left > 0;) {
    const std::uint64_t count = std::min(kEntriesPerRead, left);
    buffer.resize(static_cast<std::size_t>(count) * entry_bytes);
    if (auto read = ReadExactly(source, entry_at, buffer, "zstd seek table"); !read) {
      return tl::unexpected<Error>(read.error());
    }
    for (std::size_t at = 0; at < buffer.size(); at += entry_bytes) {
      if (auto added = reader.Add(buffer.data() + at); !added) {
        return tl::unexpected<Error>(added.error());
      }
    }
    left -= count;
    entry_at += buffer.size();
  }
  return reader.Finish();
}

// Frames one after the other, each telling its size; stops at the first that is an obstacle.
Result<ZstdLayout> WalkFrames(const ByteSource& source) {
  ZstdLayout layout;
  ZstdHeaderReader reader(source);
  std::uint64_t at = 0;
  while (at < source.Size() && layout.obstacle.empty()) {
    const auto header = reader.FrameAt(at);
    if (!header) return tl::unexpected<Error>(header.error());
    if (!header->content_bytes) {
      layout.obstacle = "a zstd frame that does not tell its size";
      break;
    }
    if (*header->content_bytes > kMaxZstdFrameBytes) {  // not walked: it has a block per 128 KiB
      layout.obstacle = "one zstd frame of " + HumanBytes(*header->content_bytes);
      layout.bytes = CheckedAdd(layout.bytes, *header->content_bytes).value_or(~std::uint64_t{0});
      break;
    }
    const auto end = reader.EndOf(*header);
    if (!end) return tl::unexpected<Error>(end.error());
    ZstdFrame frame;
    frame.at = at;
    if (auto added = AddFrame(layout, frame, *end - at, *header->content_bytes); !added) {
      return tl::unexpected<Error>(added.error());
    }
    at = *end;
  }
  return layout;
}

}  // namespace

Result<ZstdLayout> ReadZstdLayout(const ByteSource& source) {
  const auto table = FindSeekTable(source);
  if (!table) return tl::unexpected<Error>(table.error());
  return *table ? ReadSeekTable(source, **table) : WalkFrames(source);
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

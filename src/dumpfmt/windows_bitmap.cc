// Bitmap layouts: SDMP of Windows 2000 to 7, SDMP and FDMP since Windows 8.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/checked_math.h"
#include "dumpfmt/windows_pages.h"

namespace v2p::windows {
namespace {

constexpr std::size_t kSecondSignatureBytes = 4;
constexpr std::size_t kDumpOptionsAt = 0x08;

// ntddk's SUMMARY_DUMP32 and SUMMARY_DUMP64 with an RTL_BITMAP inside, as in symbols of Windows 7.
constexpr std::size_t kLegacyFirstPageAt = 0x0C;
constexpr std::size_t kLegacyBitsAt = 0x10;
constexpr std::size_t kLegacyPagesAt = 0x14;
constexpr std::size_t kLegacySizeOfBitMapAt = 0x18;
constexpr std::size_t kLegacyBitmapAt32 = 0x20;
constexpr std::size_t kLegacyBitmapAt64 = 0x28;

// 64 TiB of physical memory: more than any dump seen, and a bound on what a hostile
// header can make the rank index allocate (1 GiB for a bitmap of 2 GiB).
constexpr std::uint64_t kMaxBits = std::uint64_t{1} << 34U;
// 8 TiB where the bits are copied too: compressed, a bitmap of zeros is next to nothing.
constexpr std::uint64_t kMaxCopiedBits = std::uint64_t{1} << 31U;

// RankIndex counts with 32 bits: 16 TiB of stored pages.
constexpr std::uint64_t kMaxStoredPages = std::uint64_t{1} << 32U;

struct BitmapHeader {
  std::uint64_t first_page = 0;
  std::uint64_t bits = 0;
  std::optional<std::uint64_t> pages;  // set bits, as the header counts them
  std::uint64_t bitmap_at = 0;
  std::optional<std::uint32_t> options;
  std::string signature;
  FileOffset bits_field, first_page_field;

  std::uint64_t BitmapBytes() const { return bits / 8 + (bits % 8 != 0 ? 1 : 0); }
  std::uint64_t BitmapEnd() const { return bitmap_at + BitmapBytes(); }  // bits are capped
};

Result<Record> ReadSecond(const ByteSource& source, const WindowsHeader& header,
                          std::size_t bytes) {
  return ReadRecord(source, header.End(), bytes, "the bitmap header");
}

Result<BitmapHeader> ReadLegacy(const ByteSource& source, const WindowsHeader& header) {
  const std::size_t bytes = header.Is64() ? kLegacyBitmapAt64 : kLegacyBitmapAt32;
  const auto raw = ReadSecond(source, header, bytes);
  if (!raw) return tl::unexpected<Error>(raw.error());
  const FieldReader fields(*raw, header.layout->word);
  const auto first_page = fields.U32(kLegacyFirstPageAt);
  const auto bits = fields.U32(kLegacyBitsAt);
  if (!first_page || !bits || bits != fields.U32(kLegacySizeOfBitMapAt)) {
    return Fail(ErrorKind::kCorrupt, "the kernel dump's two bitmap sizes are not set or differ",
                raw->At(kLegacyBitsAt));
  }
  return BitmapHeader{*first_page,
                      *bits,
                      fields.U32(kLegacyPagesAt),
                      header.End() + bytes,
                      fields.U32(kDumpOptionsAt),
                      raw->Text(0, kSecondSignatureBytes),
                      raw->At(kLegacyBitsAt),
                      raw->At(kLegacyFirstPageAt)};
}

Result<BitmapHeader> ReadNew(const ByteSource& source, const WindowsHeader& header) {
  const auto raw = ReadSecond(source, header, bitmap_header::kBitmapAt);
  if (!raw) return tl::unexpected<Error>(raw.error());
  const FieldReader fields(*raw, header.layout->word);
  const auto first_page = fields.U64(bitmap_header::kFirstPageAt);
  const auto bits = fields.U64(bitmap_header::kBitsAt);
  if (!first_page || !bits) {
    return Fail(ErrorKind::kCorrupt, "the bitmap header's first page or size is not set",
                raw->At(bitmap_header::kFirstPageAt));
  }
  return BitmapHeader{*first_page,
                      *bits,
                      fields.U64(bitmap_header::kPagesAt),
                      header.End() + bitmap_header::kBitmapAt,
                      fields.U32(kDumpOptionsAt),
                      raw->Text(0, kSecondSignatureBytes),
                      raw->At(bitmap_header::kBitsAt),
                      raw->At(bitmap_header::kFirstPageAt)};
}

Status Check(const BitmapHeader& bitmap, std::uint64_t file_size, bool mapped) {
  if (bitmap.bits == 0 || bitmap.bits > kMaxFrames) {
    return Fail(ErrorKind::kCorrupt, fmt::format("a bitmap of {:#x} frames cannot be", bitmap.bits),
                bitmap.bits_field);
  }
  if (bitmap.pages.value_or(0) > bitmap.bits) {
    return Fail(
        ErrorKind::kCorrupt,
        fmt::format("the bitmap header counts {} pages in {} frames", *bitmap.pages, bitmap.bits),
        bitmap.bits_field);
  }
  if (bitmap.first_page < bitmap.BitmapEnd()) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("the first page at {:#x} lies inside the bitmap, which ends at {:#x}",
                            bitmap.first_page, bitmap.BitmapEnd()),
                bitmap.first_page_field);
  }
  if (bitmap.BitmapEnd() > file_size) {
    return Fail(
        ErrorKind::kTruncated,
        fmt::format("the bitmap ends at {:#x}, the file at {:#x}", bitmap.BitmapEnd(), file_size),
        FileOffset(bitmap.bitmap_at));
  }
  if (bitmap.bits > kMaxBits) {
    return Fail(ErrorKind::kUnsupported, "bitmap dumps of more than 64 TiB of memory are not read",
                bitmap.bits_field);
  }
  if (!mapped && bitmap.bits > kMaxCopiedBits) {
    return Fail(ErrorKind::kUnsupported,
                "bitmap dumps of more than 8 TiB of memory are read only when not compressed: "
                "decompress the file first",
                bitmap.bits_field);
  }
  return {};
}

// The bits, and what keeps them alive: the mapping itself, or a copy when there is none.
struct Bits {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keep;
};

Result<Bits> ReadBits(const std::shared_ptr<const ByteSource>& source, const BitmapHeader& bitmap) {
  const std::uint64_t bytes = bitmap.BitmapBytes();
  if (const auto mapped = source->Mapped(); Inside(bitmap.bitmap_at, bytes, mapped.size())) {
    source->WillScan(bitmap.bitmap_at, bytes);
    return Bits{mapped.subspan(bitmap.bitmap_at, bytes), source};
  }
  auto copy = std::make_shared<std::vector<std::byte>>(bytes);
  if (auto read = ReadExactly(*source, bitmap.bitmap_at, *copy, "the bitmap"); !read) {
    return tl::unexpected<Error>(read.error());
  }
  return Bits{*copy, copy};
}

Status CheckPages(const BitmapHeader& bitmap, PageMap& map) {
  const auto bytes = CheckedMul(map.promised, kPageBytes);
  const auto end = bytes ? CheckedAdd(bitmap.first_page, *bytes) : std::nullopt;
  if (!end) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("{} pages from {:#x} pass the end of any file", map.promised,
                            bitmap.first_page),
                bitmap.first_page_field);
  }
  map.end = *end;
  if (map.stored > kMaxStoredPages) {
    return Fail(ErrorKind::kUnsupported, "bitmap dumps of more than 16 TiB of pages are not read",
                bitmap.bits_field);
  }
  if (bitmap.pages && *bitmap.pages != map.promised) {
    map.warnings.push_back(
        fmt::format("the bitmap has {} bits set, its header counts {} pages; the bitmap is used",
                    map.promised, *bitmap.pages));
  }
  return {};
}

Result<PageMap> Index(const std::shared_ptr<const ByteSource>& source, const BitmapHeader& bitmap,
                      PageLayout layout) {
  if (auto checked = Check(bitmap, source->Size(), !source->Mapped().empty()); !checked) {
    return tl::unexpected<Error>(checked.error());
  }
  auto bits = ReadBits(source, bitmap);
  if (!bits) return tl::unexpected<Error>(std::move(bits).error());
  const std::uint64_t room =
      bitmap.first_page < source->Size() ? (source->Size() - bitmap.first_page) / kPageBytes : 0;
  PageMap map;
  RankIndex index(bits->bytes, bitmap.bits, FileOffset(bitmap.first_page), room, bits->keep);
  map.layout = layout;
  map.promised = index.SetBits();
  map.stored = std::min(map.promised, room);
  map.first_page = bitmap.first_page;
  map.index = std::move(index);
  if (auto checked = CheckPages(bitmap, map); !checked) {
    return tl::unexpected<Error>(checked.error());
  }
  map.details.push_back({"second-header", bitmap.signature});
  if (bitmap.options) {
    map.details.push_back({"dump-options", fmt::format("{:#010x}", *bitmap.options)});
  }
  map.details.push_back({"bitmap-bits", bitmap.bits});
  map.details.push_back({"bitmap-set-bits", map.promised});
  if (bitmap.pages) map.details.push_back({"bitmap-header-pages", *bitmap.pages});
  return map;
}

}  // namespace

Result<PageMap> MapBitmap(const std::shared_ptr<const ByteSource>& source,
                          const WindowsHeader& header) {
  const auto bitmap = ReadNew(*source, header);
  if (!bitmap) return tl::unexpected<Error>(bitmap.error());
  return Index(source, *bitmap, PageLayout::kBitmap);
}

Result<PageMap> MapLegacyBitmap(const std::shared_ptr<const ByteSource>& source,
                                const WindowsHeader& header) {
  const auto bitmap = ReadLegacy(*source, header);
  if (!bitmap) return tl::unexpected<Error>(bitmap.error());
  return Index(source, *bitmap, PageLayout::kLegacyBitmap);
}

}  // namespace v2p::windows

// Packed layouts: runs of the first header (full dumps) and RDMP ranges.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/checked_math.h"
#include "dumpfmt/windows_pages.h"

namespace v2p::windows {
namespace {

// RDMP header and its metadata: kdmp-parser (0vercl0k), kdmp-parser-structs.h, RDMP_HEADER64 and
// FULL_RDMP_HEADER64. The metadata's first 16 bytes are counters, ranges follow.
constexpr std::size_t kRdmpBytes = 0x20;
constexpr std::size_t kMetadataSizeAt = 0x10;
constexpr std::size_t kFirstPageAt = 0x18;
constexpr std::size_t kCountersBytes = 0x10;
constexpr std::size_t kRangeCountAt = 0x00;
constexpr std::size_t kPageCountAt = 0x08;
constexpr std::size_t kRangeBytes = 0x10;

// Dumps seen have some thousands. Each takes some 100 bytes of our memory, and of a compressed file
// next to none.
constexpr std::uint64_t kMaxRanges = std::uint64_t{1} << 22U;
constexpr std::uint64_t kPieceBytes = std::uint64_t{64} << 10U;

Error RunError(const PackedRun& run, std::string_view reason) {
  return Error{
      ErrorKind::kCorrupt,
      fmt::format("the run of {:#x} pages at frame {:#x} {}", run.pages, run.first, reason),
      {},
      run.entry};
}

std::optional<Error> FindOverlap(std::vector<PackedRun> runs) {
  std::stable_sort(runs.begin(), runs.end(),
                   [](const PackedRun& a, const PackedRun& b) { return a.first < b.first; });
  for (std::size_t i = 1; i < runs.size(); ++i) {
    if (runs[i].first - runs[i - 1].first < runs[i - 1].pages) {
      return RunError(runs[i], fmt::format("overlaps the one at frame {:#x}", runs[i - 1].first));
    }
  }
  return std::nullopt;
}

bool IsAscending(const std::vector<PackedRun>& runs) {
  return std::is_sorted(runs.begin(), runs.end(),
                        [](const PackedRun& a, const PackedRun& b) { return a.first < b.first; });
}

// More runs than the descriptor has room for are believed only if everything else about them is
// right: some writers do run on into the next fields.
Status CheckRunCount(const WindowsHeader& header, std::uint32_t count) {
  const HeaderLayout& at = *header.layout;
  if (count <= at.run_capacity) return {};
  if (count <= (at.bytes - at.runs) / at.run_bytes) return {};
  return Fail(ErrorKind::kCorrupt,
              fmt::format("the header lists {} runs and has room for {}", count, at.run_capacity),
              header.raw.At(at.run_count));
}

Status CheckExtraRuns(const WindowsHeader& header, const std::vector<PackedRun>& runs,
                      std::uint64_t pages) {
  if (*header.run_count <= header.layout->run_capacity) return {};
  if (header.page_count == pages && IsAscending(runs)) return {};
  return Fail(ErrorKind::kCorrupt,
              fmt::format("the header lists {} runs, has room for {}, and they do not add up",
                          *header.run_count, header.layout->run_capacity),
              header.raw.At(header.layout->run_count));
}

Result<std::vector<PackedRun>> ReadRuns(const WindowsHeader& header) {
  const HeaderLayout& at = *header.layout;
  const FileOffset where = header.raw.At(at.run_count);
  if (!header.run_count) {
    return Fail(ErrorKind::kCorrupt, "the header's list of memory runs is not set", where);
  }
  if (*header.run_count == 0) {
    return Fail(ErrorKind::kCorrupt, "the header lists no memory runs", where);
  }
  if (auto count = CheckRunCount(header, *header.run_count); !count) {
    return tl::unexpected<Error>(count.error());
  }
  std::vector<PackedRun> runs;
  for (std::size_t i = 0; i < *header.run_count; ++i) {
    const std::size_t entry = at.runs + i * at.run_bytes;
    const auto word = [&](std::size_t field) {
      return header.Is64() ? header.raw.U64(field) : header.raw.U32(field);
    };
    runs.push_back({word(entry), word(entry + at.word), header.raw.At(entry)});
  }
  return runs;
}

struct RdmpHeader {
  std::uint64_t metadata_bytes = 0;
  std::uint64_t first_page = 0;
};

Result<RdmpHeader> ReadRdmpHeader(const ByteSource& source, const WindowsHeader& header) {
  const auto raw = ReadRecord(source, header.End(), kRdmpBytes, "the range dump header");
  if (!raw) return tl::unexpected<Error>(raw.error());
  const std::uint64_t metadata = raw->U64(kMetadataSizeAt);
  const std::uint64_t first_page = raw->U64(kFirstPageAt);
  if (metadata < kCountersBytes || metadata % kRangeBytes != 0) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("range metadata of {:#x} bytes is not a list of ranges", metadata),
                raw->At(kMetadataSizeAt));
  }
  if (CheckedAdd(header.End() + kRdmpBytes, metadata) != first_page) {
    return Fail(ErrorKind::kCorrupt,
                fmt::format("the first page at {:#x} does not follow {:#x} bytes of range metadata",
                            first_page, metadata),
                raw->At(kFirstPageAt));
  }
  if (first_page > source.Size()) {
    return Fail(ErrorKind::kTruncated,
                fmt::format("{:#x} bytes of range metadata pass the end of the file", metadata),
                raw->At(kMetadataSizeAt));
  }
  if (metadata / kRangeBytes > kMaxRanges) {
    return Fail(ErrorKind::kUnsupported,
                fmt::format("range dumps of more than {} ranges are not read, this has room for {}",
                            kMaxRanges, metadata / kRangeBytes),
                raw->At(kMetadataSizeAt));
  }
  return RdmpHeader{metadata, first_page};
}

// The ranges that name pages, read a bounded piece at a time; `bytes` is inside the file.
Result<std::vector<PackedRun>> ReadRanges(const ByteSource& source, std::uint64_t at,
                                          std::uint64_t bytes) {
  std::vector<PackedRun> ranges;
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(bytes, kPieceBytes)));
  for (std::uint64_t done = 0; done < bytes; done += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min(bytes - done, kPieceBytes)));
    if (auto read = ReadExactly(source, at + done, piece, "the range metadata"); !read) {
      return tl::unexpected<Error>(read.error());
    }
    for (std::size_t i = 0; i < piece.size(); i += kRangeBytes) {
      const auto pages = LoadLe<std::uint64_t>(piece.data() + i + 8);
      if (pages == 0) continue;
      ranges.push_back({LoadLe<std::uint64_t>(piece.data() + i), pages, FileOffset(at + done + i)});
    }
  }
  return ranges;
}

// The counters are documented for complete dumps only, so a difference is worth a word, not more.
void CheckCounters(const Record& counters, std::uint64_t ranges, PageMap& map) {
  const std::uint32_t count = counters.U32(kRangeCountAt);
  const std::uint64_t pages = counters.U64(kPageCountAt);
  if (count != kFiller32 && count != ranges) {
    map.warnings.push_back(fmt::format(
        "the range metadata counts {} ranges and has room for {}; all are used", count, ranges));
  }
  if (pages != kFiller64 && pages != map.promised) {
    map.warnings.push_back(
        fmt::format("the range metadata counts {} pages, its ranges {}; the ranges are used", pages,
                    map.promised));
  }
}

}  // namespace

Result<PageMap> PackRuns(const std::vector<PackedRun>& runs, std::uint64_t first_page,
                         std::uint64_t file_size) {
  std::vector<PackedRun> used;
  for (const PackedRun& run : runs) {
    if (run.pages == 0) continue;
    if (run.first >= kMaxFrames || run.pages > kMaxFrames - run.first) {
      return tl::unexpected<Error>(RunError(run, "lies beyond 52-bit physical addresses"));
    }
    used.push_back(run);
  }
  if (auto overlap = FindOverlap(used)) return tl::unexpected<Error>(std::move(*overlap));
  PageMap map;
  map.first_page = first_page;
  // Disjoint runs of 52-bit addresses hold 2^40 pages at most: nothing below can wrap.
  std::uint64_t at = first_page;
  std::vector<Extent> extents;
  extents.reserve(used.size());
  for (const PackedRun& run : used) {
    const std::uint64_t room = at < file_size ? (file_size - at) / kPageBytes : 0;
    const std::uint64_t stored = std::min(run.pages, room);
    if (stored != 0) {
      extents.push_back({Pfn(run.first).Base(), stored * kPageBytes, FileOffset(at)});
    }
    map.promised += run.pages;
    map.stored += stored;
    at += run.pages * kPageBytes;
  }
  map.end = at;
  map.index = RunIndex(std::move(extents));
  return map;
}

Result<PageMap> MapRuns(const ByteSource& source, const WindowsHeader& header) {
  const auto runs = ReadRuns(header);
  if (!runs) return tl::unexpected<Error>(runs.error());
  auto map = PackRuns(*runs, header.End(), source.Size());
  if (!map) return map;
  map->layout = PageLayout::kRuns;
  if (auto extra = CheckExtraRuns(header, *runs, map->promised); !extra) {
    return tl::unexpected<Error>(extra.error());
  }
  if (header.page_count && header.page_count != map->promised) {
    map->warnings.push_back(
        fmt::format("the header counts {} pages, its runs {}; the runs are used",
                    *header.page_count, map->promised));
  }
  return map;
}

Result<PageMap> MapRanges(const ByteSource& source, const WindowsHeader& header) {
  if (!header.Is64()) {
    return Fail(ErrorKind::kUnsupported, "range dumps are known in 64-bit form only",
                FileOffset(header.End()));
  }
  const auto rdmp = ReadRdmpHeader(source, header);
  if (!rdmp) return tl::unexpected<Error>(rdmp.error());
  const std::uint64_t metadata_at = header.End() + kRdmpBytes;
  const std::uint64_t count = (rdmp->metadata_bytes - kCountersBytes) / kRangeBytes;
  if (count == 0) {
    return Fail(ErrorKind::kCorrupt, "the dump lists no memory ranges", FileOffset(metadata_at));
  }
  const auto counters = ReadRecord(source, metadata_at, kCountersBytes, "the range metadata");
  if (!counters) return tl::unexpected<Error>(counters.error());
  const auto ranges = ReadRanges(source, metadata_at + kCountersBytes, count * kRangeBytes);
  if (!ranges) return tl::unexpected<Error>(ranges.error());
  auto map = PackRuns(*ranges, rdmp->first_page, source.Size());
  if (!map) return map;
  map->layout = PageLayout::kRanges;
  CheckCounters(*counters, count, *map);
  map->details = {{"range-count", count}, {"range-pages", map->promised}};
  return map;
}

}  // namespace v2p::windows

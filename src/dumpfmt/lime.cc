// LiME version 1: byte-exact ranges, each behind a 32-byte header. Opening hops header to header.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/bytes.h"
#include "base/checked_math.h"
#include "dumpfmt/formats.h"
#include "dumpfmt/lime_layout.h"

namespace v2p {
namespace {

using lime::kFirstAt;
using lime::kHeaderBytes;
using lime::kLastAt;
using lime::kMagic;
using lime::kReservedAt;
using lime::kVersion;
using lime::kVersionAt;

// A search reads little at first: the next header is often near.
constexpr std::size_t kFirstSearchBytes = std::size_t{4} << 10U;
constexpr std::size_t kMostSearchBytes = std::size_t{1} << 20U;
// A file with more headers to doubt than this is no memory image that lost a few.
constexpr std::uint64_t kMaxDoubts = 1000;

struct Header {
  std::uint32_t magic = 0;
  std::uint32_t version = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t reserved = 0;

  bool IsHeader() const { return magic == kMagic && version == kVersion; }
  bool IsPlausible() const { return IsHeader() && first <= last && last < kPhysicalLimit; }
  bool MayFollow(const Header& before) const {
    return IsPlausible() && reserved == 0 && first > before.last;
  }
  bool IsZero() const { return magic == 0 && version == 0; }
};

/// What stands behind the range of a header that a search has found.
enum class LeadsTo : std::uint8_t {
  kNothing,
  kEndPerhaps,  ///< the file is cut short inside it, or zeros follow
  kNextHeader,  ///< or exactly the end of the file
};

Header Parse(const std::byte* p) {
  return {LoadLe<std::uint32_t>(p), LoadLe<std::uint32_t>(p + kVersionAt),
          LoadLe<std::uint64_t>(p + kFirstAt), LoadLe<std::uint64_t>(p + kLastAt),
          LoadLe<std::uint64_t>(p + kReservedAt)};
}

// Walks the headers of one file and collects what they promise.
class Reader {
 public:
  Reader(const ByteSource& source, const OpenOptions& options)
      : source_(source), options_(options), size_(source.Size()) {}

  Status Run();
  Image TakeImage(std::shared_ptr<const ByteSource> source);

 private:
  // The last range taken: its promise may still be cut short by a header inside it.
  struct Range {
    Header header;
    std::uint64_t data = 0;  // file offset
    std::uint64_t Bytes() const { return header.last - header.first + 1; }
  };

  Result<Header> ReadHeader(std::uint64_t at);
  Status Take(const Header& header, std::uint64_t at);
  Result<LeadsTo> Follow(const Header& header, std::uint64_t at);
  Status CountDoubt(std::uint64_t at);
  Result<std::optional<std::uint64_t>> FindNextHeader();
  Status Resynchronise(std::uint64_t expected);
  void Flush(std::uint64_t data_end);

  const ByteSource& source_;
  const OpenOptions& options_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;  // where the next header is expected
  std::optional<Range> range_;
  std::vector<Extent> extents_;
  std::uint64_t headers_ = 0;
  std::uint64_t missing_pages_ = 0;
  std::uint64_t repeats_ = 0;
  std::uint64_t resyncs_ = 0;
  std::uint64_t doubts_ = 0;       // headers looked for, and those found and followed
  std::vector<std::byte> search_;  // what FindNextHeader reads into
  std::uint64_t lost_bytes_ = 0;
  std::vector<std::string> warnings_;
};

Result<Header> Reader::ReadHeader(std::uint64_t at) {
  std::array<std::byte, kHeaderBytes> bytes;
  if (auto read = ReadExactly(source_, at, bytes, "LiME range header"); !read) {
    return tl::unexpected<Error>(read.error());
  }
  return Parse(bytes.data());
}

// Closes the open range, whose bytes end at file offset `data_end` at the latest.
void Reader::Flush(std::uint64_t data_end) {
  if (!range_) return;
  const std::uint64_t held = std::min(range_->Bytes(), data_end - range_->data);
  if (held != 0)
    extents_.push_back({PhysAddr(range_->header.first), held, FileOffset(range_->data)});
  missing_pages_ += PagesIn(range_->Bytes() - held);
}

Status Reader::Take(const Header& header, std::uint64_t at) {
  if (header.first > header.last || header.last >= kPhysicalLimit) {
    return Fail(
        ErrorKind::kCorrupt,
        fmt::format("LiME range {} runs from {:#x} to {:#x}", headers_, header.first, header.last),
        FileOffset(at));
  }
  if (range_ && header.first <= range_->header.last) {
    const bool same = header.first == range_->header.first && header.last == range_->header.last;
    if (!same) {
      return Fail(ErrorKind::kCorrupt,
                  fmt::format("LiME range {} ({:#x} to {:#x}) does not follow the one before it "
                              "({:#x} to {:#x})",
                              headers_, header.first, header.last, range_->header.first,
                              range_->header.last),
                  FileOffset(at));
    }
    ++repeats_;  // the first copy stays
    ++headers_;
    at_ = std::min(size_, at + kHeaderBytes + std::min(range_->Bytes(), size_));
    return {};
  }
  Flush(at);
  range_ = Range{header, at + kHeaderBytes};
  ++headers_;
  at_ =
      CheckedAdd(range_->data, range_->Bytes()).value_or(std::numeric_limits<std::uint64_t>::max());
  return {};
}

Status Reader::CountDoubt(std::uint64_t at) {
  if (++doubts_ <= kMaxDoubts) return {};
  return Fail(ErrorKind::kCorrupt,
              fmt::format("more than {} LiME range headers are damaged or doubtful", kMaxDoubts),
              FileOffset(at));
}

Result<LeadsTo> Reader::Follow(const Header& header, std::uint64_t at) {
  const std::uint64_t bytes = header.last - header.first + 1;
  const std::uint64_t room = size_ - at - kHeaderBytes;
  if (bytes == room) return LeadsTo::kNextHeader;
  if (bytes > room || room - bytes < kHeaderBytes) return LeadsTo::kEndPerhaps;
  const auto next = ReadHeader(at + kHeaderBytes + bytes);
  if (!next) return tl::unexpected<Error>(next.error());
  if (next->MayFollow(header)) return LeadsTo::kNextHeader;
  return next->IsZero() ? LeadsTo::kEndPerhaps : LeadsTo::kNothing;
}

// A writer that failed in mid-range leaves the next header too early, so the search begins where
// the last range's data does. The guest's memory may hold LiME files too: a header counts when its
// range could follow and leads to another header or the end; where it only may lead to the end, it
// counts when no better one is left.
Result<std::optional<std::uint64_t>> Reader::FindNextHeader() {
  std::optional<std::uint64_t> second_best;
  std::size_t step = kFirstSearchBytes;
  for (std::uint64_t base = range_->data; base < size_;) {
    if (search_.size() < step + kHeaderBytes) search_.resize(step + kHeaderBytes);
    const auto got = source_.ReadAt(base, std::span(search_).first(step + kHeaderBytes));
    if (!got) return tl::unexpected<Error>(got.error());
    for (std::size_t i = 0; i < step && i + kHeaderBytes <= *got; i += 4) {
      if (LoadLe<std::uint32_t>(search_.data() + i) != kMagic) continue;
      const Header header = Parse(search_.data() + i);
      if (!header.MayFollow(range_->header)) continue;
      if (auto counted = CountDoubt(base + i); !counted) {
        return tl::unexpected<Error>(counted.error());
      }
      const auto leads = Follow(header, base + i);
      if (!leads) return tl::unexpected<Error>(leads.error());
      if (*leads == LeadsTo::kNextHeader) return std::optional(base + i);
      if (*leads == LeadsTo::kEndPerhaps && !second_best) second_best = base + i;
    }
    base += step;
    step = std::min(step * 2, kMostSearchBytes);
    if (options_.progress) options_.progress(std::min(size_, base), size_);
  }
  return second_best;
}

Status Reader::Resynchronise(std::uint64_t expected) {
  if (auto counted = CountDoubt(expected); !counted) return counted;
  auto found = FindNextHeader();
  if (!found) return tl::unexpected<Error>(found.error());
  ++resyncs_;
  const std::uint64_t next = found->value_or(size_);
  lost_bytes_ += next > expected ? next - expected : 0;
  if (!*found) {
    at_ = size_;
    Flush(expected);
    range_.reset();
    return {};
  }
  const auto header = ReadHeader(next);
  if (!header) return tl::unexpected<Error>(header.error());
  return Take(*header, next);
}

Status Reader::Run() {
  const auto head = ReadHeader(0);
  if (!head) return tl::unexpected<Error>(head.error());
  if (head->magic != kMagic) {
    return Fail(ErrorKind::kCorrupt, "no LiME range header", FileOffset(0));
  }
  if (head->version != kVersion) {
    return Fail(ErrorKind::kUnsupported,
                fmt::format("LiME version {} is not known, only version 1", head->version),
                FileOffset(kVersionAt));
  }
  if (auto taken = Take(*head, 0); !taken) return taken;
  while (at_ < size_) {
    const std::uint64_t at = at_;
    if (size_ - at < kHeaderBytes) break;
    const auto header = ReadHeader(at);
    if (!header) return tl::unexpected<Error>(header.error());
    if (header->IsZero()) break;  // trailing zeros
    auto status = header->IsHeader() ? Take(*header, at) : Resynchronise(at);
    if (!status) return status;
  }
  if (at_ < size_) {
    warnings_.push_back(fmt::format("{} bytes after the last range are not read", size_ - at_));
  }
  Flush(std::min(at_, size_));
  if (!extents_.empty()) return {};
  return Fail(ErrorKind::kTruncated, "the file ends before the first range's data",
              FileOffset(kHeaderBytes));
}

Image Reader::TakeImage(std::shared_ptr<const ByteSource> source) {
  Image image;
  image.format = "lime";
  image.title = fmt::format("LiME, {} {}", headers_, headers_ == 1 ? "range" : "ranges");
  image.facts.details.push_back({"ranges", headers_});
  image.facts.missing_pages = missing_pages_;
  image.warnings = std::move(warnings_);
  if (missing_pages_ != 0) {
    image.warnings.push_back(
        fmt::format("{} pages that the ranges promise are not in the file", missing_pages_));
  }
  if (resyncs_ != 0) {
    image.warnings.push_back(
        fmt::format("{} range headers were damaged or misplaced; {} bytes "
                    "were passed over",
                    resyncs_, lost_bytes_));
  }
  if (repeats_ != 0) {
    image.warnings.push_back(
        fmt::format("{} ranges are repeated; the first copy is used", repeats_));
  }
  image.memory =
      std::make_shared<const PhysicalMemory>(std::move(source), RunIndex(std::move(extents_)));
  return image;
}

bool RecogniseLime(const ProbeView& probe) {
  return TryLoad<std::uint32_t>(probe.head, 0) == kMagic;
}

Result<Image> OpenLime(std::shared_ptr<const ByteSource> source, const OpenOptions& options) {
  Reader reader(*source, options);
  if (auto status = reader.Run(); !status) return tl::unexpected<Error>(status.error());
  return reader.TakeImage(std::move(source));
}

}  // namespace

const Format kLimeFormat = {
    "lime", "LiME memory image, version 1 (also written by AVML)", RecogniseLime, OpenLime, {}};

}  // namespace v2p

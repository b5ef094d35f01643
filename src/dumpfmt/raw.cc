// Raw memory: file offset is physical address, unless the user says where the holes were.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/checked_math.h"
#include "dumpfmt/formats.h"
#include "dumpfmt/platforms.h"

namespace v2p {
namespace {

// A .vmem this large leaves out the PCI hole; below, RAM-linear and PA-linear are the same.
constexpr std::uint64_t kVmemLinearLimit = 0xC000'0000;

bool EndsWith(std::string_view text, std::string_view suffix) {
  if (text.size() < suffix.size()) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(suffix.begin(), suffix.end(), text.end() - static_cast<long>(suffix.size()),
                    [&](char a, char b) { return a == lower(b); });
}

bool IsVmem(std::string_view name) {
  return EndsWith(name, ".vmem") || EndsWith(name, ".vmem.zst");
}

// What a user's map turned into: the part that the file holds, and what it lacks.
struct RawMap {
  std::vector<Extent> extents;
  std::uint64_t absent_bytes = 0;
  std::uint64_t described_end = 0;  // file bytes from here on are in no range
};

Result<RawMap> MapRanges(const std::vector<UserRange>& ranges, std::uint64_t size) {
  RawMap map;
  std::vector<Extent> whole;
  std::uint64_t next = 0;
  for (const UserRange& range : ranges) {
    const std::uint64_t at = range.at ? range.at->value : next;
    const auto end = CheckedAdd(at, range.bytes);
    if (range.bytes == 0 || !CheckedAdd(range.begin.value, range.bytes) || !end) {
      return Fail(ErrorKind::kUsage, fmt::format("--ranges: the range at {:#x} is empty or passes "
                                                 "the end of the address space",
                                                 range.begin.value));
    }
    next = *end;
    whole.push_back({range.begin, range.bytes, FileOffset(at)});
    const std::uint64_t held = at < size ? std::min(range.bytes, size - at) : 0;
    if (held != 0) map.extents.push_back({range.begin, held, FileOffset(at)});
    map.absent_bytes += std::min(range.bytes - held,  // the sum of hostile sizes must not wrap
                                 std::numeric_limits<std::uint64_t>::max() - map.absent_bytes);
    map.described_end = std::max(map.described_end, *end);
  }
  std::sort(whole.begin(), whole.end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  if (const auto overlap = RunIndex::FirstOverlap(whole)) {
    return Fail(ErrorKind::kUsage,
                fmt::format("--ranges: the range at {:#x} overlaps the one at "
                            "{:#x}",
                            whole[*overlap].begin.value, whole[*overlap - 1].begin.value));
  }
  if (map.extents.empty()) {
    return Fail(ErrorKind::kUsage,
                fmt::format("--ranges: no range lies inside the file of {} bytes", size));
  }
  return map;
}

Result<RawMap> MapPlatform(std::string_view name, std::uint64_t size) {
  const Platform* platform = FindPlatform(name);
  if (platform != nullptr) return RawMap{RamExtents(*platform, size), 0, size};
  std::string known;
  for (const Platform& p : Platforms()) known += fmt::format(" {}", p.name);
  return Fail(ErrorKind::kUsage,
              fmt::format("there is no platform '{}'; known are:{}", name, known));
}

Result<RawMap> ChooseMap(const ByteSource& source, const OpenOptions& options) {
  const std::uint64_t size = source.Size();
  if (!options.ranges.empty() && !options.platform.empty()) {
    return Fail(ErrorKind::kUsage, "--ranges and --platform exclude each other");
  }
  if (!options.ranges.empty()) return MapRanges(options.ranges, size);
  if (!options.platform.empty()) return MapPlatform(options.platform, size);
  if (size > kVmemLinearLimit && IsVmem(source.Name())) {
    return Fail(ErrorKind::kUnsupported,
                fmt::format("a .vmem of {:.1f} GiB leaves out the hole below 4 GiB, and its .vmss "
                            "or .vmsn is not read yet: give --platform vmware or --ranges",
                            static_cast<double>(size) / (1U << 30U)));
  }
  return RawMap{{{PhysAddr(0), size, FileOffset(0)}}, 0, size};
}

void Describe(const RawMap& map, const OpenOptions& options, std::uint64_t size, Image& image) {
  image.format = "raw";
  image.title = "raw memory, file offset is physical address";
  if (!options.ranges.empty()) {
    image.title = fmt::format("raw memory, {} ranges as given", options.ranges.size());
    image.facts.details.push_back({"map-source", std::string("ranges")});
  } else if (!options.platform.empty()) {
    image.title = fmt::format("raw memory, platform {}", options.platform);
    image.facts.details.push_back({"map-source", "platform " + options.platform});
  }
  if (map.absent_bytes != 0) {
    image.facts.missing_pages = (map.absent_bytes - 1) / kPageBytes + 1;
    image.warnings.push_back(
        fmt::format("the ranges describe {} bytes more than the file holds: "
                    "{} pages are absent",
                    map.absent_bytes, image.facts.missing_pages));
  }
  if (map.described_end < size) {
    image.warnings.push_back(
        fmt::format("the last {} bytes of the file are in no range", size - map.described_end));
  }
}

Result<Image> OpenRaw(std::shared_ptr<const ByteSource> source, const OpenOptions& options) {
  auto map = ChooseMap(*source, options);
  if (!map) return tl::unexpected<Error>(map.error());
  Image image;
  Describe(*map, options, source->Size(), image);
  image.memory =
      std::make_shared<const PhysicalMemory>(std::move(source), RunIndex(std::move(map->extents)));
  return image;
}

}  // namespace

const Format kRawFormat = {"raw",
                           "raw memory (dd, .raw, .mem, .vmem)",
                           [](const ProbeView&) { return true; },
                           OpenRaw,
                           {}};

}  // namespace v2p

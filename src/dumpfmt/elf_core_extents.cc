// The sweep that resolves overlaps.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/elf_core_extents.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>

#include "base/checked_math.h"

namespace v2p {
namespace {

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

bool Precedes(const Extent& a, const Extent& b) { return a.begin < b.begin; }

// Constant along an extent; equal deltas mean the same file bytes for the same address.
std::uint64_t Delta(const Extent& e) { return e.at.value - e.begin.value; }

// Appends [begin, end) of `from`, joining what continues the last extent.
void Append(std::vector<Extent>& out, const Extent& from, PhysAddr begin, PhysAddr end) {
  const Extent piece{begin, end - begin, from.at + (begin - from.begin)};
  if (!out.empty() && out.back().End() == begin && Delta(out.back()) == Delta(piece)) {
    out.back().bytes += piece.bytes;
  } else {
    out.push_back(piece);
  }
}

// Sweeps over the addresses with the segments that cover the current one in a heap, lowest index
// on top.
std::vector<Extent> FirstWins(const std::vector<Extent>& segments) {
  std::vector<std::size_t> order(segments.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return Precedes(segments[a], segments[b]);
  });
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> active;
  std::vector<Extent> out;
  PhysAddr here;
  std::size_t next = 0;
  while (next < order.size() || !active.empty()) {
    while (!active.empty() && segments[active.top()].End() <= here) active.pop();
    if (active.empty()) {
      if (next == order.size()) break;
      here = std::max(here, segments[order[next]].begin);
    }
    while (next < order.size() && segments[order[next]].begin <= here) active.push(order[next++]);
    const Extent& top = segments[active.top()];
    if (top.End() <= here) continue;
    PhysAddr end = top.End();
    if (next < order.size()) end = std::min(end, segments[order[next]].begin);
    Append(out, top, here, end);
    here = end;
  }
  return out;
}

// A segment is hidden in part when the extent that holds its first byte is not its own bytes, or
// ends before it does (neighbours with the same delta have been joined).
std::uint64_t CountConflicts(const std::vector<Extent>& segments, const std::vector<Extent>& kept) {
  std::uint64_t conflicts = 0;
  for (const Extent& segment : segments) {
    const auto after = std::upper_bound(kept.begin(), kept.end(), segment, Precedes);
    const Extent& holder = *(after - 1);  // every segment's first byte is in some extent
    if (Delta(holder) != Delta(segment) || holder.End() < segment.End()) ++conflicts;
  }
  return conflicts;
}

std::uint64_t UnionBytes(std::vector<Extent> extents) {
  std::sort(extents.begin(), extents.end(), Precedes);
  std::uint64_t bytes = 0;
  PhysAddr end;
  for (const Extent& e : extents) {
    const PhysAddr begin = std::max(e.begin, end);
    if (e.End() <= begin) continue;
    bytes += e.End() - begin;
    end = e.End();
  }
  return bytes;
}

}  // namespace

Result<ElfExtents> MakeElfExtents(std::span<const ElfSegment> loads, std::uint64_t file_bytes) {
  ElfExtents result;
  std::vector<Extent> promised;
  std::vector<Extent> held;
  for (const ElfSegment& load : loads) {
    if (load.memory_bytes > load.file_bytes) {
      result.not_stored_bytes =
          CheckedAdd(result.not_stored_bytes, load.memory_bytes - load.file_bytes)
              .value_or(result.not_stored_bytes);
    }
    if (load.file_bytes == 0) continue;
    if (CheckedAdd(load.paddr, load.file_bytes).value_or(kHuge) > kPhysicalLimit ||
        !CheckedAdd(load.at, load.file_bytes)) {
      return Fail(ErrorKind::kCorrupt,
                  fmt::format("ELF segment of {:#x} bytes at {:#x} passes the end of the address "
                              "space",
                              load.file_bytes, load.paddr),
                  FileOffset(load.header_at));
    }
    promised.push_back({PhysAddr(load.paddr), load.file_bytes, FileOffset(load.at)});
    if (load.at >= file_bytes) continue;
    held.push_back({PhysAddr(load.paddr), std::min(load.file_bytes, file_bytes - load.at),
                    FileOffset(load.at)});
  }
  result.extents = FirstWins(held);
  result.conflicts = CountConflicts(held, result.extents);
  const std::uint64_t held_bytes = UnionBytes(result.extents);
  result.missing_bytes = UnionBytes(std::move(promised)) - held_bytes;
  return result;
}

}  // namespace v2p

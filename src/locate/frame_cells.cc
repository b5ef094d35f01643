// Which holes to leave out, and how large cells have to be.
// SPDX-License-Identifier: Apache-2.0
#include "locate/frame_cells.h"

#include <algorithm>

namespace v2p {
namespace {

constexpr std::uint64_t kAlign = 64;  // frames: counted so many at a time

struct Hole {
  std::uint64_t first = 0, end = 0;  // frames, all absent

  std::uint64_t Frames() const { return end - first; }
};

struct Layout {
  std::uint64_t held = 0;   // frames
  std::vector<Hole> holes;  // largest first, no more than kMostHoles
};

Layout LayoutOf(const PhysicalMemory& memory) {
  Layout layout;
  std::uint64_t end = 0;  // frame behind what was seen
  const auto larger = [](const Hole& a, const Hole& b) { return a.Frames() > b.Frames(); };
  memory.ForEachExtent([&](const Extent& extent) {
    const std::uint64_t first = extent.begin.value >> kPageShift;
    const std::uint64_t last = (extent.End().value - 1) >> kPageShift;
    layout.held += last + 1 - std::min(std::max(first, end), last + 1);
    const Hole hole{end, first};
    end = last + 1;
    if (hole.end <= hole.first) return;
    auto& holes = layout.holes;
    if (holes.size() == FrameCells::kMostHoles && hole.Frames() <= holes.back().Frames()) return;
    holes.insert(std::upper_bound(holes.begin(), holes.end(), hole, larger), hole);
    if (holes.size() > FrameCells::kMostHoles) holes.pop_back();
  });
  return layout;
}

// Those to leave out, ascending.
std::vector<Hole> LeftOut(const Layout& layout, std::uint64_t frames) {
  std::vector<Hole> out;
  std::uint64_t absent = frames - layout.held;
  for (const Hole& hole : layout.holes) {
    if (absent <= layout.held / 4) break;
    out.push_back(hole);
    absent -= hole.Frames();
  }
  std::sort(out.begin(), out.end(), [](const Hole& a, const Hole& b) { return a.first < b.first; });
  return out;
}

// What remains beside `holes` with cells of 2^shift frames.
std::vector<FrameCells::Stretch> Stretches(const std::vector<Hole>& holes, std::uint64_t frames,
                                           unsigned shift) {
  const std::uint64_t align = std::max(kAlign, std::uint64_t{1} << shift);
  std::vector<FrameCells::Stretch> stretches(1);
  const auto end_at = [&](std::uint64_t frame) {
    stretches.back().frames = frame - stretches.back().first;
  };
  for (const Hole& hole : holes) {
    const std::uint64_t begin = (hole.first + align - 1) / align * align;
    const std::uint64_t end = hole.end / align * align;
    if (begin >= end) continue;
    end_at(begin);
    const FrameCells::Stretch& last = stretches.back();
    const std::size_t cell = last.cell + static_cast<std::size_t>(last.frames >> shift);
    if (last.frames == 0) stretches.pop_back();  // a hole at 0
    stretches.push_back({end, 0, cell});
  }
  end_at(frames);
  return stretches;
}

}  // namespace

std::size_t FrameCells::Count() const {
  const Stretch& last = stretches.back();
  const std::uint64_t cell = std::uint64_t{1} << shift;
  return last.cell + static_cast<std::size_t>((last.frames + cell - 1) >> shift);
}

const FrameCells::Stretch& FrameCells::StretchOf(std::size_t cell) const {
  return *(std::upper_bound(stretches.begin(), stretches.end(), cell,
                            [](std::size_t c, const Stretch& s) { return c < s.cell; }) -
           1);
}

std::uint64_t FrameCells::FirstFrame(std::size_t cell) const {
  const Stretch& stretch = StretchOf(cell);
  return stretch.first + (std::uint64_t{cell - stretch.cell} << shift);
}

std::uint64_t FrameCells::FramesOf(std::size_t cell) const {
  return std::min(std::uint64_t{1} << shift, frames - FirstFrame(cell));
}

FrameCells PlanCells(const PhysicalMemory& memory) {
  FrameCells cells;
  cells.frames = PagesIn(memory.End().value);
  const auto holes = LeftOut(LayoutOf(memory), cells.frames);
  cells.stretches = Stretches(holes, cells.frames, cells.shift);
  while (cells.Count() > FrameCells::kMost) {
    ++cells.shift;
    cells.stretches = Stretches(holes, cells.frames, cells.shift);
  }
  return cells;
}

}  // namespace v2p

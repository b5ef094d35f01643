// The drawing itself: cells as paths, one a colour; the scale; and what lies where, as tooltips.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>

#include "cli/atlas_scene.h"
#include "cli/hilbert.h"
#include "cli/text_format.h"

namespace v2p::cli {
namespace {

constexpr unsigned kLabelOrder = 2;    // sixteen labels
constexpr unsigned kTooltipOrder = 5;  // and as many tooltips as squares of this order
constexpr unsigned kCurveOrder = 3;
constexpr std::size_t kTooltipLines = 6;

// Cells of one colour that are drawn as one rectangle, beginning in row `top`.
struct Run {
  std::uint32_t x = 0, width = 0, top = 0;
  std::uint8_t colour = 0;

  bool SameColumns(const Run& other) const {
    return x == other.x && width == other.width && colour == other.colour;
  }
};

std::vector<Run> RunsOfRow(const AtlasScene& scene, std::uint32_t y) {
  std::vector<Run> runs;
  for (std::uint32_t x = 0; x < scene.width; ++x) {
    const std::uint8_t colour = scene.grid[std::size_t{y} * scene.width + x];
    if (colour == AtlasScene::kNothing) continue;
    if (!runs.empty() && runs.back().colour == colour && runs.back().x + runs.back().width == x) {
      ++runs.back().width;
    } else {
      runs.push_back({x, 1, y, colour});
    }
  }
  return runs;
}

// Path data by colour. What looks the same in the next row becomes part of the rectangle above.
std::array<std::string, AtlasScene::kOthers + 1> CellPaths(const AtlasScene& scene) {
  std::array<std::string, AtlasScene::kOthers + 1> paths;
  std::vector<Run> open;
  for (std::uint32_t y = 0; y <= scene.height; ++y) {
    std::vector<Run> runs = y < scene.height ? RunsOfRow(scene, y) : std::vector<Run>();
    auto next = runs.begin();
    for (const Run& run : open) {
      next = std::find_if(next, runs.end(), [&](const Run& r) { return r.x >= run.x; });
      if (next != runs.end() && next->SameColumns(run)) {
        next->top = run.top;
        continue;
      }
      fmt::format_to(std::back_inserter(paths[run.colour]), "M{} {}h{}v{}h-{}z", run.x, run.top,
                     run.width, y - run.top, run.width);
    }
    open = std::move(runs);
  }
  return paths;
}

double Scale(const AtlasScene& scene) { return double{kPictureWidth} / scene.width; }

// Squares of 2^order to a side, with the cells of each.
struct Square {
  GridPoint at;
  std::size_t first = 0, end = 0;  // cells
};
std::vector<Square> Squares(const AtlasScene& scene, unsigned order) {
  order = std::min(order, scene.order);
  const unsigned shift = 2 * (scene.order - order);
  std::vector<Square> squares;
  for (std::size_t i = 0; i << shift < scene.census.cells.Count(); ++i) {
    const std::size_t end = std::min((i + 1) << shift, scene.census.cells.Count());
    squares.push_back({HilbertPoint(order, i), i << shift, end});
  }
  return squares;
}

double SquareSide(const AtlasScene& scene, unsigned order) {
  const unsigned inner = scene.order - std::min(order, scene.order);
  return Scale(scene) * static_cast<double>(std::uint32_t{1} << inner);
}

// Of the first byte of a cell, and the last.
std::uint64_t FirstAddress(const AtlasScene& scene, std::size_t cell) {
  return scene.census.cells.FirstFrame(cell) << kPageShift;
}
std::uint64_t LastAddress(const AtlasScene& scene, std::size_t cell) {
  const std::uint64_t frames = scene.census.cells.FramesOf(cell);
  return FirstAddress(scene, cell) + (frames << kPageShift) - 1;
}

std::vector<std::string> NamesByClass(const AtlasScene& scene) {
  std::vector<std::string> names(scene.census.counts.size());
  for (const auto* rows : {&scene.legend, &scene.owners}) {
    for (const AtlasRow& row : *rows) {
      if (row.cls >= names.size()) continue;
      names[row.cls] = row.note.empty() ? row.name : fmt::format("{} ({})", row.name, row.note);
    }
  }
  return names;
}

std::string Tooltip(const AtlasScene& scene, const std::vector<std::string>& names,
                    const Square& square) {
  const FrameCensus& census = scene.census;
  std::map<FrameClass, std::uint64_t> sums;
  std::uint64_t frames = 0;
  for (std::size_t cell = square.first; cell < square.end; ++cell) {
    frames += census.cells.FramesOf(cell);
    const auto parts = census.PartsOf(cell);
    if (parts.empty()) sums[kAbsentFrame] += census.cells.FramesOf(cell);
    for (const FrameCount& part : parts) sums[part.cls] += part.frames;
  }
  std::vector<std::pair<std::uint64_t, FrameClass>> order;
  order.reserve(sums.size());
  for (const auto& [cls, count] : sums) order.emplace_back(count, cls);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text = fmt::format("{:#x} to {:#x}, {} frames", FirstAddress(scene, square.first),
                                 LastAddress(scene, square.end - 1), Grouped(frames));
  std::uint64_t rest = frames;
  for (std::size_t i = 0; i < std::min(order.size(), kTooltipLines); ++i) {
    text += fmt::format("\n{}: {}", names[order[i].second], Grouped(order[i].first));
    rest -= order[i].first;
  }
  if (rest != 0) text += fmt::format("\nothers: {}", Grouped(rest));
  return text;
}

std::string Label(double x, double y, std::uint64_t address) {
  return fmt::format(
      "<text x=\"{:g}\" y=\"{:g}\" stroke=\"#fff\" stroke-width=\"3\" "
      "stroke-opacity=\"0.9\" paint-order=\"stroke\">{:#x}</text>\n",
      x, y, address);
}

// Where the addresses go on behind a hole that was left out, unless a label is near.
std::string HoleLabels(const AtlasScene& scene) {
  std::string out;
  std::vector<std::pair<double, double>> taken;
  const double side = SquareSide(scene, kLabelOrder);
  for (const Square& square : Squares(scene, kLabelOrder)) {
    taken.emplace_back(square.at.x * side, square.at.y * side);
  }
  for (const FrameCells::Stretch& stretch : scene.census.cells.stretches) {
    const GridPoint at = HilbertPoint(scene.order, stretch.cell);
    const std::pair place(at.x * Scale(scene), at.y * Scale(scene));
    const bool free = std::none_of(taken.begin(), taken.end(), [&](const auto& other) {
      return std::abs(place.first - other.first) < 100 &&
             std::abs(place.second - other.second) < 18;
    });
    if (!free) continue;
    taken.push_back(place);
    out += Label(std::min(place.first + 6, kPictureWidth - 76.0), place.second + 15,
                 stretch.first << kPageShift);
  }
  return out;
}

}  // namespace

std::uint32_t PictureHeight(const AtlasScene& scene) {
  return static_cast<std::uint32_t>(std::lround(Scale(scene) * scene.height));
}

std::string PictureMarkup(const AtlasScene& scene) {
  std::string out = fmt::format(
      "<g class=\"cells\" shape-rendering=\"crispEdges\" transform=\"scale({:.6g})\">\n",
      Scale(scene));
  const auto paths = CellPaths(scene);
  for (std::size_t colour = 0; colour < paths.size(); ++colour) {
    if (paths[colour].empty()) continue;
    out += fmt::format("<path fill=\"{}\" d=\"{}\"/>\n", AtlasColour(colour), paths[colour]);
  }
  out += "</g>\n<g class=\"scale\" font-size=\"11\" fill=\"#15181d\">\n";
  const double side = SquareSide(scene, kLabelOrder);
  for (const Square& square : Squares(scene, kLabelOrder)) {
    const double x = square.at.x * side, y = square.at.y * side;
    out += fmt::format(
        "<rect x=\"{:g}\" y=\"{:g}\" width=\"{:g}\" height=\"{:g}\" fill=\"none\" "
        "stroke=\"#fff\" stroke-opacity=\"0.6\"/>",
        x, y, side, std::min(side, PictureHeight(scene) - y));
    out += Label(x + 6, y + 15, FirstAddress(scene, square.first));
  }
  out += HoleLabels(scene) + "</g>\n<g class=\"squares\" fill-opacity=\"0\">\n";
  const auto names = NamesByClass(scene);
  const double small = SquareSide(scene, kTooltipOrder);
  for (const Square& square : Squares(scene, kTooltipOrder)) {
    out += fmt::format(
        "<rect x=\"{:g}\" y=\"{:g}\" width=\"{:g}\" height=\"{:g}\"><title>{}</title></rect>\n",
        square.at.x * small, square.at.y * small, small, small,
        Markup(Tooltip(scene, names, square)));
  }
  return out + "</g>\n";
}

std::string CurveMarkup(const AtlasScene& scene, std::uint32_t side) {
  const double step = static_cast<double>(side) / (1U << kCurveOrder);
  const auto place = [&](std::uint64_t index) {
    const GridPoint at = HilbertPoint(kCurveOrder, index);
    return fmt::format("{:g} {:g}", (at.x + 0.5) * step, (at.y + 0.5) * step);
  };
  // As far as the image goes.
  const unsigned shift = 2 * scene.order;
  const std::uint64_t points = std::max<std::uint64_t>(
      2,
      ((scene.census.cells.Count() << (2 * kCurveOrder)) + (std::size_t{1} << shift) - 1) >> shift);
  std::string out =
      "<path fill=\"none\" stroke=\"#71829b\" stroke-width=\"1.5\" "
      "stroke-linejoin=\"round\" d=\"";
  for (std::uint64_t i = 0; i < points; ++i) {
    out += i == 0 ? 'M' : 'L';
    out += place(i);
  }
  const GridPoint begin = HilbertPoint(kCurveOrder, 0);
  out += fmt::format("\"/><circle cx=\"{:g}\" cy=\"{:g}\" r=\"3.5\" fill=\"#d55e00\"/>",
                     (begin.x + 0.5) * step, (begin.y + 0.5) * step);
  return out;
}

}  // namespace v2p::cli

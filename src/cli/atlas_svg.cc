// The atlas as one SVG file: picture, legend, and the processes in columns below.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "cli/atlas_scene.h"
#include "cli/text_format.h"

namespace v2p::cli {
namespace {

constexpr std::uint32_t kMargin = 24, kLegendWidth = 396, kGap = 28, kRow = 22;
constexpr std::uint32_t kLegendX = kMargin + kPictureWidth + kGap;
constexpr std::uint32_t kWidth = kLegendX + kLegendWidth + kMargin;
constexpr std::uint32_t kTop = 106;
constexpr std::uint32_t kCurve = 88;
constexpr std::size_t kLongestName = 16;  // in characters; the whole name is in the tooltip

// At most so many characters, without cutting one in two.
std::string Shortened(const std::string& name) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if ((static_cast<unsigned char>(name[i]) & 0xC0U) == 0x80) continue;
    if (characters++ == kLongestName) return name.substr(0, i) + "\u2026";
  }
  return name;
}

class Sheet {
 public:
  explicit Sheet(const AtlasScene& scene) : scene_(scene) {}

  std::string Draw() {
    Head();
    body_ += fmt::format("<g transform=\"translate({} {})\">\n{}</g>\n", kMargin, kTop,
                         PictureMarkup(scene_));
    Legend();
    y_ = std::max(y_, kTop + PictureHeight(scene_)) + 36;
    Terms();
    Owners();
    Holes();
    const std::uint32_t height = y_ + kMargin;
    return fmt::format(
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
               "viewBox=\"0 0 {0} {1}\" style=\"max-width:100%;height:auto;background:#fff\" "
               "font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"13\" "
               "fill=\"#15181d\">\n<title>Physical memory of {2}</title>\n"
               "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
               kWidth, height, Markup(scene_.image)) +
           body_ + "</svg>\n";
  }

 private:
  void Text(double x, double y, std::string_view text, std::string_view attributes = {}) {
    body_ += fmt::format("<text x=\"{:g}\" y=\"{:g}\"{}{}>{}</text>\n", x, y,
                         attributes.empty() ? "" : " ", attributes, Markup(text));
  }

  void Head() {
    Text(kMargin, 40, "Physical memory of " + scene_.image, "font-size=\"21\" font-weight=\"600\"");
    double y = 62;
    std::string line;
    for (const std::string& sentence : AtlasSummary(scene_)) {
      if (!line.empty() && line.size() + sentence.size() > 175) {
        Text(kMargin, y, line, kMuted);
        line.clear();
        y += 18;
      }
      if (!line.empty()) line += ' ';
      line += sentence;
    }
    Text(kMargin, y, line, kMuted);
  }

  // A row of numbers: frames of class `what` in the terms of the document, `attributes` of texts.
  void Numbers(std::string_view what, std::uint64_t frames, const std::string& share,
               std::string_view attributes) {
    const auto at = [&](double x, const std::string& text) {
      Text(x, y_, text, fmt::format("text-anchor=\"end\" {}", attributes));
    };
    Text(kLegendX + 248, y_, Grouped(frames),
         fmt::format("text-anchor=\"end\" class=\"{}\" {}", what, attributes));
    at(kLegendX + 328, LongSize(frames * kPageBytes));
    at(kLegendX + kLegendWidth, share);
  }

  void Sum(std::string_view name, std::uint64_t frames) {
    body_ += fmt::format("<path d=\"M{} {}h{}\" stroke=\"#cfccc4\"/>\n", kLegendX, y_ - 15,
                         kLegendWidth);
    Text(kLegendX, y_, name, "font-weight=\"600\"");
    Numbers("sum", frames, "", "font-weight=\"600\"");
    y_ += kRow + 6;
  }

  void Row(const AtlasRow& row) {
    body_ += fmt::format(
        "<g><title>{}{}{}</title><rect x=\"{}\" y=\"{}\" width=\"14\" height=\"14\" rx=\"2\" "
        "fill=\"{}\" stroke=\"#15181d\" stroke-opacity=\"0.25\"/>\n",
        Markup(row.name), row.note.empty() ? "" : ", ", Markup(row.note), kLegendX, y_ - 11,
        AtlasColour(row.colour));
    body_ += fmt::format(
        "<text x=\"{}\" y=\"{}\">{} <tspan {}>{}</tspan></text></g>\n", kLegendX + 22, y_,
        Markup(row.note.empty() ? row.name : Shortened(row.name)), kMuted, Markup(row.note));
    Numbers("frames", row.frames, AtlasShare(scene_, row), "");
    y_ += kRow;
  }

  void Legend() {
    y_ = kTop + 12;
    const auto head = [&](double x, std::string_view text) {
      Text(x, y_, text, fmt::format("text-anchor=\"end\" {}", kMuted));
    };
    head(kLegendX + 248, "frames");
    head(kLegendX + 328, "size");
    head(kLegendX + kLegendWidth, "of image");
    y_ += kRow;
    for (const AtlasRow& row : scene_.legend) {
      if (row.cls == kAbsentFrame) Sum("in the image", scene_.census.InImage());
      Row(row);
    }
    Sum("all addresses", scene_.census.cells.frames);
    body_ += fmt::format("<g transform=\"translate({} {})\">{}</g>\n", kLegendX, y_ - 8,
                         CurveMarkup(scene_, kCurve));
    const double x = kLegendX + kCurve + 16;
    double y = y_ + 6;
    for (const char* line :
         {"Addresses run along this curve, a Hilbert", "curve: what is near in memory is near in",
          "the picture. Each label is the first", "address of its square."}) {
      Text(x, y, line, kMuted);
      y += 18;
    }
    y_ += kCurve;
  }

  void Terms() {
    Text(kMargin, y_, "What a frame counts as: the first of these that fits",
         "font-weight=\"600\"");
    y_ += 20;
    for (const AtlasTerm& term : AtlasTerms()) {
      Text(kMargin, y_, term.term);
      Text(kMargin + 96, y_, term.meaning, kMuted);
      y_ += 18;
    }
  }

  static constexpr std::uint32_t kColumns = 3, kColumn = (kWidth - 2 * kMargin + kGap) / kColumns;

  void Holes() {
    const auto holes = AtlasHoles(scene_);
    if (holes.size() < 2) return;
    y_ += 24;
    Text(kMargin, y_, "Holes, all absent, that are left out of the picture", "font-weight=\"600\"");
    y_ += 20;
    const std::size_t rows = (holes.size() + kColumns - 1) / kColumns;
    for (std::size_t i = 0; i < holes.size(); ++i) {
      const std::size_t column = i / rows, row = i % rows;
      Text(kMargin + static_cast<double>(column * kColumn), y_ + static_cast<double>(row * 18),
           holes[i], kMuted);
    }
    y_ += static_cast<std::uint32_t>(rows * 18);
  }

  // All of them, down the columns.
  void Owners() {
    if (scene_.owners.empty()) return;
    y_ += 24;
    Text(kMargin, y_, "Processes: frames of their own, and shared frames that they map too",
         "font-weight=\"600\"");
    y_ += 20;
    const std::size_t rows = (scene_.owners.size() + kColumns - 1) / kColumns;
    for (std::size_t i = 0; i < scene_.owners.size(); ++i) {
      const AtlasRow& row = scene_.owners[i];
      const std::size_t column = i / rows, below = i % rows;
      const double x = kMargin + static_cast<double>(column * kColumn);
      const double y = y_ + static_cast<double>(below * 18);
      body_ += fmt::format("<rect x=\"{:g}\" y=\"{:g}\" width=\"9\" height=\"9\" fill=\"{}\"/>\n",
                           x, y - 9, AtlasColour(row.colour));
      Text(x + 16, y, Shortened(row.name));
      Text(x + 150, y, row.note, kMuted);
      Text(x + kColumn - kGap - 88, y, Grouped(row.frames), "text-anchor=\"end\"");
      Text(x + kColumn - kGap, y, "+ " + Grouped(row.shared),
           fmt::format("text-anchor=\"end\" {}", kMuted));
    }
    y_ += static_cast<std::uint32_t>(rows * 18);
  }

  static constexpr std::string_view kMuted = "fill=\"#5a616c\"";

  const AtlasScene& scene_;
  std::string body_;
  std::uint32_t y_ = 0;
};

}  // namespace

std::string AtlasSvg(const AtlasScene& scene) { return Sheet(scene).Draw(); }

}  // namespace v2p::cli

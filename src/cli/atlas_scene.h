// What `v2p atlas` draws: one description from which SVG, HTML and the tables are written.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/owner_world.h"
#include "locate/frame_census.h"

namespace v2p::cli {

/// Somebody or something that has frames. Texts are safe for a terminal, but no markup yet.
struct AtlasRow {
  FrameClass cls = kAbsentFrame;
  std::string name;
  std::string note;  ///< beside the name, smaller: "PID 512"
  std::uint64_t frames = 0;
  std::uint64_t shared = 0;  ///< of processes: shared frames that they map, too
  std::size_t colour = 0;    ///< place in the palette
};

struct AtlasScene {
  /// Places of the palette: the classes below kFirstOwnerFrame, then the processes that have most,
  /// then the rest of them.
  static constexpr std::size_t kOwnColours = 8;
  static constexpr std::size_t kOthers = kFirstOwnerFrame + kOwnColours;
  static constexpr std::uint8_t kNothing = 0xff;  ///< a place of the grid behind the last frame

  std::string image;                 ///< name of the file
  std::vector<std::string> systems;  ///< "Linux 6.1.0"
  bool given_root = false;
  std::uint64_t absent_tables = 0;
  bool complete = true;
  FrameCensus census;
  std::vector<AtlasRow> legend;         ///< drawn; kernel first, absent last; together all frames
  std::vector<AtlasRow> owners;         ///< every process, most frames first
  std::size_t coloured = 0;             ///< so many of `owners` have a colour of their own
  unsigned order = 0;                   ///< the curve goes through 2^order by 2^order cells
  std::uint32_t width = 1, height = 1;  ///< of the part that the image reaches, in cells
  std::vector<std::uint8_t> grid;       ///< row by row: palette, or kNothing
  std::vector<std::uint8_t> colours;    ///< by class: palette

  std::uint64_t CellFrames() const { return std::uint64_t{1} << census.cells.shift; }
};

/// "#8593aa". Okabe and Ito's colours for processes, told apart by colour-blind people too.
std::string_view AtlasColour(std::size_t palette);

AtlasScene MakeAtlas(const OwnerWorld& world, FrameCensus census, std::string_view image);

/// "Linux 6.1.0; 512 MiB in 131,072 frames of 4 KiB, 131,012 of them in the image; a cell is ..."
std::vector<std::string> AtlasSummary(const AtlasScene& scene);

/// The absent stretches that have no cells: "0x20000000 to 0xfffbffff (3.5 GiB)".
std::vector<std::string> AtlasHoles(const AtlasScene& scene);

/// How frames were classified, as (term, meaning).
struct AtlasTerm {
  std::string_view term, meaning;
};
std::span<const AtlasTerm> AtlasTerms();

/// "12.3 %" of the frames in the image; empty for the absent ones.
std::string AtlasShare(const AtlasScene& scene, const AtlasRow& row);

/// The complete files.
std::string AtlasSvg(const AtlasScene& scene);
std::string AtlasHtml(const AtlasScene& scene);

/// What both files have in common: the drawing, kPictureWidth wide in its own units.
inline constexpr std::uint32_t kPictureWidth = 768;
std::uint32_t PictureHeight(const AtlasScene& scene);
std::string PictureMarkup(const AtlasScene& scene);
/// A small drawing of the curve, `side` wide.
std::string CurveMarkup(const AtlasScene& scene, std::uint32_t side);

/// `text` as text of XML or HTML, or as the value of a quoted attribute.
std::string Markup(std::string_view text);

/// Standard output beside the file, in the forms of --format.
std::string AtlasReport(const AtlasScene& scene, const OwnerWorld& world, const Args& args);

}  // namespace v2p::cli

// From a census to rows, colours and a grid.
// SPDX-License-Identifier: Apache-2.0
#include "cli/atlas_scene.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/hilbert.h"
#include "cli/safe_text.h"
#include "cli/text_format.h"

namespace v2p::cli {
namespace {

// Fixed classes in the order of their numbers, processes after M. Okabe and K. Ito, "Color
// Universal Design" (2008), and P. Tol's "muted" wine; the rest of the processes.
constexpr std::array<std::string_view, AtlasScene::kOthers + 1> kPalette = {
    "#f1efe9", "#cfccc4", "#15181d", "#8593aa", "#cc79a7",  // absent .. shared
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00",
    "#0072b2", "#882255", "#999933", "#b89b7d"};

// In the order in which they are tried.
constexpr std::array kTerms = {
    AtlasTerm{"absent", "not in the image, below the end of its last page"},
    AtlasTerm{"page table", "read as a page table of the kernel or of a process"},
    AtlasTerm{"shared", "mapped by two or more processes"},
    AtlasTerm{"a process",
              "mapped by it and by no other, whether the kernel maps it elsewhere or "
              "not"},
    AtlasTerm{"kernel",
              "mapped by a kernel and by no process. Some kernels map all memory: free "
              "pages and caches are here then"},
    AtlasTerm{"unmapped", "in the image, but none of the page tables that were read map it"}};

std::string SystemName(const System& system) {
  const std::string_view os = system.os == GuestOs::kLinux     ? "Linux"
                              : system.os == GuestOs::kWindows ? "Windows"
                                                               : "";
  if (os.empty() || system.version.empty()) return std::string(os);
  return fmt::format("{} {}", os, SafeText(system.version));
}

AtlasRow OwnerRow(const OwnerWorld& world, const FrameCensus& census, std::uint32_t owner) {
  AtlasRow row;
  row.cls = kFirstOwnerFrame + owner;
  row.frames = census.counts[row.cls];
  row.shared = census.shares[owner];
  if (const Process* process = world.ProcessOf(owner)) {
    row.name = process->name.empty() ? "(no name)" : SafeText(process->name);
    row.note = fmt::format("PID {}", process->pid);
  } else {
    row.name = fmt::format("root {:#x}", world.RootOf(owner).table.value);
    row.note = "of no process";
  }
  if (world.systems.size() > 1) {
    row.note += fmt::format(", system {}", world.index.owners[owner].system + 1);
  }
  return row;
}

// Processes, most frames first, with their colours.
void AddOwners(const OwnerWorld& world, AtlasScene& scene) {
  for (std::uint32_t owner = 0; owner < world.index.owners.size(); ++owner) {
    const Owner& who = world.index.owners[owner];
    if (who.process || who.orphan) scene.owners.push_back(OwnerRow(world, scene.census, owner));
  }
  std::stable_sort(scene.owners.begin(), scene.owners.end(),
                   [](const AtlasRow& a, const AtlasRow& b) { return a.frames > b.frames; });
  scene.colours.assign(scene.census.counts.size(), AtlasScene::kOthers);
  for (FrameClass cls = 0; cls < kFirstOwnerFrame; ++cls) {
    scene.colours[cls] = static_cast<std::uint8_t>(cls);
  }
  for (AtlasRow& row : scene.owners) {
    row.colour = AtlasScene::kOthers;
    if (row.frames == 0 || scene.coloured == AtlasScene::kOwnColours) continue;
    row.colour = kFirstOwnerFrame + scene.coloured++;
    scene.colours[row.cls] = static_cast<std::uint8_t>(row.colour);
  }
}

void AddLegend(AtlasScene& scene) {
  const auto fixed = [&](FrameClass cls, std::string_view name) {
    scene.legend.push_back(
        {cls, std::string(name), {}, scene.census.counts[cls], 0, static_cast<std::size_t>(cls)});
  };
  fixed(kKernelFrame, scene.given_root ? "the given root" : "kernel");
  fixed(kTableFrame, "page tables");
  fixed(kSharedFrame, "shared");
  const auto coloured = scene.owners.begin() + static_cast<std::ptrdiff_t>(scene.coloured);
  scene.legend.insert(scene.legend.end(), scene.owners.begin(), coloured);
  if (coloured != scene.owners.end()) {
    const auto count = static_cast<std::size_t>(scene.owners.end() - coloured);
    AtlasRow others;
    others.cls = static_cast<FrameClass>(scene.census.counts.size());  // a class of its own
    others.name = fmt::format("{} other process{}", Grouped(count), count == 1 ? "" : "es");
    for (auto row = coloured; row != scene.owners.end(); ++row) others.frames += row->frames;
    others.colour = AtlasScene::kOthers;
    scene.legend.push_back(others);
  }
  fixed(kUnmappedFrame, "unmapped");
  fixed(kAbsentFrame, "absent");
}

void AddGrid(AtlasScene& scene) {
  const FrameCensus& census = scene.census;
  while ((std::uint64_t{1} << (2 * scene.order)) < census.cells.Count()) ++scene.order;
  std::vector<GridPoint> places(census.cells.Count());
  for (std::size_t cell = 0; cell < places.size(); ++cell) {
    places[cell] = HilbertPoint(scene.order, cell);
    scene.width = std::max(scene.width, places[cell].x + 1);
    scene.height = std::max(scene.height, places[cell].y + 1);
  }
  scene.grid.assign(std::size_t{scene.width} * scene.height, AtlasScene::kNothing);
  for (std::size_t cell = 0; cell < places.size(); ++cell) {
    const auto parts = census.PartsOf(cell);
    const FrameClass cls = parts.empty() ? kAbsentFrame : parts.front().cls;
    scene.grid[std::size_t{places[cell].y} * scene.width + places[cell].x] = scene.colours[cls];
  }
}

}  // namespace

std::string_view AtlasColour(std::size_t palette) { return kPalette[palette]; }

std::span<const AtlasTerm> AtlasTerms() { return kTerms; }

AtlasScene MakeAtlas(const OwnerWorld& world, FrameCensus census, std::string_view image) {
  AtlasScene scene;
  scene.image = SafeText(image.substr(image.rfind('/') + 1));
  scene.given_root = world.given_root;
  for (const System& system : world.systems) {
    if (auto name = SystemName(system); !name.empty()) scene.systems.push_back(std::move(name));
  }
  scene.absent_tables = world.index.absent_tables;
  scene.complete = world.index.complete;
  scene.census = std::move(census);
  AddOwners(world, scene);
  AddLegend(scene);
  AddGrid(scene);
  return scene;
}

std::vector<std::string> AtlasSummary(const AtlasScene& scene) {
  const FrameCensus& census = scene.census;
  std::vector<std::string> lines;
  lines.push_back(
      fmt::format("{}{}{} of addresses, {} frames of 4 KiB; {} of them, {}, are in the "
                  "image.",
                  fmt::join(scene.systems, " and "), scene.systems.empty() ? "" : ". ",
                  LongSize(census.cells.frames * kPageBytes), Grouped(census.cells.frames),
                  Grouped(census.InImage()), LongSize(census.InImage() * kPageBytes)));
  lines.push_back(census.cells.shift == 0
                      ? std::string("A cell is one frame.")
                      : fmt::format("A cell is {} frames, {}, in the colour of what most of "
                                    "those in the image are.",
                                    Grouped(scene.CellFrames()),
                                    LongSize(scene.CellFrames() * kPageBytes)));
  const auto holes = AtlasHoles(scene);
  if (holes.size() == 1) {
    lines.push_back(fmt::format("Absent and left out of the picture: {}.", holes.front()));
  } else if (!holes.empty()) {
    lines.push_back(
        fmt::format("The {} largest holes are left out of the picture; the list below "
                    "names them.",
                    holes.size()));
  }
  if (scene.absent_tables != 0) {
    lines.push_back(fmt::format("Page tables that the image lacks: {}. More frames may be mapped.",
                                Grouped(scene.absent_tables)));
  }
  if (!scene.complete) {
    lines.emplace_back(
        "There are more page tables than the image justifies: more frames may be mapped.");
  }
  return lines;
}

std::vector<std::string> AtlasHoles(const AtlasScene& scene) {
  std::vector<std::string> holes;
  std::uint64_t end = 0;
  for (const FrameCells::Stretch& stretch : scene.census.cells.stretches) {
    if (stretch.first != end) {
      holes.push_back(fmt::format("{:#x} to {:#x} ({})", end << kPageShift,
                                  (stretch.first << kPageShift) - 1,
                                  LongSize((stretch.first - end) * kPageBytes)));
    }
    end = stretch.End();
  }
  return holes;
}

std::string AtlasShare(const AtlasScene& scene, const AtlasRow& row) {
  if (row.cls == kAbsentFrame || scene.census.InImage() == 0) return {};
  const double percent =
      100.0 * static_cast<double>(row.frames) / static_cast<double>(scene.census.InImage());
  if (row.frames != 0 && percent < 0.05) return "< 0.1 %";
  return fmt::format("{:.1f} %", percent);
}

std::string Markup(std::string_view text) {
  // Valid UTF-8, but no characters of XML.
  constexpr std::array<std::string_view, 2> kNoCharacters = {"\xef\xbf\xbe", "\xef\xbf\xbf"};
  const std::string safe = SafeText(text);
  std::string out;
  for (std::size_t i = 0; i < safe.size(); ++i) {
    const std::string_view rest = std::string_view(safe).substr(i);
    if (rest.starts_with(kNoCharacters[0]) || rest.starts_with(kNoCharacters[1])) {
      out += "\xef\xbf\xbd";
      i += 2;
    } else if (safe[i] == '&') {
      out += "&amp;";
    } else if (safe[i] == '<') {
      out += "&lt;";
    } else if (safe[i] == '>') {
      out += "&gt;";
    } else if (safe[i] == '"') {
      out += "&quot;";
    } else if (safe[i] == '\'') {
      out += "&#39;";
    } else {
      out += safe[i];
    }
  }
  return out;
}

}  // namespace v2p::cli

// `v2p atlas` on standard output: the sums that the file shows, for eyes, as `v2p.atlas/1`, as CSV.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "cli/atlas_scene.h"
#include "cli/csv_field.h"
#include "cli/json_records.h"
#include "cli/text_format.h"

namespace v2p::cli {
namespace {

struct FixedClass {
  FrameClass cls;
  const char* name;  // kebab-case, as in `v2p.owner/1`
};
constexpr std::array kFixed = {
    FixedClass{kKernelFrame, "kernel"}, FixedClass{kTableFrame, "page-table"},
    FixedClass{kSharedFrame, "shared"}, FixedClass{kUnmappedFrame, "unmapped"},
    FixedClass{kAbsentFrame, "absent"}};

std::uint64_t ProcessFrames(const AtlasScene& scene) {
  std::uint64_t frames = 0;
  for (const AtlasRow& row : scene.owners) frames += row.frames;
  return frames;
}

std::string Text(const AtlasScene& scene) {
  std::string out = fmt::format("{:<24}  {:>14}  {:>10}  of image\n", "", "frames", "size");
  const auto line = [&](std::string_view name, const AtlasRow& row) {
    out += fmt::format("{:<24}  {:>14}  {:>10}  {:>8}\n", name, Grouped(row.frames),
                       LongSize(row.frames * kPageBytes), AtlasShare(scene, row));
  };
  for (const AtlasRow& row : scene.legend) {
    if (row.cls >= kFirstOwnerFrame) continue;
    line(row.name, row);
    if (row.cls != kSharedFrame) continue;
    for (const AtlasRow& owner : scene.owners) {
      const std::size_t space = owner.note.find(' ');
      line(owner.note.starts_with("PID ") ? owner.note.substr(space + 1) + " " + owner.name
                                          : owner.name,
           owner);
    }
  }
  out +=
      fmt::format("{:<24}  {:>14}  {:>10}\n", "all addresses", Grouped(scene.census.cells.frames),
                  LongSize(scene.census.cells.frames * kPageBytes));
  return out;
}

Json AtlasJson(const AtlasScene& scene, const OwnerWorld& world, const Args& args) {
  Json classes = Json::object();
  for (const FixedClass& fixed : kFixed) {
    classes[fixed.name] = scene.census.counts[fixed.cls];
    if (fixed.cls == kSharedFrame) classes["process"] = ProcessFrames(scene);
  }
  Json owners = Json::array();
  for (const AtlasRow& row : scene.owners) {
    const std::uint32_t owner = row.cls - kFirstOwnerFrame;
    const Process* process = world.ProcessOf(owner);
    owners.push_back({{"kind", world.Kind(owner)},
                      {"dtb", HexJson(world.RootOf(owner).table.value)},
                      {"pid", process != nullptr ? Json(process->pid) : Json()},
                      {"name", process != nullptr ? Json(process->name) : Json()},
                      {"frames", row.frames},
                      {"shared_frames", row.shared}});
  }
  return {{"schema", "v2p.atlas/1"},
          {"image", args.dump},
          {"file", args.out},
          {"frame_bytes", kPageBytes},
          {"frames", scene.census.cells.frames},
          {"frames_in_image", scene.census.InImage()},
          {"cell_frames", scene.CellFrames()},
          {"classes", std::move(classes)},
          {"owners", std::move(owners)},
          {"absent_tables", scene.absent_tables},
          {"complete", scene.complete}};
}

std::string Csv(const AtlasScene& scene, const OwnerWorld& world, const Args& args) {
  std::string out = "schema,image,file,class,kind,dtb,pid,name,frames,shared_frames\r\n";
  const std::string head =
      fmt::format("v2p.atlas/1,{},{}", CsvField(args.dump), CsvField(args.out));
  for (const FixedClass& fixed : kFixed) {
    out += fmt::format("{},{},,,,,{},\r\n", head, fixed.name, scene.census.counts[fixed.cls]);
  }
  for (const AtlasRow& row : scene.owners) {
    const std::uint32_t owner = row.cls - kFirstOwnerFrame;
    const Process* process = world.ProcessOf(owner);
    out += fmt::format(
        "{},process,{},0x{:016x},{},{},{},{}\r\n", head, world.Kind(owner),
        world.RootOf(owner).table.value, process != nullptr ? fmt::format("{}", process->pid) : "",
        process != nullptr ? CsvUntrusted(process->name) : "", row.frames, row.shared);
  }
  return out;
}

}  // namespace

std::string AtlasReport(const AtlasScene& scene, const OwnerWorld& world, const Args& args) {
  switch (args.format) {
    case OutputFormat::kJson:
    case OutputFormat::kNdjson:
      return Dump(AtlasJson(scene, world, args)) + "\n";
    case OutputFormat::kCsv:
      return Csv(scene, world, args);
    case OutputFormat::kText:
    case OutputFormat::kWindbg:
      break;
  }
  return Text(scene);
}

}  // namespace v2p::cli

// A file for an image and the options that decide what its owners are. The page tables are part of
// its key: they decide all of the index, so that one that was changed or swapped cannot mislead.
// SPDX-License-Identifier: Apache-2.0
#include "cli/owner_cache.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/file_source.h"
#include "cli/log.h"
#include "codec/archive.h"
#include "codec/new_file.h"
#include "codec/xxh64.h"

namespace v2p::cli {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kKind = "v2p owners 1";
constexpr std::size_t kHeadBytes = 65536;

template <class T>
std::string HexOr(const std::optional<T>& value, std::string_view otherwise) {
  return value ? fmt::format("{:#x}", *value) : std::string(otherwise);
}

// What the file is, by size, time of change and its first bytes.
std::string IdentityOf(const std::string& path) {
  struct stat info {};
  const auto source = OpenFile(path);
  if (!source || stat(path.c_str(), &info) != 0) return {};
  std::vector<std::byte> head(kHeadBytes);
  const auto got = (*source)->ReadAt(0, head);
  if (!got) return {};
  return fmt::format("{} bytes, {}.{:09}, {:016x}", (*source)->Size(), info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec, Xxh64(std::span(head).first(*got)));
}

// Whatever the owners depend on; empty when there can be no key.
std::string KeyOf(const Args& args) {
  const std::string identity = IdentityOf(args.dump);
  if (identity.empty()) return {};
  std::string key = fmt::format("{}\n" V2P_VERSION "\n{}\nas {} platform {}\n", kKind, identity,
                                args.open.as, args.open.platform);
  for (const UserRange& range : args.open.ranges) {
    const auto at = range.at ? std::optional(range.at->value) : std::nullopt;
    key += fmt::format("{:#x}+{:#x}@{}\n", range.begin.value, range.bytes, HexOr(at, "next"));
  }
  const auto os = args.os ? fmt::format("{}", *args.os) : "";
  return key + fmt::format("dtb {} ttbr1 {} mode {} os {} offsets {}\n", HexOr(args.dtb, "found"),
                           HexOr(args.ttbr1, "found"), args.mode ? Name(*args.mode) : "found", os,
                           HexOr(args.offsets_size, "found"));
}

// Of all pages that the owners walk through, as far as the image has them.
std::uint64_t ChecksumOfTables(const PhysicalMemory& memory, const OwnerIndex& index) {
  std::uint64_t sum = index.absent_tables;
  std::array<std::byte, kPageBytes> page;
  std::uint64_t last = ~std::uint64_t{0};
  for (const TableUse& use : index.tables) {
    if (use.frame == std::exchange(last, use.frame)) continue;
    const std::size_t got = memory.Read(Pfn(use.frame).Base(), page);
    sum = Xxh64(std::span(page).first(got), sum ^ use.frame);
  }
  return sum;
}

Json JsonOf(const Root& root) {
  return {Name(root.mode), root.table.value, root.upper ? Json(root.upper->value) : Json()};
}

Root RootFrom(const Json& json) {
  Root root{ModeByName(json.at(0).get<std::string>()).value(),
            PhysAddr(json.at(1).get<std::uint64_t>()),
            {}};
  if (!json.at(2).is_null()) root.upper = PhysAddr(json.at(2).get<std::uint64_t>());
  return root;
}

// What reports show of a system.
Json JsonOf(const System& system) {
  Json processes = Json::array();
  for (const Process& process : system.processes) {
    processes.push_back({process.pid, process.name, process.root ? JsonOf(*process.root) : Json()});
  }
  Json orphans = Json::array();
  for (const OrphanRoot& orphan : system.orphans) orphans.push_back(JsonOf(orphan.root));
  return {{"os", static_cast<int>(system.os)},
          {"version", system.version},
          {"kernel", JsonOf(system.kernel.root)},
          {"processes", std::move(processes)},
          {"orphans", std::move(orphans)}};
}

System SystemFrom(const Json& json) {
  System system;
  system.os = static_cast<GuestOs>(json.at("os").get<int>());
  system.version = json.at("version").get<std::string>();
  system.kernel.root = RootFrom(json.at("kernel"));
  for (const Json& of_one : json.at("processes")) {
    Process& process = system.processes.emplace_back();
    process.pid = of_one.at(0).get<std::uint64_t>();
    process.name = of_one.at(1).get<std::string>();
    if (!of_one.at(2).is_null()) process.root = RootFrom(of_one.at(2));
  }
  for (const Json& root : json.at("orphans")) system.orphans.push_back({RootFrom(root), false});
  return system;
}

// Plain rows of what has padding or may be nothing.
constexpr std::uint64_t kNone = ~std::uint64_t{0};
using OwnerRow = std::array<std::uint64_t, 3>;
using TableRow = std::array<std::uint64_t, 3>;

std::vector<OwnerRow> RowsOf(const std::vector<Owner>& owners) {
  std::vector<OwnerRow> rows;
  rows.reserve(owners.size());
  for (const Owner& owner : owners) {
    rows.push_back({owner.system, owner.process.value_or(kNone), owner.orphan.value_or(kNone)});
  }
  return rows;
}

std::vector<TableRow> RowsOf(const std::vector<TableUse>& tables) {
  std::vector<TableRow> rows;
  rows.reserve(tables.size());
  for (const TableUse& use : tables) {
    rows.push_back({use.frame, use.owner | std::uint64_t{use.level} << 32U, use.va.value});
  }
  return rows;
}

// False when an owner is nobody's.
bool OwnersFrom(const std::vector<OwnerRow>& rows, OwnerWorld& world) {
  for (const OwnerRow& row : rows) {
    if (row[0] >= world.systems.size()) return false;
    const System& system = world.systems[row[0]];
    Owner& owner = world.index.owners.emplace_back();
    owner.system = row[0];
    if (row[1] != kNone) owner.process = row[1];
    if (row[2] != kNone) owner.orphan = row[2];
    if (owner.process && (row[1] >= system.processes.size() || !system.processes[row[1]].root)) {
      return false;
    }
    if (owner.orphan && row[2] >= system.orphans.size()) return false;
  }
  return true;
}

bool TablesFrom(const std::vector<TableRow>& rows, OwnerWorld& world) {
  world.index.tables.reserve(rows.size());
  for (const TableRow& row : rows) {
    const auto owner = static_cast<std::uint32_t>(row[1]);
    const std::uint64_t level = row[1] >> 32U;
    if (owner >= world.index.owners.size()) return false;
    if (level >= Mode(world.RootOf(owner).mode).level_count) return false;
    world.index.tables.push_back(
        {row[0], owner, static_cast<std::uint8_t>(level), VirtAddr(row[2])});
  }
  return std::is_sorted(world.index.tables.begin(), world.index.tables.end());
}

Status Write(const std::string& path, const std::string& key, const OwnerWorld& world,
             std::uint64_t checksum) {
  auto file = NewFile::Create(path, true, S_IRUSR | S_IWUSR);
  if (!file) return tl::unexpected<Error>(file.error());
  Json systems = Json::array();
  for (const System& system : world.systems) systems.push_back(JsonOf(system));
  ArchiveWriter writer(*file);
  writer(std::vector<char>(key.begin(), key.end()));
  writer(std::vector<std::uint64_t>{checksum, world.index.absent_tables,
                                    world.index.complete ? 1U : 0U, world.given_root ? 1U : 0U});
  writer(Json::to_msgpack(systems));
  writer(RowsOf(world.index.owners));
  writer(RowsOf(world.index.tables));
  world.index.index.Archive(writer);
  if (!writer.Outcome()) return writer.Outcome();
  return file->Publish();
}

std::optional<OwnerWorld> Read(const ByteSource& file, const std::string& key,
                               const PhysicalMemory& memory) {
  ArchiveReader reader(file);
  std::vector<char> kept_key;
  std::vector<std::uint64_t> words;
  std::vector<std::uint8_t> systems;
  std::vector<OwnerRow> owners;
  std::vector<TableRow> tables;
  OwnerWorld world;
  reader(kept_key);
  if (!std::equal(kept_key.begin(), kept_key.end(), key.begin(), key.end())) return std::nullopt;
  reader(words);
  reader(systems);
  reader(owners);
  reader(tables);
  world.index.index.Archive(reader);
  if (!reader.Sound() || !reader.AtEnd() || words.size() != 4) return std::nullopt;
  for (const Json& json : Json::from_msgpack(systems)) world.systems.push_back(SystemFrom(json));
  world.index.absent_tables = words[1];
  world.index.complete = words[2] != 0;
  world.given_root = words[3] != 0;
  if (!OwnersFrom(owners, world) || !TablesFrom(tables, world)) return std::nullopt;
  if (!world.index.index.Sound(world.index.owners.size())) return std::nullopt;
  if (ChecksumOfTables(memory, world.index) != words[0]) return std::nullopt;
  return world;
}

}  // namespace

OwnerCache::OwnerCache(const Args& args, const PhysicalMemory& memory)
    : memory_(memory), folder_(args.cache_dir) {
  if (!folder_.empty()) key_ = KeyOf(args);
  if (key_.empty()) return;
  const auto name = fmt::format("owners-{:016x}.v2p", Xxh64(std::as_bytes(std::span(key_))));
  path_ = (std::filesystem::path(folder_) / name).string();
}

std::optional<OwnerWorld> OwnerCache::Load() const {
  if (path_.empty()) return std::nullopt;
  const auto file = OpenFile(path_);
  if (!file) return std::nullopt;
  try {
    if (auto world = Read(**file, key_, memory_)) return world;
  } catch (const std::exception&) {  // not what this version writes
  }
  LogWarning(fmt::format("{}: not of this image as it is now, or damaged: made anew", path_));
  return std::nullopt;
}

void OwnerCache::Save(const OwnerWorld& world) const {
  if (path_.empty()) return;
  std::error_code ignored;  // what does not exist cannot be written to, and that is reported
  std::filesystem::create_directories(folder_, ignored);
  const auto checksum = ChecksumOfTables(memory_, world.index);
  const auto written = Write(path_, key_, world, checksum);
  if (!written) LogWarning("--cache-dir: " + written.error().OneLine());
}

}  // namespace v2p::cli

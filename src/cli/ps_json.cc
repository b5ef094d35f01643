// `v2p ps` as `v2p.processes/1`, as lines of records, and as CSV.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/csv_field.h"
#include "cli/info.h"
#include "cli/json_records.h"
#include "cli/ps_report.h"
#include "dumpfmt/windows_text.h"
#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

std::optional<std::uint64_t> Table(const std::optional<Root>& root) {
  return root ? std::optional(root->table.value) : std::nullopt;
}

std::optional<std::uint64_t> Upper(const std::optional<Root>& root) {
  return root && root->upper ? std::optional(root->upper->value) : std::nullopt;
}

Json TimeJson(std::optional<std::uint64_t> time) {
  return time ? Json(windows::FileTimeText(*time)) : Json();
}

Json ProcessJson(const std::string& image, const System& system, const Process& process) {
  const auto at = process.object_at ? std::optional(process.object_at->value) : std::nullopt;
  return {{"schema", "v2p.process/1"},
          {"image", image},
          {"os", OrNull(OsName(system.os))},
          {"kernel_dtb", HexJson(system.kernel.root.table.value)},
          {"pid", process.pid},
          {"parent_pid", OrNull(process.parent_pid)},
          {"name", process.name},
          {"object", HexJson(process.object.value)},
          {"object_at", HexJson(at)},
          {"dtb", HexJson(Table(process.root))},
          {"ttbr1", HexJson(Upper(process.root))},
          {"user_dtb", HexJson(Table(process.user_root))},
          {"mode", Name(system.kernel.root.mode)},
          {"root_state", Name(process.root_state)},
          {"linkage", Name(process.linkage)},
          {"create_time", TimeJson(process.create_time)},
          {"exit_time", TimeJson(process.exit_time)}};
}

Json OrphanJson(const std::string& image, const System& system, const OrphanRoot& orphan) {
  return {{"schema", "v2p.orphan-root/1"},
          {"image", image},
          {"kernel_dtb", HexJson(system.kernel.root.table.value)},
          {"dtb", HexJson(orphan.root.table.value)},
          {"mode", Name(orphan.root.mode)},
          {"user_shadow", orphan.user_shadow}};
}

Json SystemJson(const std::string& image, const System& system) {
  Json processes = Json::array();
  for (const Process& process : system.processes) {
    processes.push_back(ProcessJson(image, system, process));
  }
  Json orphans = Json::array();
  for (const OrphanRoot& orphan : system.orphans) {
    orphans.push_back(OrphanJson(image, system, orphan));
  }
  return {{"os", OrNull(OsName(system.os))},
          {"version", system.version},
          {"build", system.build ? Json(*system.build) : Json()},
          {"dtb", HexJson(system.kernel.root.table.value)},
          {"mode", Name(system.kernel.root.mode)},
          {"confidence", system.kernel.confidence},
          {"notes", system.notes},
          {"processes", std::move(processes)},
          {"orphan_roots", std::move(orphans)}};
}

std::string Hex(std::optional<std::uint64_t> value) {
  return value ? fmt::format("0x{:016x}", *value) : std::string();
}

std::string Time(std::optional<std::uint64_t> time) {
  return time ? windows::FileTimeText(*time) : std::string();
}

}  // namespace

std::string PsJson(const std::string& image, std::span<const System> systems) {
  Json all = Json::array();
  for (const System& system : systems) all.push_back(SystemJson(image, system));
  return Dump({{"schema", "v2p.processes/1"}, {"image", image}, {"systems", std::move(all)}}) +
         "\n";
}

std::string PsNdjson(const std::string& image, std::span<const System> systems) {
  std::string out;
  for (const System& system : systems) {
    for (const Process& process : system.processes) {
      out += Dump(ProcessJson(image, system, process)) + "\n";
    }
    for (const OrphanRoot& orphan : system.orphans) {
      out += Dump(OrphanJson(image, system, orphan)) + "\n";
    }
  }
  return out;
}

// Orphan roots are rows too: nothing is lost in any form.
std::string PsCsv(const std::string& image, std::span<const System> systems) {
  std::string out =
      "schema,image,os,kernel_dtb,pid,parent_pid,name,object,object_at,dtb,ttbr1,user_dtb,mode,"
      "root_state,linkage,create_time,exit_time\r\n";
  const auto to = std::back_inserter(out);
  const std::string name = CsvField(image);
  for (const System& system : systems) {
    const std::string shared = fmt::format("{},{},{}", name, OsName(system.os).value_or(""),
                                           Hex(system.kernel.root.table.value));
    for (const Process& p : system.processes) {
      const auto at = p.object_at ? std::optional(p.object_at->value) : std::nullopt;
      fmt::format_to(to, "v2p.process/1,{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n", shared,
                     p.pid, p.parent_pid ? fmt::format("{}", *p.parent_pid) : "",
                     CsvUntrusted(p.name), Hex(p.object.value), Hex(at), Hex(Table(p.root)),
                     Hex(Upper(p.root)), Hex(Table(p.user_root)), Name(system.kernel.root.mode),
                     Name(p.root_state), Name(p.linkage), Time(p.create_time), Time(p.exit_time));
    }
    for (const OrphanRoot& orphan : system.orphans) {
      fmt::format_to(to, "v2p.orphan-root/1,{},,,,,,{},,,{},,{},,\r\n", shared,
                     Hex(orphan.root.table.value), Name(orphan.root.mode),
                     orphan.user_shadow ? "user-shadow" : "");
    }
  }
  return out;
}

}  // namespace v2p::cli

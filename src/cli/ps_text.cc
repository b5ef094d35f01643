// `v2p ps` for eyes.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cli/ps_report.h"
#include "cli/safe_text.h"
#include "cli/text_format.h"
#include "dumpfmt/windows_text.h"

namespace v2p::cli {
namespace {

std::string Remark(const Process& process) {
  std::string text;
  const auto add = [&](std::string_view part) {
    if (!text.empty()) text += "; ";
    text += part;
  };
  if (process.linkage == Linkage::kHidden) add("not in the process list");
  if (process.linkage == Linkage::kExited || process.exit_time) {
    add(process.exit_time ? "exited " + windows::FileTimeText(*process.exit_time) : "exited");
  }
  if (process.root_state == RootState::kShared) {
    add("on the kernel's root");
  } else if (process.root_state != RootState::kOk) {
    add(fmt::format("root {}", Name(process.root_state)));
  }
  return text;
}

std::string RootText(const std::optional<Root>& root) {
  return root ? Ticked(root->table.value) : "-";
}

std::string Row(const Process& process) {
  std::string row =
      fmt::format("{:>6} {:>6}  {:<17} {:<17} {:<21} {:<15}  {}", process.pid,
                  process.parent_pid ? fmt::format("{}", *process.parent_pid) : "-",
                  RootText(process.root), RootText(process.user_root),
                  process.create_time ? windows::FileTimeText(*process.create_time) : "-",
                  SafeText(process.name), Remark(process));
  row.erase(row.find_last_not_of(' ') + 1);
  return row;
}

void AppendSystem(const System& system, std::string* out) {
  const auto to = std::back_inserter(*out);
  fmt::format_to(to, "{} {}, {}, root {:#x}, confidence {}\n",
                 system.os == GuestOs::kLinux ? "Linux" : "Windows", SafeText(system.version),
                 Name(system.kernel.root.mode), system.kernel.root.table.value,
                 system.kernel.confidence);
  fmt::format_to(to, "{:>6} {:>6}  {:<17} {:<17} {:<21} {}\n", "PID", "PPID", "root", "user root",
                 "created (UTC)", "name");
  for (const Process& process : system.processes) *out += Row(process) + "\n";
  for (const OrphanRoot& orphan : system.orphans) {
    fmt::format_to(to, "{:>6} {:>6}  {:<17} {}\n", "-", "-", Ticked(orphan.root.table.value),
                   orphan.user_shadow ? "user shadow of no process found"
                                      : "of this system, but of no process found");
  }
}

}  // namespace

std::string PsText(std::span<const System> systems) {
  std::string out;
  for (const System& system : systems) {
    if (!out.empty()) out.push_back('\n');
    AppendSystem(system, &out);
  }
  return out;
}

}  // namespace v2p::cli

// Which process --pid or --process means, and whether its root can still be used.
// SPDX-License-Identifier: Apache-2.0
#include "cli/choose_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "cli/safe_text.h"

namespace v2p::cli {
namespace {

constexpr std::size_t kShownPids = 16;

std::string Wanted(const Args& args) {
  return args.pid ? fmt::format("PID {}", *args.pid) : SafeText(args.process);
}

// Kernels keep the first 15 bytes of a name; a longer one that the user gives is cut the same way.
bool HasName(const Process& process, std::string_view wanted) {
  constexpr std::size_t kKept = 15;
  const std::string_view kept = wanted.substr(0, kKept);
  return std::equal(process.name.begin(), process.name.end(), kept.begin(), kept.end(),
                    [](char a, char b) {
                      const auto lower = [](char c) {
                        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
                      };
                      return lower(a) == lower(b);
                    });
}

bool Matches(const Args& args, const Process& process) {
  return args.pid ? process.pid == *args.pid : HasName(process, args.process);
}

std::string Several(const Args& args, const std::vector<const Process*>& found) {
  std::string text =
      args.pid ? fmt::format("{} processes have {}; v2p ps shows them:", found.size(), Wanted(args))
               : fmt::format("{} processes have the name {}; choose with --pid:", found.size(),
                             Wanted(args));
  for (std::size_t i = 0; i < std::min(found.size(), kShownPids); ++i) {
    if (args.pid) {
      fmt::format_to(std::back_inserter(text), " {} ({:#x})", SafeText(found[i]->name),
                     found[i]->object.value);
    } else {
      fmt::format_to(std::back_inserter(text), " {}", found[i]->pid);
    }
  }
  return found.size() > kShownPids ? text + " ..." : text;
}

const char* WhyUnusable(RootState state) {
  switch (state) {
    case RootState::kFreed:
      return "its root has been freed: the process has exited";
    case RootState::kRecycled:
      return "its root now belongs to another process";
    case RootState::kNotInImage:
      return "its root is not in the image";
    case RootState::kInvalid:
      return "its root is no root of this system";
    case RootState::kOk:
    case RootState::kShared:
      break;
  }
  return nullptr;
}

}  // namespace

bool NamesProcess(const Args& args) { return args.pid.has_value() || !args.process.empty(); }

Result<Process> ChooseProcess(const Args& args, const System& system) {
  std::vector<const Process*> found;
  for (const Process& process : system.processes) {
    if (Matches(args, process)) found.push_back(&process);
  }
  // One that runs is meant rather than one that has exited.
  if (found.size() > 1) {
    const auto alive = [](const Process* p) { return p->linkage != Linkage::kExited; };
    if (std::count_if(found.begin(), found.end(), alive) == 1) {
      found = {*std::find_if(found.begin(), found.end(), alive)};
    }
  }
  if (found.size() == 1) return *found.front();
  if (found.empty()) {
    return Fail(ErrorKind::kNoRoot,
                fmt::format("no process is {} among the {} found (v2p ps shows them)", Wanted(args),
                            system.processes.size()));
  }
  return Fail(ErrorKind::kNoRoot, Several(args, found));
}

Result<RootChoice> RootOfProcess(const Process& process, const System& system) {
  const std::string who = fmt::format("{} ({})", SafeText(process.name), process.pid);
  if (const char* why = WhyUnusable(process.root_state)) {
    return Fail(ErrorKind::kNoRoot, fmt::format("{}: {}", who, why));
  }
  const bool own = process.root.has_value();
  const Root& root = own ? *process.root : system.kernel.root;
  RootChoice choice;
  choice.value = root.table.value;
  choice.dtb_source = "process";
  if (root.upper) {
    choice.ttbr1 = root.upper->value;
    choice.ttbr1_source = "process";
  }
  choice.mode = root.mode;
  choice.mode_source = "locator";
  choice.confidence = system.kernel.confidence;
  choice.notes.push_back(
      fmt::format("root of {}{}", who, own ? "" : ", which runs on the kernel's own"));
  if (process.linkage == Linkage::kHidden) {
    choice.notes.push_back(fmt::format("{} is not in the process list", who));
  }
  return choice;
}

}  // namespace v2p::cli

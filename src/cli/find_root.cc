// The root that a command works with: claimed, given, a process's, or found by the locator.
// SPDX-License-Identifier: Apache-2.0
#include "cli/find_root.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "cli/choose_process.h"
#include "cli/load_image.h"
#include "cli/progress.h"
#include "cli/safe_text.h"
#include "cli/signals.h"
#include "cli/text_format.h"
#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

constexpr const char* kNothingFound =
    "no page table root was found: nothing in the image looks like a Windows or Linux kernel "
    "(v2p dtb --all --explain shows what was considered); give --dtb HEX";

bool Accepted(const Candidate& candidate) { return candidate.TheStanding() != Standing::kRejected; }

// The verdict on a root that was given or claimed. Without a mode, the verdict's own decides.
const Candidate* VerdictOn(const Findings& findings, std::uint64_t value,
                           std::optional<ModeName> mode) {
  const Candidate* best = nullptr;
  for (const Candidate& candidate : findings.candidates) {
    const Root& root = candidate.root;
    if (mode && root.mode != *mode) continue;
    if (root.table.value != (value & Mode(root.mode).root_mask)) continue;
    const auto rank = [](const Candidate& c) { return std::pair(Accepted(c), c.confidence); };
    if (best == nullptr || rank(candidate) > rank(*best)) best = &candidate;
  }
  return best;
}

const System* SystemOf(const Findings& findings, const Candidate& candidate) {
  for (const System& system : findings.systems) {
    if (system.kernel.root == candidate.root) return &system;
    if (candidate.cluster != 0 && system.kernel.cluster == candidate.cluster) return &system;
  }
  return nullptr;
}

void Approve(const Candidate& candidate, const System* system, RootChoice& choice) {
  choice.confidence = candidate.confidence;
  if (system != nullptr) choice.system = *system;
  if (candidate.root.mode == choice.mode) choice.mode_assumed = false;
  if (candidate.root.upper && !choice.ttbr1) {
    choice.ttbr1 = candidate.root.upper->value;
    choice.ttbr1_source = "scan";
  }
  if (candidate.cls == RootClass::kUserShadow) choice.shadow_of = candidate.pair;
  std::erase_if(choice.notes, [](const std::string& note) { return note.starts_with("x64 is "); });
  if (candidate.TheStanding() == Standing::kProbable) {
    choice.notes.push_back(fmt::format(
        "root {:#x} is probable, not verified: confidence {} (v2p dtb --explain shows why)",
        choice.Masked(), candidate.confidence));
  }
}

RootChoice FoundByScan(const System& system) {
  const Root& root = system.kernel.root;
  RootChoice choice;
  choice.value = root.table.value;
  choice.dtb_source = system.kernel.source;
  const bool claimed = choice.dtb_source == "header" || choice.dtb_source == "processor-state" ||
                       choice.dtb_source == "vmcoreinfo" || choice.dtb_source.ends_with("-note");
  if (!claimed) choice.dtb_source = "scan";
  choice.mode = root.mode;
  choice.mode_source = "locator";
  if (root.upper) {
    choice.ttbr1 = root.upper->value;
    choice.ttbr1_source = choice.dtb_source;
  }
  Approve(system.kernel, &system, choice);
  return choice;
}

std::string SystemsLine(const std::vector<System>& systems) {
  std::string text;
  for (std::size_t i = 0; i < systems.size(); ++i) {
    const System& system = systems[i];
    fmt::format_to(std::back_inserter(text), "{}{}: {} {} {} root {:#x} confidence {}",
                   i == 0 ? "" : "; ", i + 1, Name(system.kernel.root.mode),
                   system.os == GuestOs::kLinux ? "Linux" : "Windows", SafeText(system.version),
                   system.kernel.root.table.value, system.kernel.confidence);
  }
  return text;
}

// A claim that nothing confirms is still what the container says: hypervisors know their CPUs.
void Doubt(const Candidate* verdict, RootChoice& choice) {
  choice.confidence = verdict != nullptr ? verdict->confidence : 0;
  choice.notes.push_back(
      fmt::format("root {:#x} ({}) could not be verified as one of Windows or Linux (v2p dtb "
                  "--explain shows why)",
                  choice.Masked(), choice.dtb_source));
}

// The user's root is used whatever the tests say; they only speak up.
Result<RootChoice> RootOfUser(const Args& args, const Image& image) {
  const RootRequest request{args.dtb, args.ttbr1, args.mode, args.cpu};
  auto choice = ChooseRoot(image.facts, request);
  if (!choice && choice.error().kind != ErrorKind::kNoMode) return choice;
  const bool settled = choice && !choice->mode_assumed;
  const auto mode = settled ? std::optional(choice->mode) : std::nullopt;
  const RootHint hint{*args.dtb, args.ttbr1, mode, "user"};
  const Findings findings = WeighRoots(*image.memory, image.facts, std::span(&hint, 1), false);
  const Candidate* verdict = VerdictOn(findings, *args.dtb, mode);
  const bool accepted = verdict != nullptr && Accepted(*verdict);
  if (!settled && accepted) {
    RootRequest with_mode = request;
    with_mode.mode = verdict->root.mode;
    choice = ChooseRoot(image.facts, with_mode);
    if (choice) choice->mode_source = "locator";
  }
  if (!choice) return choice;
  if (accepted) {
    Approve(*verdict, SystemOf(findings, *verdict), *choice);
  } else {
    Doubt(verdict, *choice);
  }
  return choice;
}

Result<RootChoice> RootOfSearch(const Args& args, const Image& image) {
  auto claim = ChooseRoot(image.facts, {std::nullopt, args.ttbr1, args.mode, args.cpu});
  const bool names_none = !claim && (claim.error().kind == ErrorKind::kNoRoot ||
                                     claim.error().kind == ErrorKind::kNoMode);
  if (!claim && (!names_none || args.cpu)) return claim;
  LocateOptions options;
  options.whole_image = args.os.has_value();
  auto findings = LocateWithProgress(args, image, options);
  if (!findings) return tl::unexpected<Error>(findings.error());
  const Candidate* verdict = claim ? VerdictOn(*findings, claim->value, args.mode) : nullptr;
  if (verdict != nullptr && Accepted(*verdict) && !args.os) {
    if (!args.mode && claim->mode != verdict->root.mode) {
      claim->mode = verdict->root.mode;
      claim->mode_source = "locator";
    }
    Approve(*verdict, SystemOf(*findings, *verdict), *claim);
    return claim;
  }
  const bool instead = claim && !args.os && findings->systems.empty();
  if (instead || args.cpu) {
    Doubt(verdict, *claim);
    return claim;
  }
  auto system = ChooseSystem(args, std::move(*findings));
  if (!system) return tl::unexpected<Error>(system.error());
  RootChoice found = FoundByScan(*system);
  if (claim && !args.os) {
    found.notes.insert(found.notes.begin(),
                       fmt::format("root {:#x} ({}) is not used: it could not be verified",
                                   claim->Masked(), claim->dtb_source));
  }
  return found;
}

Result<RootChoice> RootOfNamedProcess(const Args& args, const Image& image) {
  Error last;
  // Lists first, since they are quick; then memory, where unlinked processes are. A name may have
  // matches in both.
  for (const bool everywhere : {false, true}) {
    if (!everywhere && (!args.pid || args.os)) continue;
    LocateOptions options;
    options.listed_processes = !everywhere;
    options.processes = everywhere;
    auto findings = LocateWithProgress(args, image, options);
    if (!findings) return tl::unexpected<Error>(findings.error());
    auto system = ChooseSystem(args, std::move(*findings));
    if (!system) return tl::unexpected<Error>(system.error());
    const auto process = ChooseProcess(args, *system);
    if (process) {
      auto choice = RootOfProcess(*process, *system);
      if (choice) choice->system = std::move(*system);
      return choice;
    }
    last = process.error();
  }
  return tl::unexpected<Error>(std::move(last));
}

}  // namespace

Result<Findings> LocateWithProgress(const Args& args, const Image& image, LocateOptions options) {
  Progress progress("scan", args.quiet);
  const InterruptGuard guard;
  options.progress = [&](std::uint64_t done, std::uint64_t total, std::size_t candidates) {
    progress.Update(done, total, fmt::format("{} candidates", candidates));
    return !Interrupted();
  };
  Findings findings = Locate(*image.memory, image.facts, options);
  if (findings.interrupted) {
    return Fail(ErrorKind::kInterrupted, "the search for the page table root was not finished");
  }
  if (auto fault = ImageFault(args, image)) return tl::unexpected<Error>(std::move(*fault));
  return findings;
}

Result<Findings> FindingsOf(const Args& args, const Image& image, LocateOptions options) {
  if (!args.dtb) return LocateWithProgress(args, image, std::move(options));
  const RootHint hint{*args.dtb, args.ttbr1, args.mode, "user"};
  Findings findings = WeighRoots(*image.memory, image.facts, std::span(&hint, 1), true);
  if (auto fault = ImageFault(args, image)) return tl::unexpected<Error>(std::move(*fault));
  // What the container's claims show on the way was not asked for.
  std::erase_if(findings.candidates, [&](const Candidate& candidate) {
    const std::uint64_t table = candidate.root.table.value;
    return table != (*args.dtb & Mode(candidate.root.mode).root_mask);
  });
  const auto& named = findings.candidates;
  if (std::none_of(named.begin(), named.end(), Accepted)) findings.systems.clear();
  return findings;
}

Result<System> ChooseSystem(const Args& args, Findings findings) {
  auto& systems = findings.systems;
  if (systems.empty()) return Fail(ErrorKind::kNoRoot, kNothingFound);
  if (args.os) {
    if (*args.os >= 1 && *args.os <= systems.size()) return std::move(systems[*args.os - 1]);
    return Fail(ErrorKind::kNoRoot,
                fmt::format("--os {}: the image holds {}", *args.os, SystemsLine(systems)));
  }
  if (findings.ambiguous) {
    return Fail(ErrorKind::kNoRoot, fmt::format("more than one system: choose with --os, or give "
                                                "--dtb: {}",
                                                SystemsLine(systems)));
  }
  return std::move(systems.front());
}

Result<RootChoice> FindRoot(const Args& args, const Image& image) {
  if (NamesProcess(args)) return RootOfNamedProcess(args, image);
  return args.dtb ? RootOfUser(args, image) : RootOfSearch(args, image);
}

}  // namespace v2p::cli

// Linux kernels and the roots of their processes, with what was claimed about them.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "locate/judge.h"
#include "locate/linux_kernel.h"

namespace v2p {
namespace {

constexpr int kRegisterPoints = 5;

// The user may guess, and VMCOREINFO is weighed as such: neither is a register.
bool FromRegister(const RootHint& hint) {
  return hint.source != "user" && hint.source != "vmcoreinfo";
}

bool Names(const RootHint& hint, const Root& root) {
  if (hint.mode && *hint.mode != root.mode) return false;
  const std::uint64_t mask = Mode(root.mode).root_mask;
  const std::uint64_t upper = hint.upper.value_or(0) & mask;
  return (hint.value & mask) == root.table.value || (root.upper && upper == root.upper->value);
}

void Note(Candidate& candidate, const RootHint& hint) {
  if (candidate.source == "scan") candidate.source = hint.source;
  if (!FromRegister(hint)) return;
  candidate.evidence.push_back({"linux-register", Verdict::kPass, 0,
                                fmt::format("{} names {:#x}", hint.source, hint.value)});
}

// A register that holds a root of the system speaks for all of it.
void AddPoints(LinuxKernel& kernel) {
  const auto add = [](Candidate& candidate) {
    candidate.confidence = std::min(candidate.confidence + kRegisterPoints, kMostConfidence);
  };
  const bool own =
      std::any_of(kernel.kernel.evidence.begin(), kernel.kernel.evidence.end(),
                  [](const Evidence& evidence) { return evidence.test == "linux-register"; });
  if (!own) {
    kernel.kernel.evidence.push_back(
        {"linux-register", Verdict::kPass, 0, "a register holds a root of this system"});
  }
  kernel.kernel.evidence.back().points = kRegisterPoints;
  add(kernel.kernel);
  for (Candidate& member : kernel.members) add(member);
}

// Marks the roots that `hint` names; says whether there is one.
bool Apply(const RootHint& hint, LinuxKernel& kernel) {
  bool named = false;
  const auto mark = [&](Candidate& candidate) {
    if (!Names(hint, candidate.root)) return;
    // TTBR1 is everybody's on ARM64: with a hint of both, it is the lower one that names.
    if (hint.upper &&
        (hint.value & Mode(candidate.root.mode).root_mask) != candidate.root.table.value) {
      return;
    }
    Note(candidate, hint);
    named = true;
  };
  mark(kernel.kernel);
  for (Candidate& member : kernel.members) mark(member);
  return named;
}

Candidate Unknown(const RootHint& hint) {
  Candidate candidate;
  candidate.root.mode = hint.mode.value_or(ModeName::kX64);
  const std::uint64_t mask = Mode(candidate.root.mode).root_mask;
  candidate.root.table = PhysAddr(hint.value & mask);
  if (hint.upper) candidate.root.upper = PhysAddr(*hint.upper & mask);
  candidate.os = GuestOs::kLinux;
  candidate.source = hint.source;
  candidate.evidence.push_back({"linux-structure", Verdict::kFail, 0, "no Linux kernel is mapped"});
  candidate.reason = "maps no Linux kernel";
  return candidate;
}

System SystemOf(const LinuxKernel& kernel) {
  System system;
  system.os = GuestOs::kLinux;
  system.kernel = kernel.kernel;
  system.version = kernel.release;
  system.kernel_base = kernel.layout->Image(kernel.layout->image_at);
  system.facts = kernel.facts;
  system.notes = kernel.notes;
  return system;
}

void Tell(LinuxKernel& kernel, Judgement& judgement) {
  if (kernel.kernel.TheStanding() != Standing::kRejected) {
    judgement.systems.push_back(SystemOf(kernel));
  } else {
    for (Candidate& member : kernel.members) {
      if (member.reason.empty()) member.reason = "its kernel's root is not verified";
    }
  }
  judgement.candidates.push_back(std::move(kernel.kernel));
  std::move(kernel.members.begin(), kernel.members.end(), std::back_inserter(judgement.candidates));
}

}  // namespace

Judgement JudgeLinux(const Scene& scene, std::span<const RootHint> hints) {
  const LinuxScene linux_scene = MakeLinuxScene(scene, hints);
  std::vector<LinuxKernel> kernels = FindLinuxX64(linux_scene);
  for (auto* find : {FindLinux32, FindLinuxArm64}) {
    std::vector<LinuxKernel> more = find(linux_scene);
    std::move(more.begin(), more.end(), std::back_inserter(kernels));
  }
  Judgement judgement;
  std::vector<bool> registers(kernels.size());
  for (const RootHint& hint : hints) {
    bool named = false;
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      if (!Apply(hint, kernels[i])) continue;
      named = true;
      if (FromRegister(hint)) registers[i] = true;
    }
    if (!named) judgement.candidates.push_back(Unknown(hint));
  }
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    if (registers[i]) AddPoints(kernels[i]);
    Tell(kernels[i], judgement);
  }
  return judgement;
}

}  // namespace v2p

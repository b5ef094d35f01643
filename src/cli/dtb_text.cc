// `v2p dtb` for eyes.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>

#include "cli/dtb_report.h"
#include "cli/info.h"
#include "cli/safe_text.h"
#include "cli/text_format.h"
#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

char Mark(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return '+';
    case Verdict::kFail:
      return '-';
    case Verdict::kNotCheckable:
      break;
  }
  return '?';
}

const System* SystemOf(const Findings& findings, const Candidate& candidate) {
  for (const System& system : findings.systems) {
    if (system.kernel.root == candidate.root) return &system;
  }
  return nullptr;
}

std::string What(const Candidate& candidate, const System* system) {
  std::string text(Name(candidate.root.mode));
  if (system != nullptr) {
    text += fmt::format(", {} {}", system->os == GuestOs::kLinux ? "Linux" : "Windows",
                        SafeText(system->version));
  } else if (candidate.os == GuestOs::kLinux || candidate.os == GuestOs::kWindows) {
    text += fmt::format(", {}", candidate.os == GuestOs::kLinux ? "Linux" : "Windows");
  }
  return text + fmt::format(", {}", Name(candidate.cls));
}

void AppendCandidate(const DtbReport& report, const Candidate& candidate, std::string* out) {
  const auto to = std::back_inserter(*out);
  const System* system = SystemOf(*report.findings, candidate);
  fmt::format_to(to, "{:<12}  {:<44}", fmt::format("{:#x}", candidate.root.table.value),
                 What(candidate, system));
  if (candidate.TheStanding() == Standing::kRejected) {
    out->append("rejected");
  } else {
    fmt::format_to(to, "confidence {}, {}", candidate.confidence, Name(candidate.TheStanding()));
  }
  fmt::format_to(to, "; {}", candidate.source == "scan" ? "found by a scan" : candidate.source);
  if (system != nullptr && system == &report.findings->systems.front() &&
      !report.findings->ambiguous) {
    out->append("    <- the system's");
  }
  out->push_back('\n');
  const auto line = [&](char mark, std::string_view text) {
    fmt::format_to(to, "   {} {}\n", mark, SafeText(text));
  };
  if (candidate.root.upper) {
    fmt::format_to(to, "   upper half (TTBR1) {:#x}\n", candidate.root.upper->value);
  }
  if (candidate.pair) {
    fmt::format_to(to, "   {} {:#x}\n",
                   candidate.cls == RootClass::kUserShadow ? "shadow of" : "its user shadow is",
                   candidate.pair->value);
  }
  if (report.args->explain) {
    for (const Evidence& evidence : candidate.evidence) {
      line(Mark(evidence.verdict), fmt::format("{}: {}", evidence.test, evidence.detail));
    }
  }
  if (!candidate.reason.empty() && !report.args->explain) line('-', candidate.reason);
}

}  // namespace

std::string DtbText(const DtbReport& report) {
  const Findings& findings = *report.findings;
  std::string out;
  std::size_t hidden = 0;
  for (const Candidate& candidate : findings.candidates) {
    if (report.Shows(candidate)) {
      AppendCandidate(report, candidate, &out);
    } else {
      ++hidden;
    }
  }
  const auto to = std::back_inserter(out);
  if (findings.systems.empty()) {
    fmt::format_to(to, "no root that can be believed{}\n",
                   report.args->all || report.args->dtb ? "" : " (--all looks at every page)");
  }
  if (findings.ambiguous) out += "more than one system: choose with --os, in the order above\n";
  if (hidden + findings.rejected_left_out > 0) {
    fmt::format_to(to, "{} rejected roots are not shown\n", hidden + findings.rejected_left_out);
  }
  if (!report.args->dtb) {
    fmt::format_to(to, "scanned {} in {:.2f} s\n", LongSize(findings.scanned_bytes),
                   report.seconds);
  }
  return out;
}

}  // namespace v2p::cli

// Questions that tests of the locator put to its findings.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "locate/locator.h"

namespace v2p::test {

inline const Candidate* CandidateAt(const Findings& findings, std::uint64_t table) {
  for (const Candidate& c : findings.candidates) {
    if (c.root.table.value == table) return &c;
  }
  return nullptr;
}

inline const Evidence* EvidenceOf(const Candidate& candidate, std::string_view test) {
  for (const Evidence& e : candidate.evidence) {
    if (e.test == test) return &e;
  }
  return nullptr;
}

inline bool PassedTest(const Candidate& candidate, std::string_view test) {
  const Evidence* const e = EvidenceOf(candidate, test);
  return e != nullptr && e->verdict == Verdict::kPass;
}

/// The table of the best system's kernel root; 0 when no system was found.
inline std::uint64_t KernelRoot(const Findings& findings) {
  return findings.systems.empty() ? 0 : findings.systems[0].kernel.root.table.value;
}

inline Findings LocateWhole(const PhysicalMemory& memory, const ImageFacts& facts = {}) {
  LocateOptions options;
  options.whole_image = true;
  return Locate(memory, facts, options);
}

/// Facts of a container that names one root.
inline ImageFacts FactsNaming(std::uint64_t dtb, std::string source = "header",
                              std::optional<ModeName> mode = std::nullopt) {
  ImageFacts facts;
  DtbClaim claim;
  claim.value = dtb;
  claim.source = std::move(source);
  claim.mode = mode;
  facts.dtb_claims.push_back(claim);
  return facts;
}

}  // namespace v2p::test

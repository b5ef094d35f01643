// Judges: turn claims and sightings into candidates with evidence. Only they and what they call
// translate, always through VirtualReader.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/image_facts.h"
#include "base/physical_memory.h"
#include "locate/findings.h"
#include "locate/sighting.h"

namespace v2p {

/// A root that somebody names: the container or the user. Raw value, flags still in it.
struct RootHint {
  std::uint64_t value = 0;
  std::optional<std::uint64_t> upper = std::nullopt;  ///< TTBR1
  std::optional<ModeName> mode = std::nullopt;        ///< unknown: all that fit are tried
  std::string source;
};

/// What there is to judge by.
struct Scene {
  const PhysicalMemory* memory = nullptr;
  const ImageFacts* facts = nullptr;
  const Sightings* seen = nullptr;  ///< of what has been scanned so far
  bool whole_image = false;         ///< root and content detectors have seen every page
  bool thorough = false;            ///< run every test; otherwise stop once a root is verified
};

struct Judgement {
  std::vector<Candidate> candidates;
  std::vector<System> systems;  ///< without processes
};

/// Every hint gets a candidate, of some standing, from each judge that has an opinion on its mode.
/// Bounded in time and memory whatever the image holds.
Judgement JudgeWindows(const Scene& scene, std::span<const RootHint> hints);
Judgement JudgeLinux(const Scene& scene, std::span<const RootHint> hints);

/// No system has more processes; what is beyond is counted in a note. See also kMostListed,
/// kMostOrphans and Sightings::kMostOfAKind.
inline constexpr std::size_t kMostProcesses = 1U << 16U;

/// Fills processes, orphans and notes of a system whose kernel root is known. Uses the content
/// sightings that there are; without them only lists are followed.
void FindWindowsProcesses(const Scene& scene, System& system);
void FindLinuxProcesses(const Scene& scene, System& system);

}  // namespace v2p

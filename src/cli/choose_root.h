// Which page table root and paging mode to translate with, and why.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/image_facts.h"
#include "base/result.h"
#include "locate/findings.h"

namespace v2p::cli {

/// What the user said about the root.
struct RootRequest {
  std::optional<std::uint64_t> dtb, ttbr1;
  std::optional<ModeName> mode;
  std::optional<unsigned> cpu;
};

struct RootChoice {
  std::uint64_t value = 0;  ///< as given or claimed, before the mode's mask
  std::optional<std::uint64_t> ttbr1;
  std::string dtb_source;    ///< "user", "header", "cpu0-note", "scan", "process", ...
  std::string ttbr1_source;  ///< the same of `ttbr1`; empty without
  ModeName mode = ModeName::kX64;
  std::string mode_source;         ///< "user", "cpu-note", "header", "locator"
  bool mode_assumed = false;       ///< the header cannot say x64 for certain
  std::vector<std::string> notes;  ///< one line each, for people

  std::optional<int> confidence;      ///< 0..99; nothing when the root was not weighed
  std::optional<System> system;       ///< the system it belongs to, where one was found
  std::optional<PhysAddr> shadow_of;  ///< a user shadow: the root that has the kernel's half

  /// The root with the bits that are no address removed.
  std::uint64_t Masked() const;
};

/// The user's root, else the header's, else that of the first CPU in kernel mode, else of CPU 0.
/// kNoRoot or kNoMode says what to give; kUsage when the request contradicts itself.
Result<RootChoice> ChooseRoot(const ImageFacts& facts, const RootRequest& request);

}  // namespace v2p::cli

// Roots of processes: in what state each is, which process has it, and which roots nobody has.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "locate/eprocess_context.h"
#include "locate/judge.h"

namespace v2p {

/// No system has more roots that no process claims.
inline constexpr std::size_t kMostOrphans = 4096;

/// A process on its way into the findings.
struct FoundProcess {
  Process process;
  bool listed = false;
  bool ended = false;
};

/// Sets root_state of each from its root's page. Where several name one root, the process that is
/// listed, alive and youngest has it; for the others it is recycled. A process on the kernel's own
/// root, other than `system`, loses `root` and is shared; without `system` nobody can tell whether
/// that root is the kernel's own.
void SettleRoots(const EprocessContext& context, std::optional<VirtAddr> system,
                 std::span<FoundProcess> processes);

/// Roots and user-mode shadows that detectors saw, that belong to this system and that none of
/// `processes` names.
std::vector<OrphanRoot> FindOrphans(const Scene& scene, const EprocessContext& context,
                                    std::span<const FoundProcess> processes,
                                    std::vector<std::string>& notes);

}  // namespace v2p

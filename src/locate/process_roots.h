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
  bool root_known = true;  ///< false: DirectoryTableBase is on a page that is not in the image
};

/// The root that the kernel itself runs on: that of `system`, else of the idle process. The root
/// in use may be another, a process's with the same kernel half.
std::optional<PhysAddr> KernelsOwnRoot(const EprocessContext& context,
                                       std::optional<VirtAddr> system,
                                       std::span<const FoundProcess> processes);

/// Sets root_state of each from its root's page. Where several name one root, the process that is
/// listed, alive and youngest has it; for the others it is recycled. Processes other than `system`
/// on `own`, the kernel's own root, lose `root` and are shared.
void SettleRoots(const EprocessContext& context, std::optional<VirtAddr> system,
                 std::optional<PhysAddr> own, std::span<FoundProcess> processes);

/// Roots and user-mode shadows that detectors saw, that belong to this system and that none of
/// `processes` names.
std::vector<OrphanRoot> FindOrphans(const Scene& scene, const EprocessContext& context,
                                    std::span<const FoundProcess> processes,
                                    std::vector<std::string>& notes);

}  // namespace v2p

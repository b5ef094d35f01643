// Linux kernels on ARM64 with 4 KiB pages and 48-bit addresses.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "locate/linux_32.h"
#include "locate/linux_kernel.h"
#include "locate/linux_memory.h"
#include "locate/linux_pages.h"
#include "locate/linux_process_root.h"

namespace v2p {
namespace {

constexpr std::size_t kMostTried = 64;  // walked in full as roots of kernels
constexpr int kMemberConfidence = 75;   // a user half alone does not say whose it is

struct Arm64Roots {
  std::vector<PhysAddr> kernels;  // that may be
  std::vector<PhysAddr> users;
};

Arm64Roots SortRoots(const LinuxScene& scene) {
  Arm64Roots roots;
  for (const LinuxText& text : scene.texts) {
    if (const auto root = KernelRoot(text.info, Machine::kArm64)) {
      roots.kernels.emplace_back(*root);
    }
  }
  const std::uint64_t mask = Mode(ModeName::kArm64).root_mask;
  for (const RootHint& hint : scene.hints) {
    if (hint.upper) roots.kernels.emplace_back(*hint.upper & mask);
  }
  const auto add = [&](PhysAddr root) {
    (HasArm64UserHalf(scene.Memory(), root) ? roots.users : roots.kernels).push_back(root);
  };
  for (const RootHint& hint : scene.hints) {
    if (hint.mode.value_or(ModeName::kArm64) == ModeName::kArm64) add(PhysAddr(hint.value & mask));
  }
  for (const Sighting& seen : scene.Seen(SightingKind::kLinuxArm64Root)) {
    if (roots.users.size() + roots.kernels.size() == kMostLinuxMembers) break;
    add(seen.at);
  }
  Unique(roots.kernels);
  Unique(roots.users);
  if (roots.kernels.size() > kMostTried) roots.kernels.resize(kMostTried);
  return roots;
}

bool AllZero(const PhysicalMemory& memory, PhysAddr at) {
  const auto table = ReadTable64(memory, at);
  return table && std::all_of(table->begin(), table->end(), [](auto e) { return e == 0; });
}

// In the kernel's own address space nothing is mapped below: TTBR0 is reserved_pg_dir, a page of
// zeros next to swapper_pg_dir (arch/arm64/kernel/vmlinux.lds.S), before it since Linux 5.11.
PhysAddr EmptyTable(const PhysicalMemory& memory, PhysAddr swapper) {
  const PhysAddr before = swapper - kPageBytes;
  const PhysAddr after = swapper + kPageBytes;
  return !AllZero(memory, before) && AllZero(memory, after) ? after : before;
}

void AddMembers(const std::vector<PhysAddr>& users, LinuxKernel& kernel) {
  for (const PhysAddr at : users) {
    const Root root{ModeName::kArm64, at, kernel.kernel.root.upper};
    Candidate member = LinuxMember(kernel, root, RootClass::kProcess, "linux-user-half",
                                   "maps pages for user mode, four levels down");
    member.confidence = std::min(member.confidence, kMemberConfidence);
    member.evidence.front().points = member.confidence;
    kernel.members.push_back(std::move(member));
  }
}

}  // namespace

std::vector<LinuxKernel> FindLinuxArm64(const LinuxScene& scene) {
  const Arm64Roots roots = SortRoots(scene);
  std::vector<LinuxKernel> kernels;
  for (const PhysAddr upper : roots.kernels) {
    if (kernels.size() == kMostLinuxKernels) break;
    if (upper.value < kPageBytes) continue;
    const Root root{ModeName::kArm64, EmptyTable(scene.Memory(), upper), upper};
    LinuxKernel kernel = WeighLinuxKernel(
        scene, root,
        fmt::format("{:#x} maps itself in the direct map and in an image", upper.value));
    if (kernel.layout) kernels.push_back(std::move(kernel));
  }
  const auto best = std::max_element(kernels.begin(), kernels.end(),
                                     [](const LinuxKernel& a, const LinuxKernel& b) {
                                       return a.kernel.confidence < b.kernel.confidence;
                                     });
  if (best != kernels.end()) AddMembers(roots.users, *best);
  return kernels;
}

}  // namespace v2p

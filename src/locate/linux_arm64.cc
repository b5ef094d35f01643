// Linux kernels on ARM64 with 4 KiB pages and 48-bit addresses.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "locate/linux_32.h"
#include "locate/linux_kernel.h"
#include "locate/linux_memory.h"
#include "locate/linux_pages.h"

namespace v2p {
namespace {

constexpr std::size_t kMostTried = 64;  // walked in full as roots of kernels
constexpr int kMemberConfidence = 75;   // a user half alone does not say whose it is

enum class Half : std::uint8_t { kUser, kNotUser, kUndecided };

// Follows a table down to its first page. A page for EL0 that is not global, reached through
// tables as Linux writes them at every level, tells a process's root from tables further down.
class UserHalf {
 public:
  explicit UserHalf(const PhysicalMemory& memory) : memory_(memory), ram_{memory.End().value} {}

  bool Holds(PhysAddr root) {
    left_ = 64;
    return Table(root, 0) == Half::kUser;
  }

 private:
  Half Table(PhysAddr at, int level) {
    const auto table = ReadTable64(memory_, at);
    if (!table || left_ == 0) return Half::kUndecided;
    --left_;
    for (const std::uint64_t entry : *table) {
      const Half half = Entry(entry, level);
      if (half != Half::kUndecided) return half;
    }
    return Half::kUndecided;
  }

  Half Entry(std::uint64_t entry, int level) {
    // Arm ARM D8.3: nG, AP[1] for EL0; bits 1 and 0: page or block.
    constexpr std::uint64_t kUserPage = 0x840;
    if (entry == 0) return Half::kUndecided;
    if (level < 3 && linux_arm64::IsTable(entry, ram_)) {
      return Table(PhysAddr(entry & linux_arm64::kFrame), level + 1);
    }
    if ((entry & 1) == 0) return level == 0 ? Half::kNotUser : Half::kUndecided;
    const bool leaf = level == 3 ? (entry & 2) != 0 : level != 0 && (entry & 2) == 0;
    return leaf && (entry & kUserPage) == kUserPage ? Half::kUser : Half::kNotUser;
  }

  const PhysicalMemory& memory_;
  RamBounds ram_;
  unsigned left_ = 0;
};

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
  UserHalf user(scene.Memory());
  const auto add = [&](PhysAddr root) {
    (user.Holds(root) ? roots.users : roots.kernels).push_back(root);
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

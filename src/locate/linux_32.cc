// Roots of i386 kernels: what PAE makes no difference to.
// SPDX-License-Identifier: Apache-2.0
#include "locate/linux_32.h"

#include <algorithm>
#include <unordered_set>

#include "locate/linux_memory.h"
#include "locate/linux_pages.h"

namespace v2p {

std::vector<PhysAddr> RootsOfTexts32(const LinuxScene& scene) {
  std::vector<PhysAddr> roots;
  for (const LinuxText& text : scene.texts) {
    const auto va = text.info.swapper_pg_dir;
    if (!va || *va > 0xFFFFFFFF) continue;
    for (const std::uint32_t split : linux_x86::kSplits) {
      if (*va >= split) roots.push_back(PhysAddr(*va - split));
    }
  }
  return roots;
}

void Unique(std::vector<PhysAddr>& roots) {
  std::unordered_set<std::uint64_t> seen;
  std::erase_if(roots, [&](PhysAddr root) { return !seen.insert(root.value).second; });
}

std::optional<PhysAddr> ChooseInImage(
    const LinuxScene& scene, const LinuxLayout& layout,
    const std::function<bool(PhysAddr, std::span<const std::byte>)>& is_root) {
  constexpr std::size_t kMost = 8;
  std::vector<PhysAddr> accepted;
  VisitPages(scene.Memory(), layout.image_at, layout.image_bytes, [&](PhysAddr at, auto page) {
    if (is_root(at, page)) accepted.push_back(at);
    return accepted.size() < kMost;
  });
  if (accepted.empty()) return std::nullopt;
  const auto referred = std::find_if(accepted.begin(), accepted.end(), [&](PhysAddr at) {
    return FindRootReference(scene.Memory(), layout, at) == Search::kFound;
  });
  return referred == accepted.end() ? accepted.front() : *referred;
}

std::vector<LinuxKernel> FindLinux32(const LinuxScene& scene) {
  std::vector<LinuxKernel> kernels = FindLinuxPae(scene);
  for (LinuxKernel& kernel : FindLinuxX86(scene)) kernels.push_back(std::move(kernel));
  return kernels;
}

}  // namespace v2p

// Linux kernels on i386 with PAE.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "locate/leaf_runs.h"
#include "locate/linux_32.h"
#include "locate/linux_memory.h"
#include "locate/linux_pages.h"

namespace v2p {
namespace {

constexpr std::size_t kMostDirectories = 256;  // top directories that are looked into

using Pointers = std::array<std::uint64_t, 4>;

std::uint64_t FrameOf(std::uint64_t entry) { return entry & linux_x86::kPaeFrame; }

std::optional<Pointers> ReadPointers(const PhysicalMemory& memory, PhysAddr at) {
  Pointers pointers;
  const auto bytes = std::as_writable_bytes(std::span(pointers));
  if (memory.Read(at, bytes) != bytes.size()) return std::nullopt;
  if (!linux_x86::IsPaePointers(bytes.data(), {memory.End().value})) return std::nullopt;
  return pointers;
}

// Roots by the directory of their last GiB, which all of one system share.
class PaeRoots {
 public:
  explicit PaeRoots(const LinuxScene& scene) : memory_(scene.Memory()) {
    for (const PhysAddr root : HintedRoots(scene, ModeName::kPae)) Add(root);
    for (const PhysAddr root : RootsOfTexts32(scene)) Add(root);
    named_ = order_.size();
    for (const Sighting& seen : scene.Seen(SightingKind::kLinuxPaePointers)) Add(seen.at);
  }

  /// Those of named roots first, then by the number of roots.
  std::vector<const std::vector<PhysAddr>*> BestFirst() const {
    std::vector<std::uint64_t> order = order_;
    std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(named_), order.end(),
                     [&](std::uint64_t a, std::uint64_t b) {
                       return roots_.at(a).size() > roots_.at(b).size();
                     });
    if (order.size() > kMostDirectories) order.resize(kMostDirectories);
    std::vector<const std::vector<PhysAddr>*> best;
    best.reserve(order.size());
    for (const std::uint64_t frame : order) best.push_back(&roots_.at(frame));
    return best;
  }

 private:
  void Add(PhysAddr root) {
    const auto pointers = ReadPointers(memory_, root);
    if (!pointers) return;
    const auto [at, fresh] = roots_.try_emplace(FrameOf((*pointers)[3]));
    if (fresh) order_.push_back(at->first);
    if (at->second.size() < kMostLinuxMembers) at->second.push_back(root);
  }

  const PhysicalMemory& memory_;
  std::unordered_map<std::uint64_t, std::vector<PhysAddr>> roots_;
  std::vector<std::uint64_t> order_;
  std::size_t named_ = 0;
};

bool AllZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

std::string WhyNoProcess(const PhysicalMemory& memory, const LinuxLayout& layout, PhysAddr at) {
  const auto pointers = ReadPointers(memory, at);
  const std::uint64_t user_end = layout.direct_offset;
  const auto begin = pointers->begin();
  if (std::all_of(begin, begin + static_cast<std::ptrdiff_t>(user_end >> 30U),
                  [](std::uint64_t e) { return e == 0; })) {
    return "has no user half";
  }
  // head_32.S, initial_page_table: the same directory from 0 and from PAGE_OFFSET.
  if (FrameOf((*pointers)[0]) == FrameOf((*pointers)[3])) return "its user half is the direct map";
  const Root root{ModeName::kPae, at, std::nullopt};
  return MayMapUserPages(memory, root, VirtAddr(user_end)) ? "" : "maps no user page";
}

std::optional<LinuxKernel> FindKernel(const LinuxScene& scene, const LinuxLayout& layout,
                                      std::vector<PhysAddr> roots) {
  const PhysicalMemory& memory = scene.Memory();
  const auto seed = ReadPointers(memory, roots.front());
  const auto swapper = ChooseInImage(scene, layout, [&](PhysAddr at, auto page) {
    const auto pointers = ReadPointers(memory, at);
    const auto user = static_cast<std::size_t>(layout.direct_offset >> 30U);
    return pointers && FrameOf((*pointers)[3]) == FrameOf((*seed)[3]) &&
           AllZero(page.first(user * sizeof(std::uint64_t))) &&
           AllZero(page.subspan(linux_x86::kPaePointersBytes));
  });
  if (!swapper) return std::nullopt;
  LinuxKernel kernel = WeighLinuxKernel(
      scene, {ModeName::kPae, *swapper, std::nullopt},
      fmt::format("direct map at {:#x} in directory {:#x}, image at {:#x}", layout.direct_offset,
                  FrameOf((*seed)[3]), layout.image_at.value));
  Unique(roots);
  for (const PhysAddr at : roots) {
    if (at == *swapper) continue;
    const Root root{ModeName::kPae, at, std::nullopt};
    const std::string reason = WhyNoProcess(memory, layout, at);
    kernel.members.push_back(
        reason.empty() ? LinuxMember(kernel, root, RootClass::kProcess, "linux-kernel-half",
                                     fmt::format("directory {:#x} of the last GiB as in {:#x}",
                                                 FrameOf((*seed)[3]), swapper->value))
                       : LinuxLookAlike(kernel, root, reason));
  }
  return kernel;
}

}  // namespace

std::vector<LinuxKernel> FindLinuxPae(const LinuxScene& scene) {
  const PaeRoots roots(scene);
  std::vector<LinuxKernel> kernels;
  for (const std::vector<PhysAddr>* same : roots.BestFirst()) {
    if (kernels.size() == kMostLinuxKernels) break;
    const auto layout =
        DeriveLinuxLayout(scene.Memory(), {ModeName::kPae, same->front(), std::nullopt});
    if (!layout) continue;
    if (auto kernel = FindKernel(scene, *layout, *same)) kernels.push_back(std::move(*kernel));
  }
  return kernels;
}

}  // namespace v2p

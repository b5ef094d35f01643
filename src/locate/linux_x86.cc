// Linux kernels on i386 without PAE.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "locate/leaf_runs.h"
#include "locate/linux_32.h"
#include "locate/linux_memory.h"
#include "locate/linux_pages.h"

namespace v2p {
namespace {

using Directory = std::array<std::uint32_t, 1024>;

std::optional<Directory> ReadDirectory(const PhysicalMemory& memory, PhysAddr at) {
  Directory directory;
  const auto bytes = std::as_writable_bytes(std::span(directory));
  if (memory.Read(at, bytes) != bytes.size()) return std::nullopt;
  return directory;
}

std::uint32_t FrameOf(std::uint32_t entry) { return entry & 0xFFFFF000; }

std::size_t Used(const Directory& directory, std::size_t begin, std::size_t end) {
  std::size_t used = 0;
  for (std::size_t i = begin; i < end; ++i) used += directory[i] & 1U;
  return used;
}

std::size_t Shared(const Directory& a, const Directory& b, std::size_t begin, std::size_t end) {
  std::size_t shared = 0;
  for (std::size_t i = begin; i < end; ++i) {
    shared += (a[i] & b[i] & 1U) != 0 && FrameOf(a[i]) == FrameOf(b[i]) ? 1U : 0U;
  }
  return shared;
}

// One kernel and the directories that map it as `seed` does.
class X86Kernel {
 public:
  X86Kernel(const LinuxScene& scene, const Directory& seed, const LinuxLayout& layout)
      : scene_(scene),
        memory_(scene.Memory()),
        seed_(seed),
        layout_(layout),
        half_(static_cast<std::size_t>(layout.direct_offset >> 22U)) {}

  bool Shares(const Directory& other) const {
    const std::size_t of = Used(seed_, half_, 1024);
    return Shared(seed_, other, half_, 1024) * 5 >= of * 4;
  }

  std::optional<LinuxKernel> Find(const std::vector<PhysAddr>& directories) {
    const auto swapper = ChooseInImage(scene_, layout_, [&](PhysAddr at, auto) {
      const auto directory = ReadDirectory(memory_, at);
      return directory && Used(*directory, 0, half_) == 0 && Shares(*directory);
    });
    if (!swapper) return std::nullopt;
    root_ = *swapper;
    LinuxKernel kernel =
        WeighLinuxKernel(scene_, {ModeName::kX86, root_, std::nullopt},
                         fmt::format("direct map at {:#x}, image at {:#x}", layout_.direct_offset,
                                     layout_.image_at.value));
    for (const PhysAddr at : directories) AddMember(at, kernel);
    return kernel;
  }

 private:
  void AddMember(PhysAddr at, LinuxKernel& kernel) const {
    const auto directory = ReadDirectory(memory_, at);
    if (at == root_ || !directory || !Shares(*directory)) return;
    if (kernel.members.size() == kMostLinuxMembers) return;
    const Root root{ModeName::kX86, at, std::nullopt};
    const std::string reason = WhyNoProcess(root, *directory);
    kernel.members.push_back(
        reason.empty() ? LinuxMember(kernel, root, RootClass::kProcess, "linux-kernel-half",
                                     fmt::format("{} of {} kernel entries as in {:#x}",
                                                 Shared(seed_, *directory, half_, 1024),
                                                 Used(seed_, half_, 1024), root_.value))
                       : LinuxLookAlike(kernel, root, reason));
  }

  std::string WhyNoProcess(const Root& root, const Directory& directory) const {
    if (Used(directory, 0, half_) == 0) return "has no user half";
    // head_32.S, initial_page_table: memory is mapped twice, from 0 and from PAGE_OFFSET.
    const std::size_t both = std::min(half_, 1024 - half_);
    std::size_t twice = 0;
    for (std::size_t i = 0; i < both; ++i) {
      twice += (directory[i] & 1U) != 0 && FrameOf(directory[i]) == FrameOf(directory[half_ + i]);
    }
    if (twice * 2 > Used(directory, 0, half_)) return "its user half is the direct map";
    return MayMapUserPages(memory_, root, VirtAddr(layout_.direct_offset)) ? ""
                                                                           : "maps no user page";
  }

  const LinuxScene& scene_;
  const PhysicalMemory& memory_;
  Directory seed_;
  LinuxLayout layout_;
  std::size_t half_;
  PhysAddr root_;
};

}  // namespace

std::vector<LinuxKernel> FindLinuxX86(const LinuxScene& scene) {
  std::vector<PhysAddr> directories = HintedRoots(scene, ModeName::kX86);
  for (const PhysAddr root : RootsOfTexts32(scene)) directories.push_back(root);
  for (const Sighting& seen : scene.Seen(SightingKind::kLinuxDirectory)) {
    directories.push_back(seen.at);
  }
  Unique(directories);
  std::vector<LinuxKernel> kernels;
  std::vector<X86Kernel> tried;
  for (const PhysAddr at : directories) {
    if (tried.size() == kMostLinuxKernels) break;
    const auto seed = ReadDirectory(scene.Memory(), at);
    if (!seed) continue;
    const auto known = [&](const X86Kernel& kernel) { return kernel.Shares(*seed); };
    if (std::any_of(tried.begin(), tried.end(), known)) continue;
    const auto layout = DeriveLinuxLayout(scene.Memory(), {ModeName::kX86, at, std::nullopt});
    if (!layout) continue;
    X86Kernel& search = tried.emplace_back(scene, *seed, *layout);
    if (auto kernel = search.Find(directories)) kernels.push_back(std::move(*kernel));
  }
  return kernels;
}

}  // namespace v2p

// Exploring the kernel half of a root: the kernel's image and the System process.
// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "locate/low_stub.h"
#include "locate/windows_root.h"

namespace v2p {
namespace {

constexpr std::size_t kMostHints = 16;
constexpr std::size_t kMostObjects = 4096;

// EPROCESS.ImageFileName is at 0x14C to 0x5A8 in all builds (Volatility's types, public symbols).
constexpr std::size_t kNamesFrom = 0x100, kNamesTo = 0xA00;
constexpr std::byte kProcessType{3};  // wdm.h, KOBJECTS: ProcessObject

std::vector<VirtAddr> KernelHints(const Scene& scene) {
  std::vector<VirtAddr> hints;
  const WindowsClaims& claims = scene.facts->windows;
  for (const auto& claim : {claims.loaded_modules, claims.active_processes}) {
    if (claim) hints.emplace_back(*claim);
  }
  std::array<std::byte, kPageBytes> page;
  for (const Sighting& s : scene.seen->Of(SightingKind::kLowStub)) {
    if (hints.size() >= kMostHints) break;
    if (scene.memory->Read(s.at, page) != page.size()) continue;
    if (const auto stub = ParseLowStub(page, s.at)) hints.push_back(stub->target);
  }
  return hints;
}

// Whether an EPROCESS at `object` is System's; then its root.
std::optional<PhysAddr> SystemRootIn(VirtualReader& reader, VirtAddr object) {
  const WindowsSpace& space = SpaceOf(reader.TheRoot().mode);
  if (reader.Load<std::byte>(object) != kProcessType) return std::nullopt;
  const auto dtb = reader.LoadPointer(object + space.process_root);
  std::array<std::byte, kNamesTo> bytes{};
  if (!dtb) return std::nullopt;
  std::size_t have = 0;  // the object may end before, on a page that is absent
  while (have < bytes.size()) {
    const std::size_t part =
        std::min<std::size_t>(bytes.size() - have, kPageBytes - (object.value + have) % kPageBytes);
    if (reader.Read(object + have, std::span(bytes).subspan(have, part)) != Reach::kReached) break;
    have += part;
  }
  for (std::size_t at = kNamesFrom; at + 8 <= have; at += 4) {
    if (HasText(bytes, at, std::string_view("System\0\0", 8))) {
      return MaskRoot(*dtb, reader.TheRoot().mode);
    }
  }
  return std::nullopt;
}

void FindByExport(VirtualReader& reader, WindowsKernel& kernel) {
  if (!kernel.image.image) {
    kernel.system_unreachable = kernel.image.incomplete;
    return;
  }
  const auto pointer = FindExport(reader, *kernel.image.image, "PsInitialSystemProcess");
  const auto object = pointer ? reader.LoadPointer(*pointer) : std::nullopt;
  if (!object) {
    kernel.system_unreachable = true;
    return;
  }
  const auto root = SystemRootIn(reader, VirtAddr(*object));
  if (!root) return;
  const VirtAddr at(*object);
  kernel.system = SystemProcess{at, reader.Find(at).pa, *root, true};
}

// Without the export: an object that the scan saw, that is mapped where it says and is System's.
void FindByScan(const Scene& scene, VirtualReader& reader, WindowsKernel& kernel) {
  const bool is_64 = SpaceOf(reader.TheRoot().mode).pointer_bytes == 8;
  const auto objects =
      scene.seen->Of(is_64 ? SightingKind::kProcessObject64 : SightingKind::kProcessObject32);
  for (std::size_t i = 0; i < std::min(objects.size(), kMostObjects); ++i) {
    const VirtAddr object(objects[i].value);
    const auto found = reader.Find(object);
    if (found.reach != Reach::kReached || found.pa != objects[i].at) continue;
    if (const auto root = SystemRootIn(reader, object)) {
      kernel.system = SystemProcess{object, found.pa, *root, false};
      return;
    }
  }
}

std::uint32_t ReadBuild(const WindowsRoot& root, VirtualReader& reader,
                        const WindowsKernel& kernel) {
  if (root.shared_data && root.shared_data->build != 0) return root.shared_data->build;
  if (!kernel.image.image) return 0;
  const auto at = FindExport(reader, *kernel.image.image, "NtBuildNumber");
  const auto build = at ? reader.Load<std::uint32_t>(*at) : std::nullopt;
  return build.value_or(0) & 0xFFFFU;  // the upper bits say free or checked
}

}  // namespace

WindowsKernel ExploreKernel(const Scene& scene, const WindowsRoot& root) {
  WindowsKernel kernel;
  ExploreFurther(scene, root, kernel);
  return kernel;
}

void ExploreFurther(const Scene& scene, const WindowsRoot& root, WindowsKernel& kernel) {
  VirtualReader reader(*scene.memory, root.root);
  if (!kernel.image.image) {
    kernel.image = FindKernelImage(reader, root.page.slot, KernelHints(scene));
  }
  if (!kernel.system) FindByExport(reader, kernel);
  if (!kernel.system) FindByScan(scene, reader, kernel);
  if (kernel.build == 0) kernel.build = ReadBuild(root, reader, kernel);
}

}  // namespace v2p

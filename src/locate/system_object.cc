// Finding the System process without the export that names it.
// SPDX-License-Identifier: Apache-2.0
#include "locate/system_object.h"

#include <algorithm>
#include <array>

#include "locate/eprocess_offsets.h"

namespace v2p {
namespace {

constexpr std::size_t kMostTried = 4096;
constexpr std::size_t kFirstName = 0x100;

bool HasSystemName(const Eprocess& object) {
  for (std::size_t at = kFirstName; at + 16 <= object.Size(); at += object.PointerBytes()) {
    if (object.Name(at) == "System") return true;
  }
  return false;
}

// System is the first in the list, behind the head.
std::optional<VirtAddr> FirstInList(const EprocessContext& context, VirtAddr head) {
  const auto first = context.reader->LoadPointer(head);
  if (!first || !context.IsKernelPointer(*first)) return std::nullopt;
  for (const EprocessRow& row : EprocessTable()) {
    if (row.machine != MachineOf(context.Mode())) continue;
    const VirtAddr object = VirtAddr(*first) - row.offsets.links;
    const Eprocess system(*context.reader, object);
    if (system.IsProcess() && FittingRow(context, {}, &system) != nullptr) return object;
  }
  return std::nullopt;
}

}  // namespace

EprocessContext MakeEprocessContext(const Scene& scene, const System& system,
                                    VirtualReader& reader) {
  EprocessContext context;
  context.memory = scene.memory;
  context.reader = &reader;
  context.root = LookAtRoot(*scene.memory, system.kernel.root);
  context.build = system.build;
  if (system.kernel_base) context.image = KernelImageAt(reader, *system.kernel_base);
  std::array<std::byte, kPageBytes> page;
  if (reader.Read(context.Space().shared_data, page) == Reach::kReached) {
    context.shared_data = ParseSharedData(page);
  }
  return context;
}

std::optional<VirtAddr> FindSystemObject(const Scene& scene, const EprocessContext& context,
                                         std::optional<VirtAddr> known,
                                         std::span<const VirtAddr> seen) {
  if (known) return known;
  std::optional<std::uint64_t> heads[] = {scene.facts->windows.active_processes, std::nullopt};
  if (context.image) {
    const auto block = ReadDebuggerBlock(scene, *context.reader, context.image->base);
    if (block) heads[1] = block->active_processes;
  }
  for (const auto& head : heads) {
    const auto object = head ? FirstInList(context, VirtAddr(*head)) : std::nullopt;
    if (object) return object;
  }
  const PhysAddr kernel = context.reader->TheRoot().table;
  for (const VirtAddr at : seen.first(std::min(seen.size(), kMostTried))) {
    const Eprocess object(*context.reader, at);
    const auto dtb = object.Pointer(context.Space().process_root);
    if (!dtb || MaskRoot(*dtb, context.Mode()) != kernel) continue;
    if (HasSystemName(object)) return at;
  }
  return std::nullopt;
}

}  // namespace v2p

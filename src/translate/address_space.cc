// One walk, and the choice of the kernel that does it.
// SPDX-License-Identifier: Apache-2.0
#include "translate/address_space.h"

#include "translate/walk_kernel.h"
#include "translate/walker.h"

namespace v2p {
namespace kernel {

Context ContextOf(const AddressSpace& space) {
  const AddressSpaceSpec& spec = space.Spec();
  Context context;
  context.memory = &space.Memory();
  context.root = PhysAddr(spec.dtb & space.Mode().root_mask);
  context.upper_root = context.root;
  context.split_roots = spec.mode == ModeName::kArm64 && spec.ttbr1.has_value();
  if (context.split_roots) context.upper_root = PhysAddr(*spec.ttbr1 & space.Mode().root_mask);
  context.ignore_canonical = spec.ignore_canonical;
  context.os = spec.os;
  return context;
}

}  // namespace kernel

AddressSpace::AddressSpace(const PhysicalMemory& memory, const AddressSpaceSpec& spec)
    : memory_(&memory), mode_(&v2p::Mode(spec.mode)), spec_(spec) {}

PhysAddr AddressSpace::Root(VirtAddr va) const {
  const kernel::Context context = kernel::ContextOf(*this);
  return (va.value & Bit(55)) != 0 ? context.upper_root : context.root;
}

Walk AddressSpace::Translate(VirtAddr va) const {
  Walk walk;
  const kernel::Context context = kernel::ContextOf(*this);
  memory_->WithCursor([&](auto cursor) {
    kernel::WithMode(spec_.mode, [&]<const PagingMode & kMode>() {
      kernel::NoTables tables;
      kernel::WalkFromRoot<kMode>(context, cursor, tables, va, walk);
    });
  });
  return walk;
}

void AddressSpace::Translate(std::span<const VirtAddr> addresses, std::span<Walk> walks) const {
  Walker(*this).Translate(addresses, walks);
}

}  // namespace v2p

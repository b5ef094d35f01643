// One walk, and the choice of the kernel that does it.
// SPDX-License-Identifier: Apache-2.0
#include "translate/address_space.h"

#include "translate/follower.h"
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

void FollowOn(const AddressSpace& space, Walk& walk) {
  const AddressSpaceSpec& spec = space.Spec();
  if (walk.status != WalkStatus::kNotPresent || spec.paging == nullptr || spec.strict) return;
  if (spec.os != GuestOs::kWindows) return;
  Follower(space.Memory(), spec.mode, *spec.paging).Follow(walk);
}

}  // namespace kernel

namespace {

V2P_ALWAYS_INLINE void WalkAnyMode(const kernel::Context& context, ModeName mode, VirtAddr va,
                                   Walk& walk) {
  context.memory->WithCursor([&](auto cursor) {
    kernel::WithMode(mode, [&]<const PagingMode & kMode>() {
      kernel::NoTables tables;
      kernel::WalkFromRoot<kMode>(context, cursor, tables, va, walk);
    });
  });
}

V2P_FLATTEN void WalkOne(const kernel::Context& context, ModeName mode, VirtAddr va, Walk& walk) {
  WalkAnyMode(context, mode, va, walk);
}

#ifdef __x86_64__
// The rank of a page is a popcount, which x86-64 has from its second level on.
V2P_FLATTEN [[gnu::target("popcnt")]] void WalkOnePopcount(const kernel::Context& context,
                                                           ModeName mode, VirtAddr va, Walk& walk) {
  WalkAnyMode(context, mode, va, walk);
}
#endif

}  // namespace

AddressSpace::AddressSpace(const PhysicalMemory& memory, const AddressSpaceSpec& spec)
    : memory_(&memory), mode_(&v2p::Mode(spec.mode)), spec_(spec) {}

PhysAddr AddressSpace::Root(VirtAddr va) const {
  const kernel::Context context = kernel::ContextOf(*this);
  return (va.value & Bit(55)) != 0 ? context.upper_root : context.root;
}

Walk AddressSpace::Translate(VirtAddr va) const {
#ifdef __x86_64__
  const auto walk_one = __builtin_cpu_supports("popcnt") ? WalkOnePopcount : WalkOne;
#else
  const auto walk_one = WalkOne;
#endif
  Walk walk;
  walk_one(kernel::ContextOf(*this), spec_.mode, va, walk);
  kernel::FollowOn(*this, walk);
  return walk;
}

void AddressSpace::Translate(std::span<const VirtAddr> addresses, std::span<Walk> walks) const {
  Walker(*this).Translate(addresses, walks);
}

}  // namespace v2p

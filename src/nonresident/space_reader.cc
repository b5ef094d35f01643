// Reading virtual memory through tables that may themselves be in transition.
// SPDX-License-Identifier: Apache-2.0
#include "nonresident/space_reader.h"

#include <algorithm>

namespace v2p {
namespace {

AddressSpaceSpec SpecOf(ModeName mode, PhysAddr root) {
  AddressSpaceSpec spec;
  spec.mode = mode;
  spec.dtb = root.value;
  spec.os = GuestOs::kWindows;
  spec.strict = true;
  return spec;
}

}  // namespace

SpaceReader::SpaceReader(const PhysicalMemory& memory, ModeName mode, PhysAddr root,
                         const PagingContext& context)
    : memory_(&memory),
      mode_(mode),
      space_(memory, SpecOf(mode, root)),
      follower_(memory, mode, context) {}

bool SpaceReader::IsKernel(std::uint64_t va) const {
  if (Narrow()) return va >= 0x80000000 && va <= 0xffffffff;
  return va >> 47U == 0x1ffff;
}

std::optional<PhysAddr> SpaceReader::Find(VirtAddr va) const {
  Walk walk = space_.Translate(va);
  if (walk.status == WalkStatus::kNotPresent) follower_.Follow(walk);
  return walk.Mapped() ? std::optional(walk.pa) : std::nullopt;
}

SpaceReader::Got SpaceReader::Read(VirtAddr va, std::span<std::byte> out,
                                   std::vector<PhysAddr>* at) const {
  while (!out.empty()) {
    const std::uint64_t into = va.value % kPageBytes;
    const auto part =
        out.first(static_cast<std::size_t>(std::min<std::uint64_t>(kPageBytes - into, out.size())));
    Walk walk = space_.Translate(va);
    Following following;
    if (walk.status == WalkStatus::kNotPresent) following = follower_.Follow(walk);
    if (walk.Mapped()) {
      if (memory_->Read(walk.pa, part) != part.size()) return Got::kNotInImage;
      if (at != nullptr) at->push_back(walk.pa);
    } else if (following.stored && following.stored->bytes != nullptr) {
      std::copy_n(following.stored->bytes->begin() + static_cast<std::ptrdiff_t>(into), part.size(),
                  part.begin());
    } else if (walk.status == WalkStatus::kTableNotInImage) {
      return Got::kNotInImage;
    } else {
      return walk.state == EntryState::kPagefile ? Got::kPagedOut : Got::kNotMapped;
    }
    out = out.subspan(part.size());
    va = va + part.size();
  }
  return Got::kAll;
}

std::optional<std::uint64_t> SpaceReader::LoadPointer(VirtAddr va) const {
  if (Narrow()) return Load<std::uint32_t>(va);
  return Load<std::uint64_t>(va);
}

}  // namespace v2p

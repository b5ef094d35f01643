// Reading virtual memory through one root.
// SPDX-License-Identifier: Apache-2.0
#include "locate/virtual_reader.h"

#include <algorithm>

namespace v2p {

VirtualReader::VirtualReader(const PhysicalMemory& memory, const Root& root)
    : memory_(&memory), root_(root), walker_(AddressSpace(memory, root.Spec())) {}

VirtualReader::Found VirtualReader::Find(VirtAddr va) {
  const Walk walk = walker_.Translate(va);
  if (walk.status == WalkStatus::kTableNotInImage) return {Reach::kNotInImage, {}, 0};
  if (!walk.Mapped()) return {Reach::kNotMapped, {}, 0};
  const Reach reach = memory_->Contains(walk.pa) ? Reach::kReached : Reach::kNotInImage;
  return {reach, walk.pa, walk.page_bytes};
}

Reach VirtualReader::Read(VirtAddr va, std::span<std::byte> out) {
  while (!out.empty()) {
    const Found found = Find(va);
    if (found.reach != Reach::kReached) return found.reach;
    const std::uint64_t left = kPageBytes - va.value % kPageBytes;
    const auto part =
        out.first(static_cast<std::size_t>(std::min<std::uint64_t>(left, out.size())));
    if (memory_->Read(found.pa, part) != part.size()) return Reach::kNotInImage;
    out = out.subspan(part.size());
    va = va + part.size();
  }
  return Reach::kReached;
}

std::optional<std::uint64_t> VirtualReader::LoadPointer(VirtAddr va) {
  if (Mode(root_.mode).va_bits == 32) return Load<std::uint32_t>(va);
  return Load<std::uint64_t>(va);
}

}  // namespace v2p

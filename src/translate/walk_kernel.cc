// The parts of a walk that are not worth inlining.
// SPDX-License-Identifier: Apache-2.0
#include "translate/walk_kernel.h"

namespace v2p::kernel {

bool ReadScattered(const PhysicalMemory& memory, PhysAddr at, std::size_t bytes,
                   std::uint64_t& entry) {
  std::array<std::byte, sizeof entry> raw{};
  if (memory.Read(at, std::span(raw).first(bytes)) != bytes) return false;
  entry = LoadLe<std::uint64_t>(raw.data());
  return true;
}

void EndUnmapped(const PagingMode& mode, GuestOs os, Walk& walk) {
  const std::size_t level = walk.step_count - 1u;
  const std::uint64_t entry = walk.steps[level].entry;
  if ((entry & kEntryPresent) != 0) {
    walk.status = WalkStatus::kReservedBits;
    walk.state = EntryState::kPresent;
  } else {
    walk.status = WalkStatus::kNotPresent;
    walk.state = NotPresentForm(mode, os, level, entry);
  }
}

}  // namespace v2p::kernel

// The debugger engine's two translation methods, read off one walk.
// SPDX-License-Identifier: Apache-2.0
#include "translate/dbgeng.h"

namespace v2p {
namespace {

// Entries that were read; the one on an absent page is not among the offsets. A prototype entry
// comes behind those of the levels.
std::uint32_t EntriesRead(const Walk& walk) {
  const std::uint32_t steps = walk.step_count + (walk.prototype ? 1U : 0U);
  return walk.status == WalkStatus::kTableNotInImage ? steps - 1 : steps;
}

}  // namespace

HResult StopCode(const Walk& walk) {
  switch (walk.status) {
    case WalkStatus::kMapped:
      return kSOk;
    case WalkStatus::kTableNotInImage:
      return kReadFault;
    case WalkStatus::kNotPresent:
    case WalkStatus::kReservedBits:
    case WalkStatus::kNonCanonical:
      break;
  }
  return kNoPagefile;
}

HResult VirtualToPhysical(const Walk& walk, std::uint64_t* physical) {
  if (walk.Mapped() && physical != nullptr) *physical = walk.pa.value;
  return StopCode(walk);
}

HResult GetVirtualTranslationPhysicalOffsets(const Walk& walk, std::uint64_t* offsets,
                                             std::uint32_t offsets_size, std::uint32_t* levels) {
  std::uint32_t count = 0;
  bool whole = false;  // a table outside memory ends the list early
  const auto add = [&](PhysAddr address) {
    if (offsets != nullptr && count < offsets_size) offsets[count] = address.value;
    ++count;
  };
  if (walk.status != WalkStatus::kNonCanonical) {
    add(walk.root);
    const std::uint32_t entries = EntriesRead(walk);
    std::uint32_t i = 0;
    while (i < entries && (walk.elsewhere >> i & 1U) == 0) add(walk.steps[i++].entry_at);
    whole = walk.Mapped() && i == entries;
    if (whole) add(walk.pa);
  }
  if (levels != nullptr) *levels = count;
  if (whole) return kSOk;
  return count == 0 ? StopCode(walk) : kSFalse;
}

HResult VirtualToPhysical(const AddressSpace& space, std::uint64_t virtual_address,
                          std::uint64_t* physical) {
  return VirtualToPhysical(space.Translate(VirtAddr(virtual_address)), physical);
}

HResult GetVirtualTranslationPhysicalOffsets(const AddressSpace& space,
                                             std::uint64_t virtual_address, std::uint64_t* offsets,
                                             std::uint32_t offsets_size, std::uint32_t* levels) {
  return GetVirtualTranslationPhysicalOffsets(space.Translate(VirtAddr(virtual_address)), offsets,
                                              offsets_size, levels);
}

}  // namespace v2p

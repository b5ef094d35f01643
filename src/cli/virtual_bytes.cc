// The bytes behind virtual addresses.
// SPDX-License-Identifier: Apache-2.0
#include "cli/virtual_bytes.h"

#include <algorithm>
#include <span>

namespace v2p::cli {

AddressSpaceSpec WalkSpec(const Args& args, const Target& target) {
  AddressSpaceSpec spec;
  spec.mode = target.root.mode;
  spec.dtb = target.root.value;
  spec.ttbr1 = target.root.ttbr1;
  spec.os = GuestOsOf(target.image, target.root);
  spec.strict = args.strict;
  spec.ignore_canonical = args.ignore_canonical;
  return spec;
}

VirtualBytes::VirtualBytes(const Args& args, const Target& target)
    : target_(target),
      walker_(AddressSpace(*target.image.memory, WalkSpec(args, target))),
      following_(args, target.image, target.root) {}

// A page that the image holds in part gives what it has.
void VirtualBytes::FromMemory(PhysAddr pa, VirtualPiece* piece) const {
  const PhysicalMemory& memory = *target_.image.memory;
  const std::span<std::byte> bytes = piece->bytes;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto next = memory.FirstPresent(pa + at, pa + bytes.size());
    if (!next) break;
    const auto from = static_cast<std::size_t>(*next - pa);
    const std::size_t got = memory.Read(*next, bytes.subspan(from));
    if (got == 0) break;
    std::fill_n(piece->present.begin() + static_cast<std::ptrdiff_t>(from), got, true);
    at = from + got;
  }
  const bool whole =
      std::find(piece->present.begin(), piece->present.end(), false) == piece->present.end();
  piece->why = whole ? "" : "page-not-in-image";
}

VirtualPiece VirtualBytes::Read(VirtAddr va, std::size_t bytes) {
  VirtualPiece piece;
  piece.va = va;
  piece.bytes.resize(bytes);
  piece.present.resize(bytes);
  std::array<Walk, 1> walks = {walker_.Translate(va)};
  std::vector<std::unique_ptr<const Following>> found;
  following_.Follow(walks, &found);
  const Walk& walk = walks[0];
  if (walk.Mapped()) {
    FromMemory(walk.pa, &piece);
    return piece;
  }
  const Following* following = found[0].get();
  if (following != nullptr && following->stored && following->stored->bytes != nullptr) {
    const auto into = static_cast<std::ptrdiff_t>(va.value % kPageBytes);
    std::copy_n(following->stored->bytes->begin() + into, bytes, piece.bytes.begin());
    piece.present.assign(bytes, true);
    return piece;
  }
  piece.why = Reason(walk).value_or("unknown");
  if (following != nullptr) {
    if (!following->reason.empty()) piece.why = following->reason;
    if (following->stored && !following->stored->failure.empty()) {
      piece.why = following->stored->failure;
    }
  }
  return piece;
}

}  // namespace v2p::cli

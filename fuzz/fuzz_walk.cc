// Fuzzes the walker: any bytes as page tables, any mode, any root, any address.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/bytes.h"
#include "support/memory_source.h"
#include "translate/address_space.h"
#include "translate/dbgeng.h"

namespace {

// Input: 64 bytes of parameters, then pages placed by a small table so that entries hit them.
constexpr std::size_t kHead = 64;

v2p::PhysicalMemory MakeMemory(std::span<const std::byte> input, bool blocks) {
  std::vector<std::byte> pages(input.begin() + kHead, input.end());
  std::vector<v2p::Extent> extents;
  std::uint64_t physical = v2p::LoadLe<std::uint32_t>(input.data() + 32);
  for (std::size_t at = 0; at < pages.size();) {
    const std::uint64_t step = std::to_integer<std::uint64_t>(input[36 + (at / 512) % 16]);
    const std::uint64_t bytes = std::min<std::uint64_t>(1 + step * 37, pages.size() - at);
    extents.push_back({v2p::PhysAddr(physical), bytes, v2p::FileOffset(at)});
    physical += bytes + (step % 3 == 0 ? step * 0x123 : 0);
    at += static_cast<std::size_t>(bytes);
  }
  return {std::make_shared<v2p::test::MemorySource>(std::move(pages), blocks ? 48 : 0),
          v2p::RunIndex(std::move(extents))};
}

void Check(bool holds) {
  if (!holds) std::abort();
}

// What must hold of every walk, whatever the bytes were.
void CheckWalk(const v2p::AddressSpace& space, const v2p::Walk& walk) {
  Check(walk.step_count <= space.Mode().level_count);
  std::uint64_t physical = 0x5a5a;
  const v2p::HResult hr = VirtualToPhysical(walk, &physical);
  Check(walk.Mapped() == (hr == v2p::kSOk));
  Check(walk.Mapped() || physical == 0x5a5a);
  std::uint64_t offsets[10] = {};
  std::uint32_t levels = 0;
  const v2p::HResult hr2 = GetVirtualTranslationPhysicalOffsets(walk, offsets, 10, &levels);
  Check(levels <= 7);
  Check(walk.Mapped() == (hr2 == v2p::kSOk));
  if (walk.Mapped()) Check(offsets[levels - 1] == physical && levels == walk.step_count + 2U);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHead + 8) return 0;
  const auto input = std::as_bytes(std::span(data, size));
  const std::uint8_t flags = data[0];
  const v2p::PhysicalMemory memory = MakeMemory(input, (flags & 0x80U) != 0);
  v2p::AddressSpaceSpec spec;
  spec.mode = static_cast<v2p::ModeName>(flags % 5);
  spec.os = static_cast<v2p::GuestOs>(data[1] % 3);
  spec.ignore_canonical = (data[1] & 0x80U) != 0;
  spec.dtb = v2p::LoadLe<std::uint64_t>(input.data() + 8);
  if ((flags & 0x40U) != 0) spec.ttbr1 = v2p::LoadLe<std::uint64_t>(input.data() + 16);
  const v2p::AddressSpace space(memory, spec);

  std::vector<v2p::VirtAddr> addresses;
  for (std::uint64_t i = 0; i < 32; ++i) {
    addresses.emplace_back(v2p::LoadLe<std::uint64_t>(input.data() + 24) + (i * i << (i * 2)));
  }
  std::vector<v2p::Walk> walks(addresses.size());
  space.Translate(addresses, walks);
  for (std::size_t i = 0; i < walks.size(); ++i) {
    CheckWalk(space, walks[i]);
    const v2p::Walk alone = space.Translate(addresses[i]);
    Check(alone.status == walks[i].status && alone.step_count == walks[i].step_count &&
          (!alone.Mapped() || alone.pa == walks[i].pa));
  }
  return 0;
}

// Reading KDDEBUGGER_DATA64. Offsets: wdbgexts.h.
// SPDX-License-Identifier: Apache-2.0
#include "locate/debugger_block.h"

#include <algorithm>
#include <array>

#include "locate/windows_space.h"

namespace v2p {
namespace {

constexpr std::uint32_t kTag = 0x4742'444B;  // "KDBG"
constexpr std::size_t kTagAt = 0x10, kSizeAt = 0x14, kKernBaseAt = 0x18, kActiveProcessesAt = 0x50;
constexpr std::size_t kPebAt = 0x2AA, kParentAt = 0x2AC, kRootAt = 0x2AE;
constexpr std::size_t kBytes = 0x2B0;
constexpr std::size_t kMostBlocks = 64;

using Block = std::array<std::byte, kBytes>;

// 32-bit kernels extend the sign of pointers or do not.
std::uint64_t PointerIn(const Block& block, std::size_t at, unsigned bytes) {
  if (bytes == 4) return LoadLe<std::uint32_t>(block.data() + at);
  return LoadLe<std::uint64_t>(block.data() + at);
}

std::optional<DebuggerBlock> Parse(const Block& block, unsigned pointer, VirtAddr base) {
  if (LoadLe<std::uint32_t>(block.data() + kTagAt) != kTag) return std::nullopt;
  if (PointerIn(block, kKernBaseAt, pointer) != base.value) return std::nullopt;
  DebuggerBlock found;
  found.active_processes = PointerIn(block, kActiveProcessesAt, pointer);
  // Windows 2000's ends before the offsets.
  if (LoadLe<std::uint32_t>(block.data() + kSizeAt) < kBytes) return found;
  found.peb = LoadLe<std::uint16_t>(block.data() + kPebAt);
  found.parent_pid = LoadLe<std::uint16_t>(block.data() + kParentAt);
  found.process_root = LoadLe<std::uint16_t>(block.data() + kRootAt);
  return found;
}

}  // namespace

std::optional<DebuggerBlock> ReadDebuggerBlock(const Scene& scene, VirtualReader& reader,
                                               VirtAddr kernel_base) {
  const unsigned pointer = SpaceOf(reader.TheRoot().mode).pointer_bytes;
  Block block;
  if (const auto va = scene.facts->windows.debugger_data;
      va && reader.Read(VirtAddr(*va), block) == Reach::kReached) {
    if (const auto found = Parse(block, pointer, kernel_base)) return found;
  }
  const auto seen = scene.seen->Of(SightingKind::kDebuggerData);
  for (const Sighting& s : seen.first(std::min(seen.size(), kMostBlocks))) {
    if (s.at.value % kPageBytes + kBytes > kPageBytes) continue;  // what follows may be elsewhere
    if (scene.memory->Read(s.at, block) != block.size()) continue;
    if (const auto found = Parse(block, pointer, kernel_base)) return found;
  }
  return std::nullopt;
}

}  // namespace v2p

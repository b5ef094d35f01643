// Telling the direct map and the kernel image from what else a Linux root maps.
// SPDX-License-Identifier: Apache-2.0
#include "locate/linux_layout.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "locate/leaf_runs.h"
#include "locate/linux_pages.h"

namespace v2p {
namespace {

// Linux arch/x86/include/asm/page_64_types.h: __START_KERNEL_map, and the GiB that modules begin
// after (MODULES_VADDR with KASLR).
constexpr std::uint64_t kX64Image = 0xFFFFFFFF80000000;
constexpr std::uint64_t kX64ImageEnd = 0xFFFFFFFFC0000000;
constexpr std::uint64_t kMostImageBytes = std::uint64_t{256} << 20U;
constexpr std::uint64_t kEnoughDirectMap = std::uint64_t{4} << 20U;

// Memory that a run maps, not devices: PCI's configuration space alone takes 256 MiB in an ioremap.
// A run in more pieces than real ones are counts in part.
std::uint64_t MemoryIn(const PhysicalMemory& memory, const LeafRun& run) {
  std::uint64_t bytes = 0;
  PhysAddr from = run.pa;
  const PhysAddr end = run.pa + run.bytes;
  for (int piece = 0; piece < 64; ++piece) {
    const auto at = memory.FirstPresent(from, end);
    if (!at) break;
    const auto where = memory.Find(*at);
    if (!where) break;
    const std::uint64_t held = std::min(where->bytes, end - *at);
    bytes += held;
    from = *at + held;
  }
  return bytes;
}

// What leaves map with one offset; `memory` is what the image holds of `bytes`.
struct Tally {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t memory = 0;
  std::uint64_t low_va = 0, high_va = 0;
  std::uint64_t low_pa = 0, high_pa = 0;

  void Add(const LeafRun& run) {
    if (bytes == 0) {
      offset = run.Offset();
      low_va = run.va.value;
      low_pa = run.pa.value;
    }
    bytes += run.bytes;
    low_pa = std::min(low_pa, run.pa.value);
    high_va = run.va.value + (run.bytes - 1);  // ascending
    high_pa = std::max(high_pa, run.pa.value + (run.bytes - 1));
  }
};

// The few offsets that count are those of large runs; vmalloc brings one for every page.
class Tallies {
 public:
  explicit Tallies(const PhysicalMemory& memory) : memory_(&memory) {}

  void Add(const LeafRun& run) {
    auto at = std::find_if(tallies_.begin(), tallies_.end(),
                           [&](const Tally& t) { return t.offset == run.Offset(); });
    if (at == tallies_.end()) {
      if (tallies_.size() >= (run.bytes < kLeast ? kMost / 2 : kMost)) return;
      at = tallies_.emplace(tallies_.end());
    }
    at->Add(run);
    at->memory += MemoryIn(*memory_, run);
  }
  const Tally* Largest() const {
    const auto at =
        std::max_element(tallies_.begin(), tallies_.end(), [](const Tally& a, const Tally& b) {
          return std::pair(a.memory, a.bytes) < std::pair(b.memory, b.bytes);
        });
    return at == tallies_.end() ? nullptr : &*at;
  }

 private:
  static constexpr std::uint64_t kLeast = 0x10000;
  static constexpr std::size_t kMost = 64;
  const PhysicalMemory* memory_;
  std::vector<Tally> tallies_;
};

std::optional<Tally> DirectMap(const PhysicalMemory& memory, const Root& root, VirtAddr from) {
  Tallies tallies(memory);
  LeafBudget budget;
  VisitKernelLeaves(memory, root, from, budget, [&](const LeafRun& run) {
    if (run.va.value >= kX64Image) return false;
    if (!run.user) tallies.Add(run);
    return true;
  });
  const Tally* largest = tallies.Largest();
  if (largest == nullptr || largest->bytes < kEnoughDirectMap) return std::nullopt;
  return *largest;
}

LinuxLayout WithDirectMap(ModeName mode, const Tally& direct) {
  LinuxLayout layout;
  layout.mode = mode;
  layout.direct_offset = direct.offset;
  layout.direct_begin = VirtAddr(direct.low_va);
  layout.direct_end = VirtAddr(direct.high_va + 1);
  return layout;
}

bool SetImage(LinuxLayout& layout, const Tally& image) {
  if (image.bytes == 0 || image.high_pa - image.low_pa >= kMostImageBytes) return false;
  layout.image_offset = image.offset;
  layout.image_at = PhysAddr(image.low_pa);
  layout.image_bytes = image.high_pa - image.low_pa + 1;
  return true;
}

// The image is what the first leaf of its GiB maps, as far as that goes on linearly.
std::optional<LinuxLayout> DeriveX64(const PhysicalMemory& memory, const Root& root) {
  Tally image;
  LeafBudget budget;
  VisitKernelLeaves(memory, root, VirtAddr(kX64Image), budget, [&](const LeafRun& run) {
    if (run.va.value >= kX64ImageEnd) return false;
    if (image.bytes != 0 && run.Offset() != image.offset) return false;
    image.Add(run);
    return true;
  });
  if (image.bytes == 0) return std::nullopt;
  const unsigned bits = root.mode == ModeName::kX64 ? 47 : 56;
  const auto direct = DirectMap(memory, root, VirtAddr(~std::uint64_t{0} << bits));
  if (!direct) return std::nullopt;
  LinuxLayout layout = WithDirectMap(root.mode, *direct);
  if (!SetImage(layout, image)) return std::nullopt;
  return layout;
}

// Text and constants are the only large part of the direct map that is not writable; data and bss,
// with the root in them, follow.
std::optional<LinuxLayout> Derive32(const PhysicalMemory& memory, const Root& root) {
  constexpr std::uint64_t kDataBytes = std::uint64_t{16} << 20U;
  constexpr std::uint64_t kSmall = std::uint64_t{1} << 20U;
  const auto direct = DirectMap(memory, root, VirtAddr(linux_x86::kSplits.back()));
  if (!direct) return std::nullopt;
  const auto& splits = linux_x86::kSplits;
  if (std::find(splits.begin(), splits.end(), direct->offset) == splits.end()) return std::nullopt;
  LinuxLayout layout = WithDirectMap(root.mode, *direct);
  layout.image_offset = direct->offset;
  Tally constant;
  LeafBudget budget;
  VisitKernelLeaves(memory, root, layout.direct_begin, budget, [&](const LeafRun& run) {
    if (run.Offset() == direct->offset && !run.writable && run.bytes >= kSmall) constant.Add(run);
    return run.va < layout.direct_end;
  });
  if (!SetImage(layout, constant)) return std::nullopt;
  layout.image_bytes += kDataBytes;
  return layout;
}

// The two halves of the upper 2^48 bytes, each with a budget of its own: a direct map of 4 KiB
// pages takes as many tables as one cares to read.
void VisitHalves(const PhysicalMemory& memory, const Root& root,
                 const std::function<void(const LeafRun&)>& visit) {
  constexpr std::uint64_t kLower = 0xFFFF000000000000;
  constexpr std::uint64_t kUpper = 0xFFFF800000000000;
  LeafBudget lower;
  VisitKernelLeaves(memory, root, VirtAddr(kLower), lower, [&](const LeafRun& run) {
    if (run.va.value < kUpper) visit(run);
    return run.va.value < kUpper;
  });
  LeafBudget upper;
  VisitKernelLeaves(memory, root, VirtAddr(kUpper), upper, [&](const LeafRun& run) {
    visit(run);
    return true;
  });
}

// Until Linux 5.4 the direct map was the upper half of the kernel's addresses, since then it is the
// lower one. The root lies in the image, which is mapped linearly in the other half.
std::optional<LinuxLayout> DeriveArm64(const PhysicalMemory& memory, const Root& root) {
  const PhysAddr upper = root.upper.value_or(root.table);
  Tallies tallies(memory);
  std::vector<std::uint64_t> aliases;
  VisitHalves(memory, root, [&](const LeafRun& run) {
    tallies.Add(run);
    if (run.Holds(upper) && aliases.size() < 8) aliases.push_back(run.Offset());
  });
  const Tally* direct = tallies.Largest();
  if (direct == nullptr || direct->bytes < kEnoughDirectMap) return std::nullopt;
  const auto alias = std::find_if(aliases.begin(), aliases.end(),
                                  [&](std::uint64_t offset) { return offset != direct->offset; });
  if (alias == aliases.end()) return std::nullopt;
  Tally image;
  VisitHalves(memory, root, [&](const LeafRun& run) {
    if (run.Offset() == *alias) image.Add(run);
  });
  LinuxLayout layout = WithDirectMap(root.mode, *direct);
  if (!SetImage(layout, image)) return std::nullopt;
  return layout;
}

}  // namespace

std::optional<PhysAddr> LinuxLayout::Physical(VirtAddr va) const {
  if (InDirectMap(va)) return PhysAddr(va.value - direct_offset);
  const PhysAddr in_image(PointerBytes() == 4 ? (va.value - image_offset) & 0xFFFFFFFF
                                              : va.value - image_offset);
  if (InImage(in_image)) return in_image;
  return std::nullopt;
}

std::optional<LinuxLayout> DeriveLinuxLayout(const PhysicalMemory& memory, const Root& root) {
  switch (root.mode) {
    case ModeName::kX86:
    case ModeName::kPae:
      return Derive32(memory, root);
    case ModeName::kX64:
    case ModeName::kX64La57:
      return DeriveX64(memory, root);
    case ModeName::kArm64:
      break;
  }
  return DeriveArm64(memory, root);
}

}  // namespace v2p

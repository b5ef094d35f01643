// Testing roots of processes against the kernel's own.
// SPDX-License-Identifier: Apache-2.0
#include "locate/linux_process_root.h"

#include <algorithm>

#include "base/bytes.h"
#include "locate/linux_memory.h"
#include "locate/linux_pages.h"

namespace v2p {
namespace {

constexpr std::size_t kMostRemembered = 1U << 16U;

enum class Half : std::uint8_t { kUser, kNotUser, kUndecided };

// Follows a table down to its first page. A page for EL0 that is not global, reached through
// tables as Linux writes them at every level, tells a process's root from tables further down.
class UserHalf {
 public:
  explicit UserHalf(const PhysicalMemory& memory) : memory_(memory), ram_{memory.End().value} {}

  bool Holds(PhysAddr root) {
    left_ = 64;
    return Table(root, 0) == Half::kUser;
  }

 private:
  Half Table(PhysAddr at, int level) {
    const auto table = ReadTable64(memory_, at);
    if (!table || left_ == 0) return Half::kUndecided;
    --left_;
    for (const std::uint64_t entry : *table) {
      const Half half = Entry(entry, level);
      if (half != Half::kUndecided) return half;
    }
    return Half::kUndecided;
  }

  Half Entry(std::uint64_t entry, int level) {
    // Arm ARM D8.3: nG, AP[1] for EL0; bits 1 and 0: page or block.
    constexpr std::uint64_t kUserPage = 0x840;
    if (entry == 0) return Half::kUndecided;
    if (level < 3 && linux_arm64::IsTable(entry, ram_)) {
      return Table(PhysAddr(entry & linux_arm64::kFrame), level + 1);
    }
    if ((entry & 1) == 0) return level == 0 ? Half::kNotUser : Half::kUndecided;
    const bool leaf = level == 3 ? (entry & 2) != 0 : level != 0 && (entry & 2) == 0;
    return leaf && (entry & kUserPage) == kUserPage ? Half::kUser : Half::kNotUser;
  }

  const PhysicalMemory& memory_;
  RamBounds ram_;
  unsigned left_ = 0;
};

// The kernel's part of a root: bytes of the table, width of an entry, and the entry's frame.
struct HalfShape {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::size_t width = 8;
  std::uint64_t frame = linux_x86::kFrame;
};

HalfShape ShapeOf(const LinuxLayout& layout) {
  const std::uint64_t split = layout.direct_offset & 0xFFFFFFFF;
  switch (layout.mode) {
    case ModeName::kX86:
      return {(split >> 22U) * 4, kPageBytes, 4, 0xFFFFF000};
    case ModeName::kPae:
      return {24, linux_x86::kPaePointersBytes, 8, linux_x86::kPaeFrame};
    case ModeName::kX64:
    case ModeName::kX64La57:
    case ModeName::kArm64:
      break;
  }
  return {kPageBytes / 2, kPageBytes, 8, linux_x86::kFrame};
}

}  // namespace

bool HasArm64UserHalf(const PhysicalMemory& memory, PhysAddr root) {
  return UserHalf(memory).Holds(root);
}

LinuxProcessRoots::LinuxProcessRoots(const PhysicalMemory& memory, const Candidate& kernel,
                                     const LinuxLayout& layout)
    : memory_(memory), kernel_(kernel.root), kpti_(kernel.pair.has_value()), layout_(layout) {
  if (kernel_.mode == ModeName::kArm64) return;
  kernel_half_ = ReadKernelHalf(kernel_.table).value_or(std::vector<std::uint64_t>());
}

std::optional<PhysAddr> LinuxProcessRoots::At(VirtAddr pgd) const {
  const std::uint64_t unit =
      kernel_.mode == ModeName::kPae ? linux_x86::kPaePointersBytes : kPageBytes;
  if (pgd.value % unit != 0 || !layout_.InDirectMap(pgd)) return std::nullopt;
  const auto table = layout_.Physical(pgd);
  if (table == kernel_.table || table == kernel_.upper) return std::nullopt;
  return table;
}

bool LinuxProcessRoots::Test(PhysAddr table) {
  if (tested_.size() >= kMostRemembered) tested_.clear();
  const auto [at, fresh] = tested_.try_emplace(table.value);
  if (fresh) {
    at->second = kernel_.mode == ModeName::kArm64 ? HasArm64UserHalf(memory_, table)
                                                  : SharesKernelHalf(table);
  }
  return at->second;
}

// Frames of the present entries, 0 for the others.
std::optional<std::vector<std::uint64_t>> LinuxProcessRoots::ReadKernelHalf(PhysAddr table) const {
  const HalfShape shape = ShapeOf(layout_);
  std::vector<std::byte> bytes(static_cast<std::size_t>(shape.end - shape.begin));
  if (memory_.Read(table + shape.begin, bytes) != bytes.size()) return std::nullopt;
  std::vector<std::uint64_t> frames;
  for (std::size_t i = 0; i < bytes.size(); i += shape.width) {
    const std::uint64_t entry = shape.width == 8 ? LoadLe<std::uint64_t>(bytes.data() + i)
                                                 : LoadLe<std::uint32_t>(bytes.data() + i);
    frames.push_back((entry & 1) != 0 ? entry & shape.frame : 0);
  }
  return frames;
}

// Four in five: parts of the kernel's half reach a process when it first faults there.
bool LinuxProcessRoots::SharesKernelHalf(PhysAddr table) const {
  const auto half = ReadKernelHalf(table);
  if (!half || half->size() != kernel_half_.size()) return false;
  std::size_t of = 0;
  std::size_t shared = 0;
  for (std::size_t i = 0; i < half->size(); ++i) {
    if (kernel_half_[i] == 0) continue;
    ++of;
    shared += (*half)[i] == kernel_half_[i] ? 1U : 0U;
  }
  return shared != 0 && shared * 5 >= of * 4;
}

Root LinuxProcessRoots::Of(PhysAddr table) const { return {kernel_.mode, table, kernel_.upper}; }

// arch/x86/include/asm/pgtable.h, kernel_to_user_pgdp: the second page of the pair.
std::optional<Root> LinuxProcessRoots::UserRootOf(PhysAddr table) const {
  if (!kpti_ || (table.value & kPageBytes) != 0) return std::nullopt;
  return Of(table + kPageBytes);
}

RootState LinuxProcessRoots::StateOf(PhysAddr table) {
  if (Test(table)) return RootState::kOk;
  return memory_.Contains(table) ? RootState::kInvalid : RootState::kNotInImage;
}

}  // namespace v2p

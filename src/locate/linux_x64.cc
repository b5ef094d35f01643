// Linux kernels on x86-64: four and five levels, KASLR, KPTI.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "locate/leaf_runs.h"
#include "locate/linux_kernel.h"
#include "locate/linux_memory.h"
#include "locate/linux_pages.h"
#include "locate/linux_text64.h"

namespace v2p {
namespace {

constexpr std::size_t kHalf = 256;

std::uint64_t FrameOf(std::uint64_t entry) { return entry & linux_x86::kFrame; }

std::size_t Used(const Table64& table, std::size_t begin, std::size_t end) {
  return static_cast<std::size_t>(std::count_if(table.begin() + static_cast<std::ptrdiff_t>(begin),
                                                table.begin() + static_cast<std::ptrdiff_t>(end),
                                                [](std::uint64_t e) { return (e & 1) != 0; }));
}

// Entries of [begin, end) that both have, with the same table.
std::size_t Shared(const Table64& a, const Table64& b, std::size_t begin, std::size_t end) {
  std::size_t shared = 0;
  for (std::size_t i = begin; i < end; ++i) {
    shared += (a[i] & b[i] & 1) != 0 && FrameOf(a[i]) == FrameOf(b[i]) ? 1U : 0U;
  }
  return shared;
}

bool MostlyShared(std::size_t shared, std::size_t of) {
  return shared != 0 && shared * 5 >= of * 4;
}

// One kernel image and the pages whose last entry leads to it.
class X64Kernel {
 public:
  X64Kernel(const LinuxScene& scene, const std::vector<KernelText64>& texts)
      : scene_(scene), memory_(scene.Memory()), image_(texts.front()) {
    for (const KernelText64& text : texts) l3s_.insert(text.l3.value);
  }

  std::optional<LinuxKernel> Find() {
    Collect();
    if (!ChooseSwapper()) return std::nullopt;
    const std::string structure =
        fmt::format("{} kernel entries, the last leads to the image at {:#x}, phys_base {:#x}",
                    Used(swapper_, kHalf, 512), image_.image.value, image_.phys_base);
    LinuxKernel kernel = WeighLinuxKernel(scene_, {mode_, root_, std::nullopt}, structure);
    kernel.facts.push_back({"phys-base", Hex64{image_.phys_base}});
    ReadShadow(kernel);
    for (const std::uint64_t at : roots_) AddMember(PhysAddr(at), kernel);
    return kernel;
  }

 private:
  // Roots lead to one of the tables of the image. When something leads to such a page in turn, the
  // machine walks five levels and the page is the p4d of the kernel.
  void Collect() {
    const std::set<std::uint64_t> direct = LeadingTo(l3s_);
    std::set<std::uint64_t> p4ds;
    for (const std::uint64_t at : direct) {
      if (image_.Holds(PhysAddr(at))) p4ds.insert(at);
    }
    roots_ = p4ds.empty() ? std::set<std::uint64_t>() : LeadingTo(p4ds);
    mode_ = ModeName::kX64La57;
    if (!roots_.empty()) return;
    mode_ = ModeName::kX64;
    roots_ = direct;
  }

  // Pages whose last entry is one of `tables`: those sighted, those named, those in the image.
  std::set<std::uint64_t> LeadingTo(const std::set<std::uint64_t>& tables) const {
    std::set<std::uint64_t> found;
    for (const Sighting& seen : scene_.Seen(SightingKind::kLinuxTop64)) {
      if (found.size() == kMostLinuxMembers) break;
      if (tables.contains(FrameOf(seen.value))) found.insert(seen.at.value);
    }
    for (const ModeName mode : {ModeName::kX64, ModeName::kX64La57}) {
      for (const PhysAddr named : HintedRoots(scene_, mode)) {
        const auto table = ReadTable64(memory_, named);
        if (table && tables.contains(FrameOf((*table)[511]))) found.insert(named.value);
      }
    }
    const RamBounds ram = scene_.Ram();
    VisitPages(memory_, image_.image, image_.bytes, [&](PhysAddr at, auto page) {
      const auto last = LoadLe<std::uint64_t>(page.data() + 511 * sizeof(std::uint64_t));
      if (linux_x86::IsTable(last, ram) && tables.contains(FrameOf(last))) found.insert(at.value);
      return true;
    });
    return found;
  }

  // The kernel's own root lies in its image and has nothing in the user half. Freed parts of the
  // image and the tables of KPTI look alike but have fewer entries.
  bool ChooseSwapper() {
    std::size_t most = 0;
    for (const std::uint64_t at : roots_) {
      const auto table = ReadTable64(memory_, PhysAddr(at));
      if (!table || !image_.Holds(PhysAddr(at)) || Used(*table, 0, kHalf) != 0) continue;
      const std::size_t used = Used(*table, kHalf, 512);
      if (used <= most) continue;
      most = used;
      root_ = PhysAddr(at);
      swapper_ = *table;
    }
    return most != 0;
  }

  // With KPTI every root is the first of a pair of pages; the second has the few kernel entries
  // that a CPU needs to get in and out (arch/x86/mm/pti.c), and its own way to the entry text.
  void ReadShadow(LinuxKernel& kernel) {
    const auto table = ReadTable64(memory_, root_ + kPageBytes);
    if (!table || (root_.value & kPageBytes) != 0 || ((*table)[511] & 1) == 0 ||
        !linux_x86::IsTable((*table)[511], scene_.Ram()) || Used(*table, 0, kHalf) != 0 ||
        FrameOf((*table)[511]) == FrameOf(swapper_[511])) {
      return;
    }
    shadow_ = *table;
    kernel.kernel.pair = root_ + kPageBytes;
    kernel.facts.push_back({"kpti", true});
    kernel.members.push_back(Shadow(kernel, root_, swapper_, *table));
  }

  Candidate Shadow(const LinuxKernel& kernel, PhysAddr of, const Table64& whole,
                   const Table64& shadow) const {
    Candidate candidate = LinuxMember(
        kernel, {mode_, of + kPageBytes, std::nullopt}, RootClass::kUserShadow, "linux-user-shadow",
        fmt::format("user half of {:#x} ({} entries), {} kernel entries", of.value,
                    Shared(whole, shadow, 0, kHalf), Used(shadow, kHalf, 512)));
    candidate.pair = of;
    return candidate;
  }

  void AddMember(PhysAddr at, LinuxKernel& kernel) {
    if (at == root_) return;
    if (shadow_ && (at.value & kPageBytes) != 0 && roots_.contains((at - kPageBytes).value)) {
      return;  // told with its pair
    }
    const Root root{mode_, at, std::nullopt};
    const auto table = ReadTable64(memory_, at);
    if (!table) return;
    const std::size_t shared = Shared(swapper_, *table, kHalf, 512);
    const std::size_t of = Used(swapper_, kHalf, 512);
    const std::string detail =
        fmt::format("{} of {} kernel entries as in {:#x}", shared, of, root_.value);
    if (!MostlyShared(shared, of)) {
      return kernel.members.push_back(LinuxLookAlike(kernel, root, "has only " + detail));
    }
    const std::string reason = WhyNoProcess(root, *table);
    if (!reason.empty()) return kernel.members.push_back(LinuxLookAlike(kernel, root, reason));
    Candidate member = LinuxMember(kernel, root, RootClass::kProcess, "linux-kernel-half", detail);
    AddPair(at, *table, member, kernel);
    kernel.members.push_back(std::move(member));
  }

  // The trampoline of other CPUs maps itself through the direct map's table (arch/x86/realmode);
  // spare and exited roots, and the one that patches text, map no user page.
  std::string WhyNoProcess(const Root& root, const Table64& table) const {
    if (Used(table, 0, kHalf) == 0) return "has no user half";
    for (std::size_t i = 0; i < kHalf; ++i) {
      if ((table[i] & 1) == 0) continue;
      const auto same = [&](std::uint64_t e) {
        return (e & 1) != 0 && FrameOf(e) == FrameOf(table[i]);
      };
      if (std::any_of(table.begin() + kHalf, table.end(), same)) {
        return "its user half is the direct map: a trampoline's";
      }
    }
    return MayMapUserPages(memory_, root, {}) ? "" : "maps no user page";
  }

  void AddPair(PhysAddr at, const Table64& table, Candidate& member, LinuxKernel& kernel) const {
    if (!shadow_ || (at.value & kPageBytes) != 0) return;
    const auto shadow = ReadTable64(memory_, at + kPageBytes);
    const std::size_t of = Used(*shadow_, kHalf, 512);
    if (!shadow || !MostlyShared(Shared(*shadow_, *shadow, kHalf, 512), of)) return;
    member.pair = at + kPageBytes;
    kernel.members.push_back(Shadow(kernel, at, table, *shadow));
  }

  const LinuxScene& scene_;
  const PhysicalMemory& memory_;
  KernelText64 image_;
  std::set<std::uint64_t> l3s_;
  std::set<std::uint64_t> roots_;
  ModeName mode_ = ModeName::kX64;
  PhysAddr root_;
  Table64 swapper_{};
  std::optional<Table64> shadow_;
};

}  // namespace

std::vector<LinuxKernel> FindLinuxX64(const LinuxScene& scene) {
  std::vector<LinuxKernel> kernels;
  for (const auto& texts : FindKernelTexts64(scene)) {
    if (auto kernel = X64Kernel(scene, texts).Find()) kernels.push_back(std::move(*kernel));
  }
  return kernels;
}

}  // namespace v2p

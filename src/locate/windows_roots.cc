// Gathering candidate roots of Windows.
// SPDX-License-Identifier: Apache-2.0
#include "locate/windows_roots.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/bytes.h"
#include "translate/paging_mode.h"

namespace v2p {
namespace {

// More than any system has processes; each costs one walk or two.
constexpr std::size_t kMostRoots = 1U << 15U;
constexpr std::size_t kMostObjects = 1U << 14U;
constexpr std::size_t kProcessRootAt32 = 0x18;

constexpr std::array kModes = {ModeName::kX64, ModeName::kX64La57, ModeName::kArm64, ModeName::kPae,
                               ModeName::kX86};

// KPRCB.KernelDirectoryTableBase, from the KPCR: 0x7000 on 1709 to 1809, 0x9000 on 2004 to 23H2,
// 0xA000 and 0xB000 later (elf2dmp of QEMU; disassembly of KiSystemCall64Shadow).
constexpr std::uint64_t kFirstShadowStep = 0x6000, kLastShadowStep = 0xD000;

class Gatherer {
 public:
  explicit Gatherer(const Scene& scene) : scene_(scene) {}

  void Hint(const RootHint& hint) {
    if (hint.upper) return;  // two roots: not Windows
    for (const ModeName mode : kModes) {
      if (hint.mode && !MayBe(*hint.mode, mode)) continue;
      const bool given = hint.mode == mode;
      Add({mode, MaskRoot(hint.value, mode), std::nullopt}, hint.source, true, given);
    }
  }

  // A CPU that was stopped in user mode has its kernel's root in its KPRCB.
  void KernelRootsOfShadows() {
    const std::size_t named = roots_.size();
    for (std::size_t i = 0; i < named; ++i) {
      if (roots_[i].root.mode != ModeName::kX64 || roots_[i].page.has_shared_data) continue;
      if (roots_[i].page.shape != RootShape::kSelfMap) continue;
      const Root shadow = roots_[i].root;
      VirtualReader reader(*scene_.memory, shadow);
      for (const CpuFacts& cpu : scene_.facts->cpus) {
        for (const auto& base : {cpu.kernel_gs_base, cpu.gs_base}) {
          if (base && *base >= SpaceOf(shadow.mode).system_low.value)
            Probe(reader, VirtAddr(*base));
        }
      }
    }
  }

  void SelfMaps() {
    for (const SightingKind kind : {SightingKind::kSelfMap64, SightingKind::kSelfMapLa57,
                                    SightingKind::kX86Directory, SightingKind::kPaePointers}) {
      for (const Sighting& s : scene_.seen->Of(kind)) {
        Add({s.mode, s.at, std::nullopt}, "scan", false, false);
      }
    }
  }

  void LowStubs() {
    for (const Sighting& s : scene_.seen->Of(SightingKind::kLowStub)) {
      for (const ModeName mode : {ModeName::kX64, ModeName::kX64La57}) {
        Add({mode, MaskRoot(s.value, mode), std::nullopt}, "low-stub", false, false);
      }
    }
  }

  // A directory of the top GiB does not say which PDPT names it; processes do.
  void PaeProcesses() {
    if (scene_.seen->Of(SightingKind::kPaeDirectory).empty()) return;
    const auto objects = scene_.seen->Of(SightingKind::kProcessObject32);
    for (std::size_t i = 0; i < std::min(objects.size(), kMostObjects); ++i) {
      std::array<std::byte, 4> raw;
      if (scene_.memory->Read(objects[i].at + kProcessRootAt32, raw) != raw.size()) continue;
      const auto dtb = LoadLe<std::uint32_t>(raw.data());
      Add({ModeName::kPae, MaskRoot(dtb, ModeName::kPae), std::nullopt}, "scan", false, false);
    }
  }

  std::vector<WindowsRoot> Take() { return std::move(roots_); }

 private:
  static bool MayBe(ModeName said, ModeName mode) {
    // No container announces five levels but the registers.
    return said == mode || (said == ModeName::kX64 && mode == ModeName::kX64La57);
  }

  void Probe(VirtualReader& reader, VirtAddr base) {
    for (std::uint64_t step = kFirstShadowStep; step <= kLastShadowStep; step += 0x1000) {
      const auto value = reader.Load<std::uint64_t>(base + step);
      if (!value) continue;
      const ModeName mode = reader.TheRoot().mode;
      Add({mode, MaskRoot(*value, mode), std::nullopt}, "processor", false, false);
    }
  }

  // `keep`: shown even when it is no root of Windows.
  void Add(const Root& root, std::string_view source, bool claimed, bool keep) {
    const std::uint64_t key = root.table.value | static_cast<std::uint64_t>(root.mode);
    if (root.table == PhysAddr() || roots_.size() >= kMostRoots || !known_.insert(key).second) {
      return;
    }
    WindowsRoot found;
    found.root = root;
    found.source = source;
    found.claimed = claimed;
    Inspect(scene_, found);
    if (found.page.shape == RootShape::kSelfMap || keep) roots_.push_back(std::move(found));
  }

  const Scene& scene_;
  std::vector<WindowsRoot> roots_;
  std::unordered_set<std::uint64_t> known_;
};

}  // namespace

std::vector<WindowsRoot> GatherWindowsRoots(const Scene& scene, std::span<const RootHint> hints) {
  Gatherer gatherer(scene);
  for (const RootHint& hint : hints) gatherer.Hint(hint);
  gatherer.KernelRootsOfShadows();
  gatherer.LowStubs();
  gatherer.SelfMaps();
  gatherer.PaeProcesses();
  return gatherer.Take();
}

}  // namespace v2p

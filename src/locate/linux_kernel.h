// A Linux kernel under test: what the searches of each architecture hand to the judge.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/vmcoreinfo.h"
#include "locate/detector.h"
#include "locate/judge.h"
#include "locate/linux_layout.h"

namespace v2p {

/// A VMCOREINFO text and where it was.
struct LinuxText {
  Vmcoreinfo info;
  std::string source;  ///< "note" of the container, or its physical address in memory
};

/// What the searches have to go by.
struct LinuxScene {
  const Scene* scene = nullptr;
  std::span<const RootHint> hints;
  std::vector<LinuxText> texts;

  const PhysicalMemory& Memory() const { return *scene->memory; }
  std::span<const Sighting> Seen(SightingKind kind) const { return scene->seen->Of(kind); }
  RamBounds Ram() const { return {scene->memory->End().value}; }
};

/// One kernel and the roots that share its half of the address space.
struct LinuxKernel {
  Candidate kernel;
  std::optional<LinuxLayout> layout;
  std::string release;
  std::vector<Fact> facts;
  std::vector<Candidate> members;  ///< of processes, their shadows, and look-alikes with a reason
  std::vector<std::string> notes;
};

LinuxScene MakeLinuxScene(const Scene& scene, std::span<const RootHint> hints);

/// Values of hints that may be roots of `mode`, masked, with and without the bit that tells the two
/// halves of a KPTI pair apart. In the order of the hints, each once.
std::vector<PhysAddr> HintedRoots(const LinuxScene& scene, ModeName mode);

/// Weighs `root` as a kernel's own: structure (which the caller has tested, in words), VMCOREINFO,
/// banner and reference.
LinuxKernel WeighLinuxKernel(const LinuxScene& scene, const Root& root, std::string structure);

/// A candidate of `kernel`'s system with as much confidence: `test` says what they share.
Candidate LinuxMember(const LinuxKernel& kernel, const Root& root, RootClass cls,
                      std::string_view test, std::string detail);
/// One that looks like a root of the system and is none.
Candidate LinuxLookAlike(const LinuxKernel& kernel, const Root& root, std::string reason);

/// Kernels of one family, best known first, at most a few; bounded work.
std::vector<LinuxKernel> FindLinuxX64(const LinuxScene& scene);
std::vector<LinuxKernel> FindLinux32(const LinuxScene& scene);
std::vector<LinuxKernel> FindLinuxArm64(const LinuxScene& scene);

inline constexpr std::size_t kMostLinuxKernels = 8;
inline constexpr std::size_t kMostLinuxMembers = 16384;
inline constexpr std::size_t kMostLinuxTexts = 16;

}  // namespace v2p

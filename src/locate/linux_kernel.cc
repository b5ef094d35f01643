// Weighing one Linux kernel.
// SPDX-License-Identifier: Apache-2.0
#include "locate/linux_kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "locate/linux_memory.h"
#include "locate/virtual_reader.h"

namespace v2p {
namespace {

constexpr std::size_t kMostTextBytes = 4096;  // linux/crash_core.h, VMCOREINFO_BYTES
constexpr int kVmcoreinfoPoints = 30;
constexpr int kStructurePoints = 30;
constexpr int kBannerPoints = 20;
constexpr int kReferencePoints = 15;

std::string ReadText(const PhysicalMemory& memory, PhysAddr at) {
  std::string text(kMostTextBytes, '\0');
  text.resize(memory.Read(at, std::as_writable_bytes(std::span(text.data(), text.size()))));
  return text.substr(0, text.find('\0'));
}

void Give(Candidate& candidate, std::string_view test, Verdict verdict, int points,
          std::string detail) {
  const int given = verdict == Verdict::kPass ? points : 0;
  candidate.evidence.push_back({test, verdict, given, std::move(detail)});
  candidate.confidence = std::min(candidate.confidence + given, kMostConfidence);
}

// The text whose root, at the address where this layout maps the image, is this root.
const LinuxText* TextOf(const LinuxScene& scene, const LinuxLayout& layout, PhysAddr root) {
  const auto names = [&](const LinuxText& text) {
    const auto& info = text.info;
    const std::uint64_t va = layout.Image(root).value;
    return info.swapper_pg_dir == va || info.init_top_pgt == va;
  };
  const auto at = std::find_if(scene.texts.begin(), scene.texts.end(), names);
  return at == scene.texts.end() ? nullptr : &*at;
}

void TestVmcoreinfo(const LinuxScene& scene, PhysAddr root, LinuxKernel& kernel) {
  constexpr std::string_view kTest = "vmcoreinfo";
  if (scene.texts.empty()) {
    return Give(kernel.kernel, kTest, Verdict::kNotCheckable, 0, "none found");
  }
  const LinuxText* text = TextOf(scene, *kernel.layout, root);
  if (text == nullptr) {
    return Give(kernel.kernel, kTest, Verdict::kFail, 0, "names another root");
  }
  const std::string release = text->info.release.value_or("");
  Give(kernel.kernel, kTest, Verdict::kPass, kVmcoreinfoPoints,
       fmt::format("swapper_pg_dir {:#x} of {}, {}", kernel.layout->Image(root).value, release,
                   text->source));
  kernel.release = release;
  kernel.facts.push_back({"vmcoreinfo", text->source});
}

// The banner must be mapped where the image's layout says.
void TestBanner(const LinuxScene& scene, LinuxKernel& kernel) {
  constexpr std::string_view kTest = "linux-banner";
  Candidate& candidate = kernel.kernel;
  const LinuxBanner banner = FindLinuxBanner(scene.Memory(), *kernel.layout);
  if (banner.search == Search::kUnknown) {
    return Give(candidate, kTest, Verdict::kNotCheckable, 0, "part of the image is absent");
  }
  if (banner.search == Search::kMissing) {
    return Give(candidate, kTest, Verdict::kFail, 0, "not in the kernel image");
  }
  VirtualReader reader(scene.Memory(), candidate.root);
  const VirtAddr va = kernel.layout->Image(banner.at);
  const auto found = reader.Find(va);
  const bool mapped = found.reach == Reach::kReached && found.pa == banner.at;
  const std::string where = fmt::format("{:#x} -> {:#x}: {}", va.value, banner.at.value,
                                        banner.text.substr(0, banner.text.find(" (")));
  if (found.reach == Reach::kNotInImage) {
    return Give(candidate, kTest, Verdict::kNotCheckable, 0, "a table is absent: " + where);
  }
  Give(candidate, kTest, mapped ? Verdict::kPass : Verdict::kFail, kBannerPoints, where);
  if (!mapped) return;
  if (kernel.release.empty()) kernel.release = ReleaseOf(banner.text);
  kernel.facts.insert(kernel.facts.begin(), {"linux-banner", banner.text});
}

void TestReference(const LinuxScene& scene, PhysAddr root, LinuxKernel& kernel) {
  constexpr std::string_view kTest = "linux-reference";
  const std::string va = fmt::format("{:#x}", kernel.layout->Image(root).value);
  switch (FindRootReference(scene.Memory(), *kernel.layout, root)) {
    case Search::kFound:
      return Give(kernel.kernel, kTest, Verdict::kPass, kReferencePoints,
                  "the kernel image points to " + va);
    case Search::kMissing:
      return Give(kernel.kernel, kTest, Verdict::kFail, 0,
                  "nothing in the kernel image points to " + va);
    case Search::kUnknown:
      break;
  }
  Give(kernel.kernel, kTest, Verdict::kNotCheckable, 0, "part of the image is absent");
}

void AddFacts(LinuxKernel& kernel) {
  const LinuxLayout& layout = *kernel.layout;
  kernel.facts.push_back({"direct-map", Hex64{layout.direct_begin.value}});
  kernel.facts.push_back({"image-address", Hex64{layout.Image(layout.image_at).value}});
  kernel.facts.push_back({"image-physical", Hex64{layout.image_at.value}});
}

}  // namespace

LinuxScene MakeLinuxScene(const Scene& scene, std::span<const RootHint> hints) {
  LinuxScene made;
  made.scene = &scene;
  made.hints = hints;
  if (!scene.facts->vmcoreinfo.empty()) {
    made.texts.push_back({ParseVmcoreinfo(scene.facts->vmcoreinfo), "note"});
  }
  for (const Sighting& seen : scene.seen->Of(SightingKind::kVmcoreinfo)) {
    if (made.texts.size() == kMostLinuxTexts) break;
    const Vmcoreinfo info = ParseVmcoreinfo(ReadText(*scene.memory, seen.at));
    if (!info.swapper_pg_dir && !info.init_top_pgt) continue;
    made.texts.push_back({info, fmt::format("memory at {:#x}", seen.at.value)});
  }
  return made;
}

std::vector<PhysAddr> HintedRoots(const LinuxScene& scene, ModeName mode) {
  std::vector<PhysAddr> roots;
  const auto add = [&](std::uint64_t value) {
    const PhysAddr root(value & Mode(mode).root_mask);
    if (std::find(roots.begin(), roots.end(), root) == roots.end()) roots.push_back(root);
  };
  for (const RootHint& hint : scene.hints) {
    if (hint.mode && *hint.mode != mode) continue;
    add(hint.value);
    add(hint.value & ~kPageBytes);
  }
  return roots;
}

LinuxKernel WeighLinuxKernel(const LinuxScene& scene, const Root& root, std::string structure) {
  LinuxKernel kernel;
  Candidate& candidate = kernel.kernel;
  const PhysAddr table = root.upper.value_or(root.table);
  candidate.root = root;
  candidate.cls = RootClass::kKernel;
  candidate.os = GuestOs::kLinux;
  candidate.source = "scan";
  candidate.cluster = table.value;
  kernel.layout = DeriveLinuxLayout(scene.Memory(), root);
  if (!kernel.layout || !kernel.layout->InImage(table)) {
    Give(candidate, "linux-structure", Verdict::kFail, 0, "maps no direct map and kernel image");
    kernel.layout.reset();
    candidate.reason = "maps no Linux direct map and kernel image";
    return kernel;
  }
  Give(candidate, "linux-structure", Verdict::kPass, kStructurePoints, std::move(structure));
  TestVmcoreinfo(scene, table, kernel);
  TestReference(scene, table, kernel);
  TestBanner(scene, kernel);
  AddFacts(kernel);
  return kernel;
}

Candidate LinuxMember(const LinuxKernel& kernel, const Root& root, RootClass cls,
                      std::string_view test, std::string detail) {
  Candidate candidate;
  candidate.root = root;
  candidate.cls = cls;
  candidate.os = GuestOs::kLinux;
  candidate.source = "scan";
  candidate.cluster = kernel.kernel.cluster;
  Give(candidate, test, Verdict::kPass, kernel.kernel.confidence, std::move(detail));
  return candidate;
}

Candidate LinuxLookAlike(const LinuxKernel& kernel, const Root& root, std::string reason) {
  Candidate candidate;
  candidate.root = root;
  candidate.os = GuestOs::kLinux;
  candidate.source = "scan";
  candidate.cluster = kernel.kernel.cluster;
  candidate.reason = std::move(reason);
  return candidate;
}

}  // namespace v2p

// The tests of one root: what passes, what fails, what cannot be checked. Points and vetoes follow
// from how often each was seen to be wrong; none alone makes a root verified.
// SPDX-License-Identifier: Apache-2.0
#include "locate/windows_root.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "locate/evidence_sheet.h"
#include "locate/low_stub.h"
#include "translate/paging_mode.h"

namespace v2p {
namespace {

constexpr int kSelfMapPoints = 15, kRoundTripPoints = 5;
constexpr int kSharedDataPoints = 20, kSharedDataFoundPoints = 5;
constexpr int kImagePoints = 15, kSystemPoints = 30;
constexpr int kLowStubPoints = 15, kClaimPoints = 8, kDebuggerDataPoints = 8;
constexpr int kOthersPoints = 5, kPagesPoints = 4, kUserHalfPoints = -5;
constexpr std::size_t kOthersWanted = 3;

class Tests {
 public:
  Tests(const Scene& scene, const WindowsRoot& root, const WindowsKernel* kernel,
        std::size_t others)
      : scene_(scene),
        root_(root),
        kernel_(kernel),
        others_(others),
        reader_(*scene.memory, root.root),
        sheet_(candidate_) {
    candidate_.root = root.root;
    candidate_.os = GuestOs::kWindows;
    candidate_.source = root.source;
  }

  Candidate Run() {
    if (SelfMap() && SharedDataThroughRoot()) {
      KernelImageMapped();
      System();
      Stub();
      Claimed();
      DebuggerData();
      Processors();
      Others();
      PhysicalPages();
      UserHalf();
      CapUnproven();
    }
    return std::move(candidate_);
  }

 private:
  bool SelfMap() {
    if (root_.page.shape == RootShape::kAbsent) {
      sheet_.Veto("self-map", "the root page is not in the image");
      return false;
    }
    if (root_.page.shape == RootShape::kNoSelfMap) {
      sheet_.Veto("self-map", "no self entry: not a root of Windows");
      return false;
    }
    sheet_.Pass("self-map", kSelfMapPoints, fmt::format("slot {:#x}", root_.page.slot));
    const auto trip = SelfMapRoundTrip(*scene_.memory, root_.root, root_.page.slot);
    const auto found = trip ? reader_.Find(trip->va) : VirtualReader::Found{};
    if (trip && found.reach == Reach::kReached && found.pa == trip->table) {
      sheet_.Pass("self-map-round-trip", kRoundTripPoints,
                  fmt::format("{:#x} translates to {:#x}", trip->va.value, trip->table.value));
    } else {
      sheet_.Fail("self-map-round-trip", "the self map does not lead back to the root");
    }
    return true;
  }

  bool SharedDataThroughRoot() {
    constexpr std::string_view kTest = "user-shared-data";
    const std::uint64_t va = SpaceOf(root_.root.mode).shared_data.value;
    if (root_.shared_data) {
      const SharedData& data = *root_.shared_data;
      sheet_.Pass(kTest, kSharedDataPoints,
                  fmt::format("{:#x} -> {:#x}: NT {}.{}, {}", va, root_.shared_data_at->value,
                              data.major, data.minor, data.system_root));
      const auto seen = scene_.seen->Of(SightingKind::kUserSharedData);
      if (std::any_of(seen.begin(), seen.end(),
                      [&](const Sighting& s) { return s.at == root_.shared_data_at; })) {
        sheet_.Pass("user-shared-data-page", kSharedDataFoundPoints,
                    "the same page was found by its content");
      }
      return true;
    }
    if (root_.shared_data_reach == Reach::kNotInImage) {
      sheet_.Unknown(kTest, "its page or a table on the way is not in the image");
      return true;
    }
    if (!root_.page.has_shared_data) {
      candidate_.cls = RootClass::kUserShadow;
      sheet_.Veto(kTest, "a user-mode shadow: KUSER_SHARED_DATA is not mapped in its kernel half");
    } else if (root_.shared_data_reach == Reach::kReached) {
      sheet_.Veto(kTest, "what is mapped there is no KUSER_SHARED_DATA");
    } else {
      sheet_.Veto(kTest, "KUSER_SHARED_DATA is not mapped: a loader's or another system's table");
    }
    return false;
  }

  void KernelImageMapped() {
    constexpr std::string_view kTest = "kernel-image";
    if (kernel_ == nullptr) return sheet_.Unknown(kTest, "not looked for");
    if (const auto& image = kernel_->image.image) {
      sheet_.Pass(kTest, kImagePoints,
                  fmt::format("ntoskrnl at {:#x}{}{}", image->base.value,
                              image->debug_name.empty() ? "" : ", " + image->debug_name,
                              image->debug_id.empty() ? "" : " " + image->debug_id));
    } else if (kernel_->image.incomplete) {
      sheet_.Unknown(kTest, "its headers may be on a page that is not in the image");
    } else {
      sheet_.Fail(kTest, "no ntoskrnl in the range where kernels are loaded");
    }
  }

  // A process's root has the kernel half of System's: what speaks for that speaks for both.
  void System() {
    constexpr std::string_view kTest = "system-process";
    if (kernel_ == nullptr) return sheet_.Unknown(kTest, "not looked for");
    if (!kernel_->system) {
      if (kernel_->system_unreachable) return sheet_.Unknown(kTest, "not in the image");
      return sheet_.Fail(kTest, "no System process was found");
    }
    const SystemProcess& system = *kernel_->system;
    const std::string who = fmt::format("{} {:#x} \"System\"",
                                        system.by_export ? "PsInitialSystemProcess ->" : "EPROCESS",
                                        system.object.value);
    if (system.root == root_.root.table) {
      candidate_.cls = RootClass::kKernel;
      return sheet_.Pass(kTest, kSystemPoints, who + ", same root");
    }
    const auto found = reader_.Find(system.object);
    if (found.reach == Reach::kNotInImage) {
      return sheet_.Unknown(kTest, who + ": a table on the way is not in the image");
    }
    if (found.reach == Reach::kNotMapped || found.pa != system.object_at) {
      return sheet_.Veto(kTest, "the System process is not mapped: a loader's table");
    }
    candidate_.cls = RootClass::kProcess;
    sheet_.Pass(kTest, kSystemPoints,
                fmt::format("{}, root {:#x} with the same kernel half", who, system.root.value));
  }

  void Stub() {
    if (root_.root.mode != ModeName::kX64 && root_.root.mode != ModeName::kX64La57) return;
    constexpr std::string_view kTest = "low-stub";
    const auto stubs = scene_.seen->Of(SightingKind::kLowStub);
    if (stubs.empty()) return sheet_.Unknown(kTest, "none was seen");
    std::array<std::byte, kPageBytes> page;
    for (const Sighting& s : stubs.first(std::min<std::size_t>(stubs.size(), 160))) {
      if (MaskRoot(s.value, root_.root.mode) != root_.root.table) continue;
      const bool read = scene_.memory->Read(s.at, page) == page.size();
      const auto stub = read ? ParseLowStub(page, s.at) : std::nullopt;
      const auto found = stub ? reader_.Find(stub->self_map) : VirtualReader::Found{};
      if (found.reach == Reach::kReached && found.pa == s.at) {
        return sheet_.Pass(
            kTest, kLowStubPoints,
            fmt::format("at {:#x}, mapped at {:#x}", s.at.value, stub->self_map.value));
      }
      return sheet_.Fail(kTest,
                         fmt::format("the one at {:#x} is not mapped where it says", s.at.value));
    }
    sheet_.Fail(kTest, "the one that was seen names another root");
  }

  void Claimed() {
    for (const DtbClaim& claim : scene_.facts->dtb_claims) {
      if (MaskRoot(claim.value, root_.root.mode) != root_.root.table) continue;
      return sheet_.Pass("claim", kClaimPoints, fmt::format("{} names it", claim.source));
    }
    if (root_.claimed) sheet_.Pass("claim", 0, fmt::format("{} names it", root_.source));
  }

  // Encoded blocks are no evidence against a root.
  void DebuggerData() {
    constexpr std::string_view kTest = "debugger-data";
    if (kernel_ == nullptr || !kernel_->image.image) return;
    const std::uint64_t base = kernel_->image.image->base.value;
    const auto seen = scene_.seen->Of(SightingKind::kDebuggerData);
    bool plain = std::any_of(seen.begin(), seen.end(),
                             [&](const Sighting& s) { return SameBase(s.value, base); });
    if (const auto va = scene_.facts->windows.debugger_data; va && !plain) {
      const auto tag = reader_.Load<std::uint32_t>(VirtAddr(*va) + 0x10);
      const auto kern_base = reader_.Load<std::uint64_t>(VirtAddr(*va) + 0x18);
      plain = tag == 0x4742'444BU && kern_base && SameBase(*kern_base, base);
    }
    if (plain) {
      sheet_.Pass(kTest, kDebuggerDataPoints, fmt::format("KernBase {:#x}", base));
    } else {
      sheet_.Unknown(kTest, "no block in plain text");
    }
  }

  // 32-bit kernels store pointers with or without their sign.
  bool SameBase(std::uint64_t value, std::uint64_t base) const {
    if (SpaceOf(root_.root.mode).pointer_bytes == 4) value = static_cast<std::uint32_t>(value);
    return value == base;
  }

  void Processors() {
    const auto seen = scene_.seen->Of(SightingKind::kProcessorRegion);
    std::size_t mapped = 0;
    for (const Sighting& s : seen.first(std::min<std::size_t>(seen.size(), 2048))) {
      const auto found = reader_.Find(VirtAddr(s.value));
      if (found.reach == Reach::kReached && found.pa == s.at) ++mapped;
    }
    if (mapped != 0) {
      sheet_.Pass("processor", 0, fmt::format("{} KPCR mapped where they say", mapped));
    }
  }

  void Others() {
    if (others_ < kOthersWanted) return;
    sheet_.Pass("cluster", kOthersPoints,
                fmt::format("{} more roots with the same kernel half", others_));
  }

  void PhysicalPages() {
    if (!root_.shared_data || root_.shared_data->physical_pages == 0) return;
    const std::uint64_t said = root_.shared_data->physical_pages;
    const std::uint64_t have =
        scene_.memory->PresentBytes() / kPageBytes + scene_.facts->missing_pages;
    if (said >= have - have / 4 && said <= have + have / 4) {
      sheet_.Pass("physical-pages", kPagesPoints, fmt::format("{} pages, as the image", said));
    }
  }

  void UserHalf() {
    if (root_.page.user_entries == 0 || candidate_.cls == RootClass::kKernel) return;
    sheet_.Pass("user-half", kUserHalfPoints,
                fmt::format("not empty: {} entries", root_.page.user_entries));
  }

  // Where nothing tells that a root is System's, it may be any process's, or a loader's that has
  // some of the kernel's tables: no more than probable, unless somebody names it.
  void CapUnproven() {
    if (candidate_.cls != RootClass::kOther || root_.claimed) return;
    if (std::any_of(candidate_.evidence.begin(), candidate_.evidence.end(), [](const Evidence& e) {
          return e.test == "low-stub" && e.verdict == Verdict::kPass;
        })) {
      return;
    }
    candidate_.confidence = std::min(candidate_.confidence, kVerifiedConfidence - 1);
  }

  const Scene& scene_;
  const WindowsRoot& root_;
  const WindowsKernel* kernel_;
  std::size_t others_;
  VirtualReader reader_;
  Candidate candidate_;
  EvidenceSheet sheet_;
};

}  // namespace

void Inspect(const Scene& scene, WindowsRoot& root) {
  root.page = LookAtRoot(*scene.memory, root.root);
  if (root.page.shape != RootShape::kSelfMap) return;
  VirtualReader reader(*scene.memory, root.root);
  const VirtAddr va = SpaceOf(root.root.mode).shared_data;
  const auto found = reader.Find(va);
  root.shared_data_reach = found.reach;
  std::array<std::byte, kPageBytes> page;
  if (found.reach != Reach::kReached) return;
  root.shared_data_reach = reader.Read(va, page);
  if (root.shared_data_reach != Reach::kReached) return;
  root.shared_data = ParseSharedData(page);
  if (root.shared_data) root.shared_data_at = found.pa;
}

Candidate Judge(const Scene& scene, const WindowsRoot& root, const WindowsKernel* kernel,
                std::size_t others) {
  return Tests(scene, root, kernel, others).Run();
}

}  // namespace v2p

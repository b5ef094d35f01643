// States of process roots, and roots without a process.
// SPDX-License-Identifier: Apache-2.0
#include "locate/process_roots.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace v2p {
namespace {

constexpr std::uint64_t kFrame = 0x000F'FFFF'FFFF'F000;
constexpr std::uint64_t kPdpt = 32;  // Intel SDM vol. 3, 4.4.1: bytes, and alignment

// Slots for the shared data and the kernel's image have the same tables in all roots of a system;
// others differ between processes and sessions.
bool BelongsTo(const EprocessContext& context, const WindowsRootPage& page) {
  return page.shape == RootShape::kSelfMap && page.slot == context.root.slot &&
         page.has_shared_data && page.kernel_half == context.root.kernel_half;
}

RootState Look(const EprocessContext& context, const FoundProcess& found) {
  if (!found.process.root) return found.ended ? RootState::kFreed : RootState::kInvalid;
  const auto page = LookAtRoot(*context.memory, *found.process.root);
  if (BelongsTo(context, page)) return RootState::kOk;
  if (page.shape == RootShape::kAbsent) return RootState::kNotInImage;
  return found.ended ? RootState::kFreed : RootState::kInvalid;
}

// The better claim is the greater.
auto Claim(const FoundProcess& found) {
  return std::tuple(found.listed, !found.ended, found.process.create_time.value_or(0));
}

std::uint64_t TopDirectory(const PhysicalMemory& memory, PhysAddr pdpt) {
  std::array<std::byte, 8> entry;
  if (memory.Read(pdpt + 24, entry) != entry.size()) return 0;
  return LoadLe<std::uint64_t>(entry.data()) & kFrame;
}

class Orphans {
 public:
  Orphans(const Scene& scene, const EprocessContext& context,
          std::span<const FoundProcess> processes)
      : scene_(scene), context_(context) {
    const Root& kernel = context.reader->TheRoot();
    Claimed(kernel);
    for (const FoundProcess& found : processes) {
      if (found.process.root) Claimed(*found.process.root);
      if (found.process.user_root) Claimed(*found.process.user_root);
    }
  }

  void Roots() {
    for (const SightingKind kind : {SightingKind::kSelfMap64, SightingKind::kSelfMapLa57,
                                    SightingKind::kX86Directory, SightingKind::kPaePointers}) {
      for (const Sighting& s : scene_.seen->Of(kind)) {
        if (s.mode != context_.Mode() || claimed_.contains(s.at.value)) continue;
        const Root root{s.mode, s.at, std::nullopt};
        if (BelongsTo(context_, LookAtRoot(*scene_.memory, root))) Add(root, false);
      }
    }
  }

  void Shadows() {
    for (const Sighting& s : scene_.seen->Of(SightingKind::kUserShadow64)) {
      if (s.mode != context_.Mode() || s.slot != context_.root.slot) continue;
      if (!claimed_.contains(s.at.value)) Add({s.mode, s.at, std::nullopt}, true);
    }
  }

  // A directory of the top GiB does not say which PDPT names it. Windows keeps many PDPTs in a
  // page, so that those of processes lead to others; a directory that none of them names is
  // counted.
  void PaeDirectories(std::vector<std::string>& notes) {
    if (context_.Mode() != ModeName::kPae) return;
    std::unordered_set<std::uint64_t> unclaimed;
    for (const Sighting& s : scene_.seen->Of(SightingKind::kPaeDirectory)) {
      if (!directories_.contains(s.at.value) && HasKernelHalf(s.at)) unclaimed.insert(s.at.value);
    }
    for (const std::uint64_t page : PointerPages()) {
      for (std::uint64_t at = page; !unclaimed.empty() && at < page + kPageBytes; at += kPdpt) {
        const Root root{ModeName::kPae, PhysAddr(at), std::nullopt};
        if (!unclaimed.contains(TopDirectory(*scene_.memory, root.table))) continue;
        if (!BelongsTo(context_, LookAtRoot(*scene_.memory, root))) continue;
        unclaimed.erase(TopDirectory(*scene_.memory, root.table));
        Add(root, false);
      }
    }
    if (unclaimed.empty()) return;
    notes.push_back(
        fmt::format("{} page directories have this system's kernel half and belong to no process",
                    unclaimed.size()));
  }

  std::vector<OrphanRoot> Take(std::vector<std::string>& notes) {
    if (left_out_ != 0) notes.push_back(fmt::format("{} more roots left out", left_out_));
    return std::move(orphans_);
  }

 private:
  void Claimed(const Root& root) {
    claimed_.insert(root.table.value);
    if (root.mode == ModeName::kPae) directories_.insert(TopDirectory(*scene_.memory, root.table));
  }

  std::set<std::uint64_t> PointerPages() const {
    std::set<std::uint64_t> pages;
    for (const std::uint64_t table : claimed_) pages.insert(table & ~(kPageBytes - 1));
    return pages;
  }

  bool HasKernelHalf(PhysAddr directory) const {
    constexpr std::size_t kTopEntryAt = 0x1FF * 8;
    std::array<std::byte, 8> entry;
    if (scene_.memory->Read(directory + kTopEntryAt, entry) != entry.size()) return false;
    return (LoadLe<std::uint64_t>(entry.data()) & kFrame) == context_.root.kernel_half;
  }

  void Add(const Root& root, bool shadow) {
    if (orphans_.size() < kMostOrphans) {
      orphans_.push_back({root, shadow});
    } else {
      ++left_out_;
    }
  }

  const Scene& scene_;
  const EprocessContext& context_;
  std::unordered_set<std::uint64_t> claimed_, directories_;
  std::vector<OrphanRoot> orphans_;
  std::size_t left_out_ = 0;
};

}  // namespace

void SettleRoots(const EprocessContext& context, std::optional<VirtAddr> system,
                 std::span<FoundProcess> processes) {
  std::unordered_map<std::uint64_t, const FoundProcess*> owners;
  const PhysAddr kernel = context.reader->TheRoot().table;
  for (FoundProcess& found : processes) {
    auto& root = found.process.root;
    if (system && root && root->table == kernel && found.process.object != *system) {
      root.reset();
      found.process.root_state = RootState::kShared;
      continue;
    }
    found.process.root_state = Look(context, found);
    if (!root) continue;
    const FoundProcess*& owner = owners[root->table.value];
    if (owner == nullptr || Claim(found) > Claim(*owner)) owner = &found;
  }
  for (FoundProcess& found : processes) {
    if (!found.process.root || found.process.root_state != RootState::kOk) continue;
    if (owners[found.process.root->table.value] == &found) continue;
    found.process.root_state = RootState::kRecycled;
  }
}

std::vector<OrphanRoot> FindOrphans(const Scene& scene, const EprocessContext& context,
                                    std::span<const FoundProcess> processes,
                                    std::vector<std::string>& notes) {
  Orphans orphans(scene, context, processes);
  orphans.Roots();
  orphans.Shadows();
  orphans.PaeDirectories(notes);
  return orphans.Take(notes);
}

}  // namespace v2p

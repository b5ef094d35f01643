// What is known of entries that are not present, beyond the walk: Windows entries are followed.
// SPDX-License-Identifier: Apache-2.0
#include "cli/following.h"

#include "base/vmcoreinfo.h"
#include "translate/linux_pte.h"

namespace v2p::cli {
namespace {

std::optional<std::uint32_t> BuildOf(const Image& image, const RootChoice& root) {
  if (root.system && root.system->build) return root.system->build;
  return image.facts.windows.build;
}

// Prototype entries lie in kernel memory, which a user shadow does not map.
std::optional<PhysAddr> KernelRootOf(const RootChoice& root) {
  if (root.system && root.system->kernel.root.mode == root.mode) {
    return root.system->kernel.root.table;
  }
  return root.shadow_of;
}

}  // namespace

GuestOs GuestOsOf(const Image& image, const RootChoice& root) {
  return root.system ? root.system->os : image.facts.os;
}

std::string LinuxReleaseOf(const Image& image, const RootChoice& root) {
  if (root.system && !root.system->version.empty()) return root.system->version;
  return ParseVmcoreinfo(image.facts.vmcoreinfo).release.value_or("");
}

FollowRun::FollowRun(const Args& args, const Image& image, const RootChoice& root)
    : args_(args),
      image_(image),
      root_(root),
      enabled_(!args.strict && image.memory && GuestOsOf(image, root) == GuestOs::kWindows) {}

Status FollowRun::OpenPageFiles() {
  for (const auto& [number, path] : args_.page_files) {
    if (auto added = page_files_.Add(number, path); !added) return added;
  }
  return {};
}

void FollowRun::Learn() {
  context_ = MakePagingContext(*image_.memory, Mode(root_.mode), PhysAddr(root_.Masked()),
                               KernelRootOf(root_), BuildOf(image_, root_));
  source_.emplace(args_, image_, root_, *context_, page_files_);
  context_->pages = &*source_;
  follower_.emplace(*image_.memory, root_.mode, *context_);
}

void FollowRun::NameForms(std::span<Walk> walks) const {
  const std::string release = LinuxReleaseOf(image_, root_);
  for (Walk& walk : walks) {
    if (walk.status != WalkStatus::kNotPresent) continue;
    const std::size_t last = walk.step_count - 1U;
    walk.state = LinuxForm(Mode(walk.mode), last, walk.steps[last].entry, release);
  }
}

void FollowRun::Follow(std::span<Walk> walks,
                       std::vector<std::unique_ptr<const Following>>* found) {
  found->clear();
  found->resize(walks.size());
  if (root_.mode == ModeName::kArm64 && GuestOsOf(image_, root_) == GuestOs::kLinux) {
    NameForms(walks);
  }
  if (!enabled_) return;
  for (std::size_t i = 0; i < walks.size(); ++i) {
    if (walks[i].status != WalkStatus::kNotPresent) continue;
    if (!follower_) Learn();
    (*found)[i] = std::make_unique<const Following>(follower_->Follow(walks[i]));
  }
}

}  // namespace v2p::cli

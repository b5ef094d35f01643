// What is known of entries that are not present, beyond the walk: Windows entries are followed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/args.h"
#include "cli/choose_root.h"
#include "cli/store_source.h"
#include "dumpfmt/image.h"
#include "nonresident/page_files.h"
#include "translate/follower.h"
#include "translate/paging_context.h"

namespace v2p::cli {

/// Whose entries the image has: what the locator found, else what the container claims.
GuestOs GuestOsOf(const Image& image, const RootChoice& root);

/// The release of a Linux kernel, by the locator or the container's note; empty: unknown.
std::string LinuxReleaseOf(const Image& image, const RootChoice& root);

/// What a run needs to follow entries; learns the kernel's rules when the first one is met.
class FollowRun {
 public:
  FollowRun(const Args& args, const Image& image, const RootChoice& root);
  FollowRun(const FollowRun&) = delete;
  FollowRun& operator=(const FollowRun&) = delete;

  /// Opens the page files that the user named.
  Status OpenPageFiles();

  /// Follows those of `walks` that can be, changes them, and gives for each what was found (null:
  /// nothing had to be followed). Of Linux entries only the form is told more exactly.
  void Follow(std::span<Walk> walks, std::vector<std::unique_ptr<const Following>>* found);

  /// The rules that were used; null when nothing had to be followed so far.
  const PagingContext* Context() const { return context_ ? &*context_ : nullptr; }

 private:
  void Learn();
  void NameForms(std::span<Walk> walks) const;

  const Args& args_;
  const Image& image_;
  const RootChoice& root_;
  bool enabled_;
  PageFiles page_files_;
  std::optional<PagingContext> context_;
  std::optional<StoreSource> source_;
  std::optional<Follower> follower_;
};

}  // namespace v2p::cli

// Looking for the compressed store once it is needed.
// SPDX-License-Identifier: Apache-2.0
#include "cli/store_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/find_root.h"
#include "cli/log.h"
#include "locate/locator.h"

namespace v2p::cli {
namespace {

constexpr std::uint32_t kFirstStoreBuild = 14393;
constexpr std::string_view kOwnerName = "MemCompression";
constexpr std::size_t kMostRoots = 64;  // processes whose entries are sampled

const Process* OwnerOf(const System& system) {
  const auto it =
      std::find_if(system.processes.begin(), system.processes.end(), [](const Process& p) {
        return p.name == kOwnerName && p.root && p.root_state == RootState::kOk;
      });
  return it == system.processes.end() ? nullptr : &*it;
}

}  // namespace

bool StoreSource::MayHaveStore() const {
  if (root_->mode != ModeName::kX64 && root_->mode != ModeName::kPae) return false;
  return !context_->build || *context_->build >= kFirstStoreBuild;
}

void StoreSource::Look() const {
  looked_ = true;
  if (!MayHaveStore()) return;
  LocateOptions options;
  options.processes = true;
  const auto findings = LocateWithProgress(*args_, *image_, options);
  if (!findings) return;
  for (const System& system : findings->systems) {
    if (system.os != GuestOs::kWindows || system.kernel.root.mode != root_->mode) continue;
    const Process* owner = OwnerOf(system);
    if (owner == nullptr) continue;
    StoreSystem found;
    found.mode = root_->mode;
    found.build = context_->build;
    found.kernel_root = system.kernel.root.table;
    found.owner_object = owner->object;
    found.owner_root = owner->root->table;
    for (const Process& process : system.processes) {
      if (&process == owner || !process.root || found.user_roots.size() >= kMostRoots) continue;
      if (process.root_state == RootState::kOk) found.user_roots.push_back(process.root->table);
    }
    store_ = std::make_unique<const CompressedStore>(*image_->memory, found, *context_, files_);
    if (!store_->Failure().empty()) {
      LogWarning(fmt::format("{}: pages of the compressed store cannot be read: {}", args_->dump,
                             store_->Failure()));
    }
    return;
  }
}

StoredPage StoreSource::Fetch(unsigned page_file, std::uint64_t page) const {
  if (files_->Has(page_file)) return files_->Fetch(page_file, page);
  if (!looked_) Look();
  if (store_ != nullptr) return store_->Fetch(page_file, page);
  return files_->Fetch(page_file, page);
}

}  // namespace v2p::cli

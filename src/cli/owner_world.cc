// Finding the systems and reading their tables.
// SPDX-License-Identifier: Apache-2.0
#include "cli/owner_world.h"

#include <fmt/format.h>

#include <utility>

#include "cli/find_root.h"
#include "cli/load_image.h"
#include "cli/log.h"
#include "cli/owner_cache.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "translate/paging_mode.h"

namespace v2p::cli {
namespace {

tl::unexpected<Error> Failed(const Args& args, Error error) {
  if (error.file.empty()) error.file = args.dump;
  return tl::unexpected<Error>(std::move(error));
}

// The systems whose owners are asked for, as `world` without its index.
Result<OwnerWorld> SystemsOf(const Args& args, const Image& image) {
  OwnerWorld world;
  if (args.dtb) {
    const auto root = FindRoot(args, image);
    if (!root) return Failed(args, root.error());
    System& given = world.systems.emplace_back();
    given.kernel.root = {root->mode, PhysAddr(root->Masked()), {}};
    if (root->ttbr1) {
      given.kernel.root.upper = PhysAddr(*root->ttbr1 & Mode(root->mode).root_mask);
    }
    world.given_root = true;
    return world;
  }
  LocateOptions options;
  options.processes = true;
  auto findings = LocateWithProgress(args, image, options);
  if (!findings) return Failed(args, std::move(findings).error());
  if (args.os) {
    auto chosen = ChooseSystem(args, std::move(*findings));
    if (!chosen) return Failed(args, std::move(chosen).error());
    world.systems = {std::move(*chosen)};
    return world;
  }
  if (findings->systems.empty()) {
    return Failed(args, {ErrorKind::kNoRoot, "no system was found: give --dtb and --mode", {}, {}});
  }
  world.systems = std::move(findings->systems);
  return world;
}

}  // namespace

std::string_view OwnerWorld::Kind(std::uint32_t owner) const {
  const Owner& who = index.owners[owner];
  if (who.process) return "process";
  if (who.orphan) return "orphan-root";
  return given_root ? "given-root" : "kernel";
}

const Process* OwnerWorld::ProcessOf(std::uint32_t owner) const {
  const Owner& who = index.owners[owner];
  return who.process ? &systems[who.system].processes[*who.process] : nullptr;
}

const Root& OwnerWorld::RootOf(std::uint32_t owner) const {
  const Owner& who = index.owners[owner];
  const System& system = systems[who.system];
  if (who.process) return *system.processes[*who.process].root;
  return who.orphan ? system.orphans[*who.orphan].root : system.kernel.root;
}

Result<OwnerWorld> FindOwners(const Args& args, const Image& image) {
  const OwnerCache cache(args, *image.memory);
  if (auto kept = cache.Load()) return std::move(*kept);
  auto world = SystemsOf(args, image);
  if (!world) return world;
  Progress progress("page tables", args.quiet);
  OwnerOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    progress.Update(done, total);
    return !Interrupted();
  };
  auto owners = BuildOwners(*image.memory, world->systems, options);
  if (!owners) return Failed(args, std::move(owners).error());
  world->index = std::move(*owners);
  if (const auto fault = ImageFault(args, image)) return tl::unexpected<Error>(*fault);
  cache.Save(*world);
  return world;
}

void LogOwnerWarnings(const Args& args, const OwnerIndex& index) {
  if (index.absent_tables != 0) {
    LogWarning(fmt::format("{}: {} page tables are not in the image: there may be more owners",
                           args.dump, index.absent_tables));
  }
  if (!index.complete) {
    LogWarning(fmt::format(
        "{}: more page tables than the image justifies: there may be more owners", args.dump));
  }
}

}  // namespace v2p::cli

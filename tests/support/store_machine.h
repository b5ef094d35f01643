// A machine of the store fixture, asked as the tool asks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "nonresident/compressed_store.h"
#include "support/store_fixture.h"
#include "translate/address_space.h"
#include "translate/follower.h"

namespace v2p::test {

struct StoreMachine {
  std::unique_ptr<PhysicalMemory> memory;
  PagingContext context;
  std::unique_ptr<CompressedStore> store;
  ModeName mode;
  std::uint64_t user_root;

  StoreMachine(const StoreFixture& fixture, std::optional<std::uint32_t> build,
               const PageFiles* files = nullptr)
      : memory(fixture.memory.Build()), mode(fixture.mode), user_root(fixture.user_root) {
    context = MakePagingContext(*memory, Mode(mode), PhysAddr(user_root),
                                PhysAddr(fixture.kernel_root), build);
    StoreSystem system;
    system.mode = mode;
    system.build = build;
    system.kernel_root = PhysAddr(fixture.kernel_root);
    system.owner_object = VirtAddr(fixture.owner_object);
    system.owner_root = PhysAddr(fixture.owner_root);
    system.user_roots = {PhysAddr(user_root)};
    store = std::make_unique<CompressedStore>(*memory, system, context, files);
    context.pages = store.get();
  }

  /// The user's walk, followed.
  Following Ask(std::uint64_t va, Walk* walk) const {
    AddressSpaceSpec spec;
    spec.mode = mode;
    spec.dtb = user_root;
    spec.os = GuestOs::kWindows;
    *walk = AddressSpace(*memory, spec).Translate(VirtAddr(va));
    return Follower(*memory, mode, context).Follow(*walk);
  }
};

}  // namespace v2p::test

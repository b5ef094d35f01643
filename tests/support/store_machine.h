// A machine of the store fixture, asked as the tool asks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

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
  StoredPage Stored(std::uint64_t va) const {
    Walk walk;
    const Following following = Ask(va, &walk);
    EXPECT_EQ(walk.status, WalkStatus::kNotPresent) << "such a page has no address";
    EXPECT_TRUE(following.stored.has_value());
    return following.stored.value_or(StoredPage{});
  }
};

/// Asks for every page of the fixture: bytes, or the failure that it expects.
inline void ExpectEveryPage(const StoreFixture& fixture, const StoreMachine& machine) {
  ASSERT_EQ(machine.store->Failure(), "");
  std::size_t right = 0;
  for (const StorePage& page : fixture.pages) {
    SCOPED_TRACE(page.what);
    const StoredPage stored = machine.Stored(page.va);
    EXPECT_EQ(stored.state, EntryState::kCompressedStore);
    EXPECT_EQ(stored.failure, page.failure);
    ASSERT_EQ(stored.bytes != nullptr, page.failure.empty());
    if (!page.failure.empty()) continue;
    EXPECT_EQ(*stored.bytes, page.bytes);
    ++right;
  }
  EXPECT_GE(right, 300U);
}

}  // namespace v2p::test

// What tests ask of a machine with a compressed store.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "support/store_machine.h"

namespace v2p::test {

/// What following found of a page that is not in memory.
inline StoredPage Stored(const StoreMachine& machine, std::uint64_t va) {
  Walk walk;
  const Following following = machine.Ask(va, &walk);
  EXPECT_EQ(walk.status, WalkStatus::kNotPresent) << "such a page has no address";
  EXPECT_TRUE(following.stored.has_value());
  return following.stored.value_or(StoredPage{});
}

/// Asks for every page of the fixture: bytes, or the failure that it expects.
inline void ExpectEveryPage(const StoreFixture& fixture, const StoreMachine& machine) {
  ASSERT_EQ(machine.store->Failure(), "");
  std::size_t right = 0;
  for (const StorePage& page : fixture.pages) {
    SCOPED_TRACE(page.what);
    const StoredPage stored = Stored(machine, page.va);
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

// Fuzzes the chain of the compressed store: a synthetic machine of any column of offsets, with
// words of its memory overwritten. SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <map>
#include <vector>

#include "base/bytes.h"
#include "support/store_machine.h"

namespace {

constexpr std::size_t kChangeBytes = 8;
constexpr std::size_t kMostChanges = 64;

void Check(bool holds) {
  if (!holds) std::abort();
}

const v2p::test::StoreFixture& Machine(std::size_t column, unsigned depth) {
  static std::map<std::pair<std::size_t, unsigned>, v2p::test::StoreFixture> made;
  const auto key = std::pair(column, depth);
  auto it = made.find(key);
  if (it == made.end()) {
    const v2p::test::StoreFixture fixture(v2p::test::kStoreColumns[column], {.tree_depth = depth});
    it = made.emplace(key, fixture).first;
  }
  return it->second;
}

// Pages that are worth changing: structures rather than data.
std::vector<std::uint64_t> Structures(const v2p::test::StoreFixture& fixture) {
  constexpr std::uint64_t kOffset = 0xfff;
  return {fixture.At(fixture.store_va),   fixture.At(fixture.store_va + 0x1000),
          fixture.At(fixture.TreeRoot()), fixture.At(fixture.FirstLeaf()),
          fixture.lone.slot & ~kOffset,   fixture.lone.record & ~kOffset,
          fixture.lone.region & ~kOffset};
}

}  // namespace

// Input: column, depth of the tree; then changes of 8 bytes: page, flags, offset, value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto input = std::as_bytes(std::span(data, size));
  const std::size_t column = data[0] % v2p::test::kStoreColumns.size();
  v2p::test::StoreFixture fixture = Machine(column, 1 + data[1] % 3U);
  const std::vector<std::uint64_t> structures = Structures(fixture);
  const std::vector<std::uint64_t> pages = fixture.memory.Pages();
  for (std::size_t i = 0; i < kMostChanges && 2 + (i + 1) * kChangeBytes <= size; ++i) {
    const std::size_t at = 2 + i * kChangeBytes;
    const unsigned flags = data[at + 1];
    const std::size_t where = v2p::LoadLe<std::uint16_t>(input.data() + at + 2);
    const std::size_t kind = data[at] % (structures.size() + 1);
    const std::uint64_t page =
        kind < structures.size() ? structures[kind] : pages[where % pages.size()];
    const std::uint64_t place = page + (kind < structures.size() ? where : where >> 4U) % 0x1000;
    if ((flags & 1U) != 0) {  // the whole page goes
      fixture.memory.RemovePage(page);
      continue;
    }
    auto value = v2p::LoadLe<std::uint32_t>(input.data() + at + 4);
    // A pointer to something that is there, in its low half.
    if ((flags & 2U) != 0) value = static_cast<std::uint32_t>(fixture.store_va + value % 0x100000);
    fixture.memory.Put32(place & ~std::uint64_t{3}, value);
  }
  std::optional<std::uint32_t> build;
  if ((data[1] & 0x80U) == 0) build = v2p::test::kStoreColumns[column].build;
  const v2p::test::StoreMachine machine(fixture, build);
  Check(machine.store->Stores() == 0 ? !machine.store->Failure().empty() : true);
  for (std::size_t i = 0; i < fixture.pages.size(); i += 1 + i / 16) {
    v2p::Walk walk;
    const v2p::Following following = machine.Ask(fixture.pages[i].va, &walk);
    if (!following.stored) continue;
    const v2p::StoredPage& stored = *following.stored;
    Check((stored.bytes != nullptr) == stored.failure.empty() ||
          stored.state == v2p::EntryState::kPagefile);
    Check(!walk.Mapped());
  }
  return 0;
}

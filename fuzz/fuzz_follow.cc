// Fuzzes the following of entries that are not present: any bytes as tables, any era, any mask,
// page files that answer anything. SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/bytes.h"
#include "support/memory_source.h"
#include "translate/address_space.h"
#include "translate/dbgeng.h"
#include "translate/follower.h"
#include "translate/paging_context.h"

namespace {

constexpr std::size_t kHead = 64;

void Check(bool holds) {
  if (!holds) std::abort();
}

// Gives a page of the input for some numbers, so that tables are found outside memory too.
class AnyPages final : public v2p::PageSource {
 public:
  explicit AnyPages(std::span<const std::byte> bytes) : bytes_(bytes) {}
  v2p::StoredPage Fetch(unsigned page_file, std::uint64_t page) const override {
    v2p::StoredPage stored;
    stored.page_file = page_file;
    stored.page = page;
    if (page_file % 2 != 0 || bytes_.empty()) return stored;
    auto copy = std::make_shared<v2p::PageBytes>();
    for (std::size_t i = 0; i < copy->size(); ++i) (*copy)[i] = bytes_[(page + i) % bytes_.size()];
    stored.bytes = std::move(copy);
    return stored;
  }

 private:
  std::span<const std::byte> bytes_;
};

void CheckFollowing(const v2p::PhysicalMemory& memory, const v2p::Walk& walk,
                    const v2p::Following& following) {
  const unsigned levels = v2p::Mode(walk.mode).level_count;
  Check(walk.step_count <= levels);
  Check(!walk.prototype || walk.step_count == levels);
  Check(following.reason.empty() == (walk.status != v2p::WalkStatus::kNotPresent));
  // Nothing but a present entry may lead beyond the last frame, which may be there in part.
  const bool present = walk.state == v2p::EntryState::kPresent;
  Check(!walk.Mapped() || present || v2p::Pfn(walk.pa).Base() < memory.End());
  std::uint64_t offsets[10] = {};
  std::uint32_t count = 0;
  const v2p::HResult code = GetVirtualTranslationPhysicalOffsets(walk, offsets, 10, &count);
  Check(count <= 8);
  if (code == v2p::kSOk) Check(walk.Mapped() && offsets[count - 1] == walk.pa.value);
}

}  // namespace

// Input: 64 bytes of parameters, then pages of memory from address 0 up.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHead + 8) return 0;
  const auto input = std::as_bytes(std::span(data, size));
  std::vector<std::byte> pages(input.begin() + kHead, input.end());
  const std::uint64_t bytes = pages.size();
  const v2p::PhysicalMemory memory(
      std::make_shared<v2p::test::MemorySource>(std::move(pages), (data[1] & 0x80U) != 0 ? 48 : 0),
      v2p::RunIndex({{v2p::PhysAddr(0), bytes, v2p::FileOffset(0)}}));
  const auto mode = static_cast<v2p::ModeName>(data[0] % 5);
  const v2p::PagingMode& paging = v2p::Mode(mode);
  const v2p::PhysAddr root(v2p::LoadLe<std::uint16_t>(input.data() + 2) * std::uint64_t{64} &
                           paging.root_mask);
  std::optional<std::uint32_t> build;
  if ((data[1] & 1U) != 0) build = v2p::LoadLe<std::uint16_t>(input.data() + 4);
  v2p::PagingContext context = v2p::MakePagingContext(memory, paging, root, std::nullopt, build);
  if ((data[1] & 2U) != 0)
    context.rules.invalid_mask = v2p::LoadLe<std::uint64_t>(input.data() + 8);
  const AnyPages source(input.subspan(kHead));
  if ((data[1] & 4U) != 0) context.pages = &source;
  const v2p::Follower follower(memory, mode, context);
  v2p::AddressSpaceSpec spec;
  spec.mode = mode;
  spec.dtb = root.value;
  spec.os = v2p::GuestOs::kWindows;
  spec.ignore_canonical = true;
  const v2p::AddressSpace space(memory, spec);
  for (std::uint64_t i = 0; i < 32; ++i) {
    const v2p::VirtAddr va(v2p::LoadLe<std::uint64_t>(input.data() + 24) + (i * i << (i * 2)));
    v2p::Walk walk = space.Translate(va);
    if (walk.status != v2p::WalkStatus::kNotPresent) continue;
    CheckFollowing(memory, walk, follower.Follow(walk));
  }
  return 0;
}

// Fuzzes the search for roots: any pages at any frames, every detector, judge and list.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <vector>

#include "base/bytes.h"
#include "locate/locator.h"
#include "support/memory_source.h"

namespace {

// Input: a claim of eight bytes, a count, so many frame numbers of four bytes, then their pages.
constexpr std::size_t kHead = 16;

v2p::PhysicalMemory MakeMemory(std::span<const std::byte> input) {
  std::map<std::uint32_t, std::size_t> places;
  const std::size_t count = std::to_integer<std::size_t>(input[8]);
  const std::size_t pages = kHead + count * 4;
  for (std::size_t i = 0; i < count && pages + (i + 1) * v2p::kPageBytes <= input.size(); ++i) {
    places[v2p::LoadLe<std::uint32_t>(input.data() + kHead + i * 4)] = pages + i * v2p::kPageBytes;
  }
  std::vector<v2p::Extent> extents;
  for (const auto& [frame, at] : places) {
    extents.push_back({v2p::PhysAddr(std::uint64_t{frame} << v2p::kPageShift), v2p::kPageBytes,
                       v2p::FileOffset(at)});
  }
  return {std::make_shared<v2p::test::MemorySource>(
              std::vector<std::byte>(input.begin(), input.end()), 0),
          v2p::RunIndex(std::move(extents))};
}

void Check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHead + v2p::kPageBytes) return 0;
  const auto input = std::as_bytes(std::span(data, size));
  const v2p::PhysicalMemory memory = MakeMemory(input);
  v2p::ImageFacts facts;
  facts.os = static_cast<v2p::GuestOs>(data[9] % 3);
  if ((data[9] & 0x80U) != 0) {
    v2p::DtbClaim claim;
    claim.value = v2p::LoadLe<std::uint64_t>(input.data());
    claim.source = "header";
    facts.dtb_claims.push_back(claim);
  }
  v2p::LocateOptions options;
  options.whole_image = (data[9] & 0x40U) != 0;
  options.processes = (data[9] & 0x20U) != 0;
  options.threads = 1;
  const v2p::Findings findings = v2p::Locate(memory, facts, options);
  for (const v2p::System& system : findings.systems) {
    Check(system.kernel.TheStanding() != v2p::Standing::kRejected);
    Check(system.kernel.confidence <= v2p::kMostConfidence);
    Check(memory.Contains(system.kernel.root.table));
  }
  return 0;
}

// Walks the addresses of a generated 1 GiB dump once, for counting instructions. Usage: HOW, which
// is single, batch or results (random order), sorted (results in order) or leaves. Prints how many
// addresses or entries there were. scripts/check-instructions runs it under callgrind.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include "dump_image.h"
#include "dumpfmt/format.h"
#include "translate/leaves.h"
#include "translate/walker.h"

namespace v2p::bench {
namespace {

constexpr std::size_t kAddresses = 50'000;

std::size_t WalkAll(std::string_view how, const AddressSpace& space,
                    const std::vector<VirtAddr>& addresses) {
  Walker walker(space);
  std::size_t mapped = 0;
  if (how == "single") {
    for (const VirtAddr va : addresses) mapped += walker.Translate(va).Mapped() ? 1 : 0;
  } else if (how == "batch") {
    std::vector<Walk> walks(addresses.size());
    walker.Translate(addresses, walks);
    for (const Walk& walk : walks) mapped += walk.Mapped() ? 1 : 0;
  } else {
    std::vector<WalkResult> results(addresses.size());
    walker.Resolve(addresses, results);
    for (const WalkResult& result : results) mapped += result.IsMapped() ? 1 : 0;
  }
  return mapped;
}

// Entries of all tables, present or not.
std::size_t Entries(const AddressSpace& space) {
  return static_cast<std::size_t>(EnumerateLeaves(space, {}, {}).tables) * 512;
}

int Count(std::string_view how) {
  const auto folder = std::filesystem::temp_directory_path().string();
  DumpImage dump = MakeOneGib(folder, kAddresses);
  const auto image = OpenImage(dump.path, {});
  std::filesystem::remove(dump.path);
  if (!image) return 1;
  const AddressSpace space(*image->memory, {.mode = ModeName::kX64, .dtb = dump.dtb});
  if (how == "sorted") std::sort(dump.addresses.begin(), dump.addresses.end());
  const std::size_t count = how == "leaves" ? Entries(space) : WalkAll(how, space, dump.addresses);
  if (how != "leaves" && count != dump.addresses.size()) return 1;
  fmt::print("{}\n", count);
  return 0;
}

}  // namespace
}  // namespace v2p::bench

int main(int argc, char** argv) { return argc == 2 ? v2p::bench::Count(argv[1]) : 2; }

// Enumeration of leaves against QEMU's own full listing (`info tlb`) of the same guests: every row
// both ways. Needs the corpus of real images.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "dumpfmt/format.h"
#include "support/corpus.h"
#include "translate/leaves.h"

namespace v2p::test {
namespace {

struct Guest {
  const char* name;
  const char* image;
  const char* mode;
  std::size_t rows;  // that the listing has at least
};
const Guest kGuests[] = {
    {"x64", "x64.elf", "x64", 151918},     {"x64pti", "x64pti.elf", "x64", 140760},
    {"x86", "x86.raw", "x86", 7626},       {"x86pae", "x86pae.elf", "pae", 6862},
    {"win64", "win64.dmp", "x64", 149295}, {"win32pae", "win32pae.dmp", "pae", 1},
    {"lime", "lime.lime", "x64", 153142}};

struct Leaf {
  std::uint64_t pa = 0;
  bool large = false;
  std::string flags = {};  // empty: ours
  unsigned rights = 0;
};
using LeavesByAddress = std::map<std::uint64_t, Leaf>;

std::string Member(const std::string& line, const std::string& name) {
  const std::size_t key = line.find('"' + name + "\":");
  if (key == std::string::npos) throw std::runtime_error("no " + name + " in " + line);
  const std::size_t begin = line.find('"', key + name.size() + 3) + 1;
  return line.substr(begin, line.find('"', begin) - begin);
}

// Rows by root.
std::map<std::uint64_t, LeavesByAddress> ReadListing(const std::string& path, std::size_t& rows) {
  std::map<std::uint64_t, LeavesByAddress> roots;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line); ++rows) {
    const auto number = [&](const char* name) {
      return std::stoull(Member(line, name), nullptr, 16);
    };
    const std::string flags = Member(line, "flags");
    roots[number("cr3")][number("va")] = {number("pa"), flags[2] == 'P', flags};
  }
  return roots;
}

LeavesByAddress OurLeaves(const AddressSpace& space) {
  LeavesByAddress leaves;
  LeafSink sink;
  sink.ranges = [&](std::span<const LeafRange> ranges) {
    for (const LeafRange& range : ranges) {
      for (std::uint64_t i = 0; i < range.pages; ++i) {
        const std::uint64_t at = i << range.page_shift;
        leaves[range.va.value + at] = {
            range.pa.value + at, range.page_shift != kPageShift, {}, range.rights};
      }
    }
    return true;
  };
  const auto summary = EnumerateLeaves(space, {}, sink);
  EXPECT_EQ(summary.end, LeafSummary::End::kComplete);
  return leaves;
}

// The acquisition of `lime` was before the listing: two large pages were split in between, and the
// rows of the module that acquired were taken out.
void SplitLargePages(LeavesByAddress& leaves) {
  LeavesByAddress split;
  for (const auto& [va, leaf] : leaves) {
    if (va >= 0xffffffffc02d7000 && va <= 0xffffffffc02e3fff) continue;
    for (std::uint64_t at = 0; at < (leaf.large ? 0x200000U : 0x1000U); at += 0x1000) {
      Leaf page = leaf;
      page.pa += at;
      page.large = false;
      split[va + at] = page;
    }
  }
  leaves = std::move(split);
}

class LeavesOfGuest : public testing::TestWithParam<Guest> {};

TEST_P(LeavesOfGuest, AreThoseThatQemuLists) {
  const Guest& guest = GetParam();
  const std::string folder = std::string("guests/") + guest.name + "/";
  V2P_CORPUS_FILE(listing, folder + "oracle.tlb.jsonl");
  V2P_CORPUS_FILE(path, folder + guest.image);
  OpenOptions open;
  if (std::string(guest.name) == "x86") open.as = "raw";
  const auto image = OpenImage(path, open);
  ASSERT_TRUE(image) << image.error().OneLine();
  std::size_t rows = 0;
  auto roots = ReadListing(listing, rows);
  EXPECT_GE(rows, guest.rows);
  const bool lime = std::string(guest.name) == "lime";
  std::size_t pages = 0;
  std::size_t narrowed = 0;  // rights that a table above takes away: QEMU prints the leaf's alone
  for (auto& [cr3, theirs] : roots) {
    auto ours = OurLeaves(AddressSpace(*image->memory, {*ModeByName(guest.mode), cr3}));
    if (lime) SplitLargePages(ours);
    if (lime) SplitLargePages(theirs);
    EXPECT_EQ(ours.size(), theirs.size());
    for (const auto& [va, leaf] : theirs) {
      const auto at = ours.find(va);
      ASSERT_NE(at, ours.end()) << "not enumerated: " << std::hex << va;
      ASSERT_EQ(at->second.pa, leaf.pa) << std::hex << va;
      ASSERT_EQ(at->second.large, leaf.large) << std::hex << va;
      const unsigned rights = (leaf.flags[8] == 'W' ? 1U : 0U) | (leaf.flags[7] == 'U' ? 2U : 0U) |
                              (leaf.flags[0] == 'X' ? 0U : 4U);
      if (lime) continue;  // pages were made read-only: that is what the large ones were split for
      ASSERT_EQ(at->second.rights & ~rights, 0U) << std::hex << va << " allows more than its leaf";
      narrowed += at->second.rights != rights ? 1 : 0;
    }
    for (const auto& [va, leaf] : ours) {
      ASSERT_TRUE(theirs.contains(va)) << "QEMU does not list " << std::hex << va;
    }
    pages += ours.size();
  }
  std::printf("%s: %zu roots, %zu leaves agree, %zu with rights narrowed above\n", guest.name,
              roots.size(), pages, narrowed);
}

INSTANTIATE_TEST_SUITE_P(Qemu, LeavesOfGuest, testing::ValuesIn(kGuests),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace v2p::test

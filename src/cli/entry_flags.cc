// Names of the bits of a table entry, only where the architecture gives them a meaning.
// Sources: Intel SDM volume 3, "4-Level Paging and 5-Level Paging", "PAE Paging", "32-Bit Paging";
// Arm Architecture Reference Manual, "VMSAv8-64 translation table format descriptors".
// SPDX-License-Identifier: Apache-2.0
#include "cli/entry_flags.h"

namespace v2p::cli {
namespace {

bool Bit(std::uint64_t entry, unsigned bit) { return (entry >> bit & 1U) != 0; }

}  // namespace

EntryFlags::EntryFlags(const Walk& walk, std::size_t i) {
  if (!Bit(walk.steps[i].entry, 0)) return;
  if (Mode(walk.mode).form == EntryForm::kArm64) {
    AddArm64(walk, i);
  } else {
    AddX86(walk, i);
  }
}

void EntryFlags::AddX86(const Walk& walk, std::size_t i) {
  const std::uint64_t entry = walk.steps[i].entry;
  const PagingMode& mode = Mode(walk.mode);
  const bool last = i + 1 == mode.level_count;
  const bool large = !last && mode.levels[i].may_be_leaf && Bit(entry, 7);
  // The PAE PDPTE has neither rights nor an accessed bit.
  const bool has_rights = walk.mode != ModeName::kPae || i != 0;
  Add("present", 'P', true);
  if (has_rights) Add("writable", 'W', Bit(entry, 1));
  if (has_rights) Add("user", 'U', Bit(entry, 2));
  Add("write-through", 'T', Bit(entry, 3));
  Add("cache-disabled", 'C', Bit(entry, 4));
  if (has_rights) Add("accessed", 'A', Bit(entry, 5));
  if (last || large) Add("dirty", 'D', Bit(entry, 6));
  if (large) Add("large-page", 'L', true);
  if (last || large) Add("pat", '\0', Bit(entry, large ? 12 : 7));
  if (last || large) Add("global", 'G', Bit(entry, 8));
  if (has_rights && mode.entry_bytes == 8) Add("no-execute", 'N', Bit(entry, 63));
}

void EntryFlags::AddArm64(const Walk& walk, std::size_t i) {
  const std::uint64_t entry = walk.steps[i].entry;
  const bool last = i + 1 == Mode(walk.mode).level_count;
  Add("present", 'P', true);
  if (!last && Bit(entry, 1)) {
    Add("table", 'T', true);
    Add("privileged-no-execute-table", 'p', Bit(entry, 59));
    Add("user-no-execute-table", 'u', Bit(entry, 60));
    Add("no-user-access-table", 'k', Bit(entry, 61));
    Add("read-only-table", 'r', Bit(entry, 62));
    return;
  }
  Add(last ? "page" : "block", last ? '\0' : 'L', true);
  Add("user", 'U', Bit(entry, 6));
  Add("read-only", 'R', Bit(entry, 7));
  Add("accessed", 'A', Bit(entry, 10));
  Add("global", 'G', !Bit(entry, 11));
  Add("dirty-bit-modifier", 'D', Bit(entry, 51));
  Add("contiguous", 'C', Bit(entry, 52));
  Add("privileged-no-execute", 'p', Bit(entry, 53));
  Add("user-no-execute", 'u', Bit(entry, 54));
}

std::string EntryFlags::Letters() const {
  std::string letters;
  for (const EntryFlag& flag : *this) {
    if (flag.letter == '\0') continue;
    if (!letters.empty()) letters.push_back(' ');
    letters.push_back(flag.set ? flag.letter : '.');
  }
  return letters;
}

}  // namespace v2p::cli

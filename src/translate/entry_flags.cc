// Flags of table entries, by architecture.
// Sources: Intel SDM volume 3A tables 4-5 to 4-20; Arm ARM D8.3.1 (VMSAv8-64 descriptors).
// SPDX-License-Identifier: Apache-2.0
#include "translate/entry_flags.h"

#include <array>
#include <span>

#include "translate/mode_tables.h"

namespace v2p {
namespace {

// What an entry is, as far as its flags are concerned. Bits of a set.
enum Kind : unsigned {
  kTop = 1,    // PAE PDPTE, which has no rights
  kTable = 2,  // leads to a table
  kLarge = 4,  // maps a large page
  kPage = 8,   // maps a page of the last level
  kLeaf = kLarge | kPage,
  kAnyX86 = kTop | kTable | kLeaf,
  kRights = kTable | kLeaf,
};

struct Flag {
  std::string_view name;
  char letter;
  std::uint64_t bit;
  unsigned kinds;
  bool when_clear = false;  // the flag is said of a clear bit
};

constexpr std::array kX86Flags = {
    Flag{"present", 'P', Bit(0), kAnyX86},
    Flag{"writable", 'W', Bit(1), kRights},
    Flag{"user", 'U', Bit(2), kRights},
    Flag{"write-through", 'T', Bit(3), kAnyX86},
    Flag{"cache-disabled", 'C', Bit(4), kAnyX86},
    Flag{"accessed", 'A', Bit(5), kRights},
    Flag{"dirty", 'D', Bit(6), kLeaf},
    Flag{"large", 'L', Bit(7), kLarge},
    Flag{"global", 'G', Bit(8), kLeaf},
    Flag{"pat", 'M', Bit(7), kPage},
    Flag{"pat", 'M', Bit(12), kLarge},
    Flag{"no-execute", 'N', Bit(63), kRights},
};

constexpr std::array kArm64Flags = {
    Flag{"valid", 'V', Bit(0), kRights},
    Flag{"table", 'T', Bit(1), kTable},
    Flag{"page", 'P', Bit(1), kPage},
    Flag{"block", 'B', Bit(1), kLarge, true},
    Flag{"user", 'U', Bit(6), kLeaf},
    Flag{"read-only", 'R', Bit(7), kLeaf},
    Flag{"accessed", 'A', Bit(10), kLeaf},
    Flag{"non-global", 'n', Bit(11), kLeaf},
    Flag{"dbm", 'D', Bit(51), kLeaf},
    Flag{"contiguous", 'C', Bit(52), kLeaf},
    Flag{"pxn", 'x', Bit(53), kLeaf},
    Flag{"uxn", 'X', Bit(54), kLeaf},
    Flag{"pxn-table", 'x', Bit(59), kTable},
    Flag{"uxn-table", 'X', Bit(60), kTable},
    Flag{"no-user-table", 'u', Bit(61), kTable},
    Flag{"read-only-table", 'r', Bit(62), kTable},
    Flag{"non-secure-table", 'S', Bit(63), kTable},
};

std::span<const Flag> FlagsOf(const PagingMode& mode) {
  if (mode.form == EntryForm::kArm64) return kArm64Flags;
  return kX86Flags;
}

Kind KindOf(const PagingMode& mode, std::size_t level, std::uint64_t entry) {
  if (level + 1 == mode.level_count) return kPage;
  if (mode.id == ModeName::kPae && level == 0) return kTop;
  return mode.levels[level].may_be_leaf && mode.IsLarge(entry) ? kLarge : kTable;
}

bool Has(const Flag& flag, std::uint64_t entry) {
  return ((entry & flag.bit) != 0) != flag.when_clear;
}

}  // namespace

std::vector<std::string_view> EntryFlags(const PagingMode& mode, std::size_t level,
                                         std::uint64_t entry) {
  std::vector<std::string_view> names;
  if ((entry & kEntryPresent) == 0) return names;
  const Kind kind = KindOf(mode, level, entry);
  for (const Flag& flag : FlagsOf(mode)) {
    if ((flag.kinds & kind) != 0 && Has(flag, entry)) names.push_back(flag.name);
  }
  return names;
}

std::string EntryFlagLetters(const PagingMode& mode, std::size_t level, std::uint64_t entry) {
  std::string letters;
  if ((entry & kEntryPresent) == 0) return letters;
  const Kind kind = KindOf(mode, level, entry);
  std::string_view previous;
  for (const Flag& flag : FlagsOf(mode)) {
    const bool applies = (flag.kinds & kind) != 0;
    const char letter = !applies ? ' ' : Has(flag, entry) ? flag.letter : '.';
    if (flag.name == previous) {  // one place for both positions of a flag
      if (applies) letters.back() = letter;
      continue;
    }
    previous = flag.name;
    if (!letters.empty()) letters += ' ';
    letters += letter;
  }
  letters.erase(letters.find_last_not_of(" .") + 1);
  return letters;
}

}  // namespace v2p

// Rights of a path through the tables: what all its entries allow.
// Sources: Intel SDM volume 3A section 4.6; Arm ARM D8.4 (stage 1, EL1&0 translation regime).
// Internal to src/translate: include leaves.h instead.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "translate/leaves.h"
#include "translate/mode_tables.h"

namespace v2p {

class Rights {
 public:
  /// After a table entry `entry`.
  template <EntryForm kForm>
  Rights ThroughTable(std::uint64_t entry) const {
    if constexpr (kForm == EntryForm::kX86) {
      return Rights(bits_ & OfX86(entry));
    } else {
      // APTable, PXNTable and UXNTable take rights away; they never give any.
      return Rights(bits_ &
                    (Unless(entry, Bit(62), kWrite) | Unless(entry, Bit(61), kUser) |
                     Unless(entry, Bit(59), kKernelRun) | Unless(entry, Bit(60), kUserRun)));
    }
  }

  /// LeafRight bits of the page that `entry` maps. Of Arm's dirty-bit management the entry as it is
  /// counts: a clean page is read-only.
  template <EntryForm kForm>
  std::uint8_t AtLeaf(std::uint64_t entry) const {
    unsigned allowed = 0;
    if constexpr (kForm == EntryForm::kX86) {
      allowed = OfX86(entry);
    } else {
      allowed = Unless(entry, Bit(7), kWrite) | ((entry & Bit(6)) != 0 ? kUser : 0U) |
                Unless(entry, Bit(53), kKernelRun) | Unless(entry, Bit(54), kUserRun);
    }
    allowed &= bits_;
    const bool runs = (allowed & (kKernelRun | kUserRun)) != 0;
    const unsigned execute = runs ? unsigned{kLeafExecutable} : 0U;
    return static_cast<std::uint8_t>((allowed & (kWrite | kUser)) | execute);
  }

  /// Bits of a leaf entry that can still make a difference.
  template <EntryForm kForm>
  std::uint64_t Counting() const {
    const auto if_has = [this](unsigned right, std::uint64_t bit) {
      return (bits_ & right) != 0 ? bit : 0;
    };
    if constexpr (kForm == EntryForm::kX86) {
      return if_has(kWrite, Bit(1)) | if_has(kUser, Bit(2)) | if_has(kKernelRun, Bit(63));
    } else {
      return if_has(kWrite, Bit(7)) | if_has(kUser, Bit(6)) | if_has(kKernelRun, Bit(53)) |
             if_has(kUserRun, Bit(54));
    }
  }

  Rights() = default;

 private:
  enum : unsigned { kWrite = kLeafWritable, kUser = kLeafUser, kKernelRun = 4, kUserRun = 8 };

  explicit Rights(unsigned bits) : bits_(bits) {}

  static unsigned Unless(std::uint64_t entry, std::uint64_t bit, unsigned right) {
    return (entry & bit) != 0 ? 0 : right;
  }
  // Read/write is bit 1, user/supervisor bit 2, execute-disable bit 63 of entries of 8 bytes.
  static unsigned OfX86(std::uint64_t entry) {
    return (static_cast<unsigned>(entry >> 1U) & (kWrite | kUser)) |
           (entry >> 63U != 0 ? 0U : kKernelRun | kUserRun);
  }

  unsigned bits_ = kWrite | kUser | kKernelRun | kUserRun;
};

}  // namespace v2p

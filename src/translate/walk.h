// Walk: everything one translation saw. A walk never fails; it ends, and says why.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/address.h"
#include "translate/paging_mode.h"

namespace v2p {

/// How a walk ended. Names in output are API: mapped, not-present, table-not-in-image,
/// reserved-bits, non-canonical.
enum class WalkStatus : std::uint8_t {
  kMapped,
  kNotPresent,
  kTableNotInImage,
  kReservedBits,
  kNonCanonical,
};

/// The form of the last entry that was read.
enum class EntryState : std::uint8_t {
  kNone,  ///< no last entry: null in output
  kPresent,
  kZero,
  kTransition,
  kPrototype,
  kPagefile,
  kCompressedStore,
  kDemandZero,
  kSubsection,
  kVad,
  kProtnone,
  kSwap,
  kUnknown,
};

std::string_view Name(WalkStatus status);
std::string_view Name(EntryState state);

/// One table entry on the way down. `entry` means nothing in the step that ended a
/// kTableNotInImage walk: the page that holds it is absent.
struct WalkStep {
  PhysAddr entry_at;
  std::uint64_t entry = 0;
};

/// Room for a walk's entries. Those that were not written mean nothing, and are not even zeroed:
/// that took a third of a walk's time.
class WalkSteps {
 public:
  WalkSteps() {}  // NOLINT(modernize-use-equals-default, *-member-init): see above

  WalkStep& operator[](std::size_t i) { return steps_[i]; }
  const WalkStep& operator[](std::size_t i) const { return steps_[i]; }
  std::span<const WalkStep> First(std::size_t count) const { return {steps_.data(), count}; }

 private:
  union {
    std::array<WalkStep, 6> steps_;
  };
};

/// The record of one translation. Plain data, filled on the hot path.
struct Walk {
  VirtAddr va;                   ///< as used: 32-bit modes keep the low 32 bits
  PhysAddr root;                 ///< masked base of the table that was walked first
  PhysAddr pa;                   ///< meaningful only when status is kMapped
  std::uint64_t page_bytes = 0;  ///< size of the page, 0 unless mapped
  /// One a level; behind the last one the prototype entry, where one was followed.
  WalkSteps steps;
  std::uint8_t step_count = 0;  ///< entries reached, the unread one included
  WalkStatus status = WalkStatus::kNonCanonical;
  EntryState state = EntryState::kNone;
  ModeName mode = ModeName::kX64;
  bool prototype = false;      ///< steps[step_count] is a prototype entry
  std::uint8_t elsewhere = 0;  ///< bit i: step i was not read from memory, its entry_at is nothing

  bool Mapped() const { return status == WalkStatus::kMapped; }
  std::span<const WalkStep> Steps() const { return steps.First(step_count); }
  /// Table index that `va` selects at step `i`.
  unsigned IndexAt(std::size_t i) const;
  /// Whether step `i` was read (false only for the last step of kTableNotInImage).
  bool WasRead(std::size_t i) const {
    return status != WalkStatus::kTableNotInImage || i + 1 < step_count;
  }
};

/// Kebab-case reason for a walk that is not mapped (null when mapped), more exact than the status:
/// "zero-entry", "reserved-bits", "non-canonical", "table-not-in-image", "transition", ...
/// The level at which it stopped is that of the last step.
std::optional<std::string_view> Reason(const Walk& walk);

}  // namespace v2p

// Names of endings, and what can be read off a walk.
// SPDX-License-Identifier: Apache-2.0
#include "translate/walk.h"

namespace v2p {
namespace {

// The forms of non-present entries on ARM64 Windows are nowhere documented; they are assumed to be
// those of x64, and the reason says so.
std::string_view NotPresentReason(EntryState state, bool assumed) {
  switch (state) {
    case EntryState::kZero:
      return "zero-entry";
    case EntryState::kTransition:
      return assumed ? "transition-assumed" : "transition";
    case EntryState::kPrototype:
      return assumed ? "prototype-assumed" : "prototype";
    case EntryState::kPagefile:
      return assumed ? "pagefile-assumed" : "pagefile";
    case EntryState::kDemandZero:
      return assumed ? "demand-zero-assumed" : "demand-zero";
    case EntryState::kVad:
      return assumed ? "vad-assumed" : "vad";
    case EntryState::kUnknown:
      return "unknown-form";
    default:
      return Name(state);
  }
}

}  // namespace

std::string_view Name(WalkStatus status) {
  switch (status) {
    case WalkStatus::kMapped:
      return "mapped";
    case WalkStatus::kNotPresent:
      return "not-present";
    case WalkStatus::kTableNotInImage:
      return "table-not-in-image";
    case WalkStatus::kReservedBits:
      return "reserved-bits";
    case WalkStatus::kNonCanonical:
      return "non-canonical";
  }
  return "";
}

std::string_view Name(EntryState state) {
  switch (state) {
    case EntryState::kNone:
      return "";
    case EntryState::kPresent:
      return "present";
    case EntryState::kZero:
      return "zero";
    case EntryState::kTransition:
      return "transition";
    case EntryState::kPrototype:
      return "prototype";
    case EntryState::kPagefile:
      return "pagefile";
    case EntryState::kCompressedStore:
      return "compressed-store";
    case EntryState::kDemandZero:
      return "demand-zero";
    case EntryState::kSubsection:
      return "subsection";
    case EntryState::kVad:
      return "vad";
    case EntryState::kProtnone:
      return "protnone";
    case EntryState::kSwap:
      return "swap";
    case EntryState::kUnknown:
      return "unknown";
  }
  return "";
}

unsigned Walk::IndexAt(std::size_t i) const { return Mode(mode).levels[i].Index(va.value); }

std::optional<std::string_view> Reason(const Walk& walk) {
  if (walk.Mapped()) return std::nullopt;
  if (walk.status != WalkStatus::kNotPresent) return Name(walk.status);
  return NotPresentReason(walk.state, walk.mode == ModeName::kArm64);
}

}  // namespace v2p

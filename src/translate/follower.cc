// Following entries that are not present: transition, prototype and page file forms.
// What the debugger follows: its documentation of `.cache decodeptes` and `.process /p`, and
// published `!vtop` output (a prototype is walked with the same root, then the page is mapped).
// Upper transition entries are followed as Rekall, Volatility 3 and libvmi do.
// SPDX-License-Identifier: Apache-2.0
#include "translate/follower.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "translate/mode_tables.h"

namespace v2p {
namespace {

// The commonest mask, tried on prototype pointers when the entries are too few to tell.
constexpr std::uint64_t kCommonMask = Bit(45);

// Forms of ARM64 Windows are published nowhere: they are read as those of x64, and named so.
std::string_view Assumed(std::string_view reason, const PagingMode& mode) {
  constexpr std::array<std::array<std::string_view, 2>, 12> kNames = {{
      {"zero-entry", "zero-entry"},
      {"transition", "transition-assumed"},
      {"prototype", "prototype-assumed"},
      {"pagefile", "pagefile-assumed"},
      {"compressed-store", "compressed-store-assumed"},
      {"demand-zero", "demand-zero-assumed"},
      {"subsection", "subsection-assumed"},
      {"vad", "vad-assumed"},
      {"unknown-form", "unknown-form"},
      {"decommitted", "decommitted-assumed"},
      {"free-system-pte", "free-system-pte-assumed"},
      {"frame-out-of-range", "frame-out-of-range-assumed"},
  }};
  if (mode.form != EntryForm::kArm64) return reason;
  for (const auto& names : kNames) {
    if (names[0] == reason) return names[1];
  }
  return reason;
}

std::string_view ReasonOf(const WindowsPte& pte) {
  if (!pte.detail.empty()) return pte.detail;
  if (pte.state == EntryState::kZero) return "zero-entry";
  if (pte.state == EntryState::kUnknown) return "unknown-form";
  return Name(pte.state);
}

}  // namespace

bool Follower::FrameInRange(PhysAddr frame) const { return frame < memory_->End(); }

Following Follower::Follow(Walk& walk, unsigned depth) const {
  Following following;
  while (walk.status == WalkStatus::kNotPresent) {
    const unsigned level = walk.step_count - 1U;
    const bool last = level + 1U == mode_->level_count;
    following.pte =
        DecodeWindowsPte(context_->rules, *mode_, last ? PtePlace::kLeaf : PtePlace::kUpper,
                         walk.steps[level].entry);
    EndAt(*following.pte, walk, following);
    if (last) {
      FollowLeaf(walk, depth, following);
      break;
    }
    if (!FollowTable(walk, following)) break;
    following.followed |= static_cast<std::uint8_t>(1U << level);
  }
  if (walk.status != WalkStatus::kNotPresent) following.reason = {};
  return following;
}

// The walk ends here unless the form can be followed.
void Follower::EndAt(const WindowsPte& pte, Walk& walk, Following& following) const {
  walk.status = WalkStatus::kNotPresent;
  walk.state = pte.state;
  following.reason = Assumed(ReasonOf(pte), *mode_);
}

bool Follower::FollowTable(Walk& walk, Following& following) const {
  const WindowsPte& pte = *following.pte;
  const unsigned next = walk.step_count;
  if (pte.state == EntryState::kTransition) {
    if (!FrameInRange(pte.frame)) {
      following.reason = Assumed("frame-out-of-range", *mode_);
      return false;
    }
    return Descend(next, pte.frame, nullptr, walk, following);
  }
  if (pte.state != EntryState::kPagefile) return false;
  Fetch(pte, walk, following);
  if (!following.stored || following.stored->bytes == nullptr) return false;
  auto page = std::make_shared<const StoredPage>(std::move(*following.stored));
  following.stored.reset();
  return Descend(next, PhysAddr(), std::move(page), walk, following);
}

// Goes down from a table of `level`, in memory at `table` or in `page`.
bool Follower::Descend(unsigned level, PhysAddr table, std::shared_ptr<const StoredPage> page,
                       Walk& walk, Following& following) const {
  for (; level < mode_->level_count; ++level) {
    const std::size_t into =
        mode_->levels[level].Index(walk.va.value) * std::size_t{mode_->entry_bytes};
    std::array<std::byte, 8> raw{};
    const auto bytes = std::span(raw).first(mode_->entry_bytes);
    walk.steps[level] = {table + into, 0};
    walk.step_count = static_cast<std::uint8_t>(level + 1);
    if (page != nullptr) {
      std::copy_n(page->bytes->begin() + static_cast<std::ptrdiff_t>(into), bytes.size(),
                  bytes.begin());
      following.tables[level] = std::move(page);
      walk.elsewhere |= static_cast<std::uint8_t>(1U << level);
      page = nullptr;
    } else if (memory_->Read(table + into, bytes) != bytes.size()) {
      walk.status = WalkStatus::kTableNotInImage;
      walk.state = EntryState::kNone;
      return true;
    }
    walk.steps[level].entry = LoadLe<std::uint64_t>(raw.data());
    const auto next = Step(level, walk);
    if (!next) break;
    table = *next;
  }
  return true;
}

// Acts on the entry of `level`, as the hot walk does: the next table, or nothing at the end.
std::optional<PhysAddr> Follower::Step(unsigned level, Walk& walk) const {
  const PagingLevel& here = mode_->levels[level];
  const std::uint64_t entry = walk.steps[level].entry;
  if ((entry & kEntryPresent) == 0) {
    walk.status = WalkStatus::kNotPresent;
    return std::nullopt;
  }
  walk.state = EntryState::kPresent;
  const bool last = level + 1U == mode_->level_count;
  const bool large = !last && here.may_be_leaf && mode_->IsLarge(entry);
  const std::uint64_t reserved = here.reserved | (large ? here.leaf_reserved : 0);
  if ((entry & here.required) != here.required || (entry & reserved) != 0) {
    walk.status = WalkStatus::kReservedBits;
    return std::nullopt;
  }
  const PhysAddr next(large ? here.LargePage(entry) : entry & here.frame_mask);
  if (!last && !large) return next;
  walk.page_bytes = here.PageBytes();
  walk.pa = next + (walk.va.value & (walk.page_bytes - 1));
  walk.status = WalkStatus::kMapped;
  return std::nullopt;
}

void Follower::FollowLeaf(Walk& walk, unsigned depth, Following& following) const {
  const WindowsPte pte = *following.pte;
  switch (pte.state) {
    case EntryState::kTransition:
      return EndInFrame(pte.frame, pte.state, walk, following);
    case EntryState::kPagefile:
      return Fetch(pte, walk, following);
    case EntryState::kPrototype:
      if (depth > 0) {
        following.reason = "prototype-nested";
      } else if (pte.pointer) {
        FollowPrototype(walk, following);
      }
      return;
    default:
      return;
  }
}

void Follower::EndInFrame(PhysAddr frame, EntryState state, Walk& walk,
                          Following& following) const {
  walk.state = state;
  if (!FrameInRange(frame)) {
    following.reason = Assumed("frame-out-of-range", *mode_);
    return;
  }
  walk.status = WalkStatus::kMapped;
  walk.page_bytes = kPageBytes;
  walk.pa = frame + (walk.va.value & (kPageBytes - 1));
}

void Follower::Fetch(const WindowsPte& pte, Walk& walk, Following& following) const {
  if (context_->pages == nullptr) return;
  following.stored = context_->pages->Fetch(pte.page_file, pte.page);
  walk.state = following.stored->state;
  following.reason = Assumed(Name(walk.state), *mode_);
}

bool Follower::VisitPrototype(VirtAddr at, PrototypeVisit* visit) const {
  AddressSpaceSpec spec;
  spec.mode = mode_->id;
  spec.dtb = context_->kernel_root.value;
  spec.strict = true;
  visit->va = at;
  visit->walk = AddressSpace(*memory_, spec).Translate(at);
  std::array<std::byte, 8> raw{};
  const auto bytes = std::span(raw).first(mode_->entry_bytes);
  bool read = false;
  if (visit->walk.status == WalkStatus::kNotPresent) {
    auto on = std::make_shared<Following>(Follow(visit->walk, 1));
    if (on->stored && on->stored->bytes != nullptr) {
      const auto into = static_cast<std::ptrdiff_t>(at.value % kPageBytes);
      std::copy_n(on->stored->bytes->begin() + into, bytes.size(), bytes.begin());
      read = true;
    }
    visit->on = std::move(on);
  }
  if (visit->walk.Mapped()) read = memory_->Read(visit->walk.pa, bytes) == bytes.size();
  if (!read) return false;
  visit->entry = LoadLe<std::uint64_t>(raw.data());
  visit->pte = DecodeWindowsPte(context_->rules, *mode_, PtePlace::kPrototype, *visit->entry);
  return true;
}

// With an unknown mask a pointer has two readings: raw, and without the commonest mask. The one
// that can be read is taken; both: none.
bool Follower::FindPrototype(const WindowsPte& pte, std::uint64_t entry,
                             Following& following) const {
  PrototypeVisit visit;
  const bool found = VisitPrototype(*pte.pointer, &visit);
  following.prototype = visit;
  if (context_->mask_source != "unknown") return found;
  PteRules masked = context_->rules;
  masked.invalid_mask = kCommonMask;
  const WindowsPte other = DecodeWindowsPte(masked, *mode_, PtePlace::kLeaf, entry);
  if (!other.unswizzled || !other.pointer) return found;
  PrototypeVisit second;
  if (!VisitPrototype(*other.pointer, &second)) return found;
  if (found) {
    following.reason = "prototype-ambiguous";
    following.prototype.reset();
    return false;
  }
  second.mask_tried = true;
  following.prototype = std::move(second);
  return true;
}

void Follower::FollowPrototype(Walk& walk, Following& following) const {
  following.reason = "prototype-not-in-image";
  if (!FindPrototype(*following.pte, walk.steps[walk.step_count - 1U].entry, following)) {
    const bool unmapped =
        following.prototype && following.prototype->walk.status == WalkStatus::kNotPresent;
    if (unmapped) following.reason = "prototype-not-mapped";
    return;
  }
  const PrototypeVisit& visit = *following.prototype;
  const unsigned at = walk.step_count;
  walk.steps[at] = {visit.walk.Mapped() ? visit.walk.pa : PhysAddr(), *visit.entry};
  walk.prototype = true;
  if (!visit.walk.Mapped()) walk.elsewhere |= static_cast<std::uint8_t>(1U << at);
  const WindowsPte pte = visit.pte;
  if (pte.state == EntryState::kPresent || pte.state == EntryState::kTransition) {
    return EndInFrame(pte.frame, EntryState::kPrototype, walk, following);
  }
  EndAt(pte, walk, following);
  if (pte.state == EntryState::kPagefile) Fetch(pte, walk, following);
}

}  // namespace v2p

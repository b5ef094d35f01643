// Frames of PROT_NONE entries, places of swapped pages.
// Sources: arch/x86/include/asm/pgtable-invert.h (x86-64 and PAE keep the frame of a PROT_NONE
// entry inverted, against L1TF), pgtable-2level.h (two levels do not), and for ARM64
// arch/arm64/include/asm/pgtable.h (nothing is inverted). Swap entries: pgtable_64.h (since 4.18
// the offset is inverted, too), pgtable-3level.h (the same), pgtable-2level.h; ARM64's were moved
// by commits 570ef363509b (5.19) and f0f5863a0fb0 with its series (6.10).
// SPDX-License-Identifier: Apache-2.0
#include "translate/linux_pte.h"

#include <charconv>

#include "translate/entry_form.h"
#include "translate/mode_tables.h"

namespace v2p {
namespace {

unsigned Type(std::uint64_t entry, unsigned high, unsigned low) {
  return static_cast<unsigned>((entry & Bits(high, low)) >> low);
}

// Before 4.18 type and offset lay elsewhere and were not inverted. No swap area has 2^40 pages, so
// the top of an inverted offset is ones; in PAE the older form kept its low word clear.
std::optional<SwapPlace> InvertedPlace(const PagingMode& mode, std::uint64_t entry) {
  constexpr std::uint64_t kTop = Bits(58, 49);
  if ((entry & kTop) != kTop) return std::nullopt;
  if (mode.id == ModeName::kPae && (entry & Bits(31, 9)) == 0) return std::nullopt;
  return SwapPlace{Type(entry, 63, 59), (~entry & Bits(58, 9)) >> 9};
}

// "6.1.0-9-arm64": 6 * 1000 + 1.
std::optional<unsigned> Version(std::string_view release) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* end = release.data() + release.size();
  const auto first = std::from_chars(release.data(), end, major);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return std::nullopt;
  if (std::from_chars(first.ptr + 1, end, minor).ec != std::errc()) return std::nullopt;
  if (major > 999 || minor > 999) return std::nullopt;
  return major * 1000 + minor;
}

// Releases at which ARM64 moved its fields, as Version() gives them.
constexpr unsigned kArmSixBits = 4000;
constexpr unsigned kArmExclusive = 5019;
constexpr unsigned kArmPresentInvalid = 6010;

std::optional<SwapPlace> ArmPlace(std::uint64_t entry, std::string_view release) {
  const auto version = Version(release);
  if (!version || *version < kArmSixBits) return std::nullopt;
  if (*version < kArmExclusive) return SwapPlace{Type(entry, 7, 2), (entry & Bits(57, 8)) >> 8};
  if (*version < kArmPresentInvalid)
    return SwapPlace{Type(entry, 7, 3), (entry & Bits(57, 8)) >> 8};
  return SwapPlace{Type(entry, 10, 6), (entry & Bits(61, 12)) >> 12};
}

}  // namespace

EntryState LinuxForm(const PagingMode& mode, std::size_t level, std::uint64_t entry,
                     std::string_view release) {
  const bool last = level + 1 == mode.level_count;
  const auto version = Version(release);
  if (mode.form != EntryForm::kArm64 || !version || *version < kArmSixBits || entry == 0 ||
      (!last && !mode.levels[level].may_be_leaf)) {
    return NotPresentForm(mode, GuestOs::kLinux, level, entry);
  }
  const std::uint64_t protnone = *version < kArmPresentInvalid ? Bit(58) : Bit(11);
  if ((entry & protnone) != 0) return EntryState::kProtnone;
  return last ? EntryState::kSwap : EntryState::kUnknown;
}

std::optional<PhysAddr> ProtnoneFrame(const PagingMode& mode, std::size_t level,
                                      std::uint64_t entry, std::string_view release) {
  if (LinuxForm(mode, level, entry, release) != EntryState::kProtnone) return std::nullopt;
  const PagingLevel& here = mode.levels[level];
  const bool inverted = mode.form == EntryForm::kX86 && mode.entry_bytes == 8;
  const std::uint64_t plain = inverted ? ~entry : entry;
  return PhysAddr(plain & here.frame_mask & ~(here.PageBytes() - 1));
}

std::optional<SwapPlace> SwapPlaceOf(const PagingMode& mode, std::size_t level, std::uint64_t entry,
                                     std::string_view release) {
  if (LinuxForm(mode, level, entry, release) != EntryState::kSwap) return std::nullopt;
  if (mode.form == EntryForm::kArm64) return ArmPlace(entry, release);
  if (mode.entry_bytes == 8) return InvertedPlace(mode, entry);
  return SwapPlace{Type(entry, 5, 1), (entry & Bits(31, 9)) >> 9};
}

}  // namespace v2p

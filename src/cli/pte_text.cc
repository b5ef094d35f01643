// The text of `v2p pte`.
// Letters and columns: published `!pte` output; self-map bases: geoffchappell.com, MMPTE_HARDWARE.
// SPDX-License-Identifier: Apache-2.0
#include "cli/pte_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/bytes.h"
#include "cli/safe_text.h"
#include "translate/entry_flags.h"

namespace v2p::cli {
namespace {

constexpr unsigned kColumn = 27;

bool Is(std::uint64_t entry, unsigned bit) { return (entry >> bit & 1U) != 0; }

// Names of `!pte`: PXE, PPE, PDE, PTE, counted from the last level; the fifth has none.
std::string_view ColumnName(const PagingMode& mode, std::size_t level) {
  constexpr std::array<std::string_view, 5> kNames = {"PTE", "PDE", "PPE", "PXE", "P5E"};
  return kNames[mode.level_count - 1U - level];
}

// Of the entry that is read in step `level`: the last level's entries lie side by side from the
// base up, those of the level above in the part that maps these tables, and so on.
std::uint64_t EntryVa(const PagingMode& mode, std::uint64_t base, std::uint64_t va,
                      std::size_t level) {
  const std::uint64_t bits =
      mode.va_bits == 32 ? 0xffffffff : (std::uint64_t{1} << mode.va_bits) - 1;
  std::uint64_t at = va;
  for (std::size_t i = mode.level_count; i > level; --i) {
    at = base + ((at & bits) >> kPageShift) * mode.entry_bytes;
  }
  return at;
}

std::string X86Letters(std::uint64_t e, bool has_nx) {
  std::string s;
  const auto put = [&](unsigned bit, char set, char clear) {
    s.push_back(Is(e, bit) ? set : clear);
  };
  put(9, 'C', '-');
  put(8, 'G', '-');
  put(7, 'L', '-');
  put(6, 'D', '-');
  put(5, 'A', '-');
  put(4, 'N', '-');
  put(3, 'T', '-');
  put(2, 'U', 'K');
  put(1, 'W', 'R');
  s.push_back(has_nx && Is(e, 63) ? '-' : 'E');
  s.push_back('V');
  return s;
}

std::string Arm64Letters(std::uint64_t e) {
  std::string s = "-";
  const auto put = [&](unsigned bit, char set, char clear) {
    s.push_back(Is(e, bit) ? set : clear);
  };
  put(55, 'W', 'R');
  put(53, '-', 'X');
  put(11, '-', 'G');
  put(10, 'A', '-');
  put(7, '-', 'D');
  put(6, 'U', 'K');
  s.push_back('-');
  put(1, '-', 'L');
  s.push_back('V');
  return s;
}

struct Columns {
  std::string at, contains, frame;
};

void Pad(std::string* text, std::size_t columns) {
  if (text->size() < columns * kColumn) text->resize(columns * kColumn, ' ');
}

void AddColumn(const Record& record, std::optional<std::uint64_t> self_map, std::size_t i,
               Columns* columns) {
  const Walk& walk = record.Walk();
  const PagingMode& mode = Mode(walk.mode);
  const unsigned digits = mode.va_bits == 32 ? 8 : 16;
  for (std::string* line : {&columns->at, &columns->contains, &columns->frame}) Pad(line, i);
  const bool in_memory = (walk.elsewhere >> i & 1U) == 0;
  if (self_map) {
    columns->at += fmt::format("{} at {:0{}X}", ColumnName(mode, i),
                               EntryVa(mode, *self_map, walk.va.value, i), digits);
  } else if (in_memory) {
    columns->at +=
        fmt::format("{} pa {:0{}X}", ColumnName(mode, i), walk.steps[i].entry_at.value, digits);
  }
  if (!walk.WasRead(i)) {
    columns->contains += "not in the image";
    return;
  }
  const std::uint64_t entry = walk.steps[i].entry;
  columns->contains += fmt::format("contains {:0{}X}", entry, mode.entry_bytes * 2U);
  if ((entry & kEntryPresent) == 0) {
    columns->frame += "not valid";
    return;
  }
  const PagingLevel& level = mode.levels[i];
  const bool large = level.may_be_leaf && mode.IsLarge(entry);
  const std::uint64_t base = large ? level.LargePage(entry) : entry & level.frame_mask;
  columns->frame += fmt::format("pfn {:<10x}{}", base >> kPageShift, PteLetters(mode, i, entry));
}

// What is said of an entry that is not valid, under the columns.
void AppendInvalid(const Record& record, std::string* out) {
  const auto to = std::back_inserter(*out);
  const Following* following = record.Followed();
  const Walk& walk = record.Walk();
  if (following == nullptr || !following->pte) {
    if (!walk.Mapped()) {
      fmt::format_to(to, "{}{}{}\n", record.Reason().value_or(""),
                     record.Elsewhere().empty() ? "" : ", ", SafeText(record.Elsewhere()));
    }
    return;
  }
  const WindowsPte& pte = *following->pte;
  switch (pte.state) {
    case EntryState::kTransition:
      fmt::format_to(to, "Transition: {:x}\n", pte.frame.value >> kPageShift);
      break;
    case EntryState::kPagefile:
      fmt::format_to(to, "PageFile: {:x}\nOffset: {:x}\n", pte.page_file, pte.page);
      break;
    case EntryState::kDemandZero:
      fmt::format_to(to, "DemandZero\n");
      break;
    case EntryState::kPrototype:
      if (pte.pointer) fmt::format_to(to, "Proto: {:016X}\n", pte.pointer->value);
      break;
    default:
      fmt::format_to(
          to, "{}\n",
          pte.detail == "decommitted" ? "Page has been freed" : record.Reason().value_or(""));
      break;
  }
  if (pte.protection) {
    fmt::format_to(to, "Protect: {} - {}\n", *pte.protection, ProtectionName(*pte.protection));
  }
  if (following->stored) fmt::format_to(to, "{}\n", SafeText(record.Elsewhere()));
}

}  // namespace

std::optional<std::uint64_t> FindSelfMap(const PhysicalMemory& memory, const PagingMode& mode,
                                         PhysAddr root) {
  const PagingLevel& top = mode.levels[0];
  if (mode.id == ModeName::kX86) return 0xc0000000;
  if (mode.id == ModeName::kPae) return 0xc0000000;
  const std::size_t count = std::size_t{1} << top.index_bits;
  for (std::size_t i = count / 2; i < count; ++i) {
    std::array<std::byte, 8> raw{};
    if (memory.Read(root + i * mode.entry_bytes, raw) != raw.size()) continue;
    const auto entry = LoadLe<std::uint64_t>(raw.data());
    if ((entry & kEntryPresent) == 0 || (entry & top.frame_mask) != root.value) continue;
    const std::uint64_t high = ~std::uint64_t{0} << (mode.va_bits - 1U);
    return high | static_cast<std::uint64_t>(i) << top.shift;
  }
  return std::nullopt;
}

std::string PteLetters(const PagingMode& mode, std::size_t level, std::uint64_t entry) {
  if (mode.form == EntryForm::kArm64) return Arm64Letters(entry);
  std::string letters = X86Letters(entry, mode.entry_bytes == 8);
  // Only entries that may be pages have a size bit; at the last level the bit is PAT.
  if (!mode.levels[level].may_be_leaf) letters[2] = '-';
  return letters;
}

void AppendPteText(const Record& record, std::optional<std::uint64_t> self_map, std::string* out) {
  const Walk& walk = record.Walk();
  const PagingMode& mode = Mode(walk.mode);
  const auto to = std::back_inserter(*out);
  fmt::format_to(to, "{:>{}}VA {:0{}x}\n", "", mode.level_count > 2 ? 43 : 15, walk.va.value,
                 mode.va_bits == 32 ? 8 : 16);
  Columns columns;
  for (std::size_t i = 0; i < walk.step_count; ++i) AddColumn(record, self_map, i, &columns);
  for (std::string* line : {&columns.at, &columns.contains, &columns.frame}) {
    line->erase(line->find_last_not_of(' ') + 1);
    if (!line->empty()) out->append(*line).push_back('\n');
  }
  AppendInvalid(record, out);
  for (std::size_t i = 0; i < walk.step_count; ++i) {
    if (!walk.WasRead(i)) continue;
    std::string words;
    for (const auto flag : EntryFlags(mode, i, walk.steps[i].entry)) {
      words.append(words.empty() ? "" : ", ").append(flag);
    }
    if (words.empty()) words = walk.steps[i].entry == 0 ? "zero" : "not valid";
    fmt::format_to(to, "  {:<5} {}\n", mode.levels[i].name, words);
  }
  if (walk.Mapped()) fmt::format_to(to, "  physical {:x}\n", walk.pa.value);
}

}  // namespace v2p::cli

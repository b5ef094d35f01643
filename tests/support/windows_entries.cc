// Synthetic entries and images of Windows eras.
// SPDX-License-Identifier: Apache-2.0
#include "support/windows_entries.h"

#include <stdexcept>

namespace v2p::test {
namespace {

constexpr std::uint64_t kPresentFlags = 0x63;
constexpr std::uint64_t kPrototypeFlag = 0x400;
constexpr std::uint64_t kTransitionFlag = 0x800;
constexpr std::uint64_t kBit45 = 0x200000000000;

unsigned EntryBytes(ModeName mode) { return mode == ModeName::kX86 ? 4 : 8; }

// Puts tables where they are missing, one page after another.
class Tables {
 public:
  Tables(ModeName mode, EraImage* image) : mode_(mode), image_(*image) {
    image_.dtb = 0x10000;
    image_.memory.AddPage(image_.dtb);
  }

  /// Physical address of the entry that `va` selects at the last level, or `up` levels above it.
  std::uint64_t EntryOf(std::uint64_t va, unsigned up = 0) {
    std::uint64_t table = image_.dtb;
    const auto shifts = Shifts();
    for (std::size_t i = 0;; ++i) {
      const std::uint64_t at = table + Index(va, shifts[i]) * EntryBytes(mode_);
      if (i + 1 + up == shifts.size()) return at;
      const std::uint64_t entry = *image_.memory.Get(at, EntryBytes(mode_));
      if (entry == 0) {
        const std::uint64_t next = NewPage();
        Put(at, next | TableFlags(i));
        table = next;
      } else {
        table = entry & 0xffffffffff000;
      }
    }
  }
  void Put(std::uint64_t at, std::uint64_t entry) {
    if (EntryBytes(mode_) == 4) {
      image_.memory.Put32(at, static_cast<std::uint32_t>(entry));
    } else {
      image_.memory.Put64(at, entry);
    }
  }
  std::uint64_t NewPage() {
    next_ += 0x1000;
    image_.memory.AddPage(next_);
    return next_;
  }

 private:
  std::vector<unsigned> Shifts() const {
    if (mode_ == ModeName::kX86) return {22, 12};
    if (mode_ == ModeName::kPae) return {30, 21, 12};
    return {39, 30, 21, 12};
  }
  std::uint64_t Index(std::uint64_t va, unsigned shift) const {
    if (mode_ == ModeName::kX86) return va >> shift & 0x3ff;
    return va >> shift & (shift == 30 && mode_ == ModeName::kPae ? 3 : 0x1ff);
  }
  std::uint64_t TableFlags(std::size_t level) const {
    return mode_ == ModeName::kPae && level == 0 ? 1 : kPresentFlags;
  }

  ModeName mode_;
  EraImage& image_;
  std::uint64_t next_ = 0x20000;
};

}  // namespace

const std::vector<PteEra> kPteEras = {
    {"x86_xp", ModeName::kX86, 2600, 0},        {"x86_vista", ModeName::kX86, 6000, 0},
    {"pae_classic", ModeName::kPae, 7601, 0},   {"pae_swizzled", ModeName::kPae, 17763, kBit45},
    {"x64_2003", ModeName::kX64, 3790, 0},      {"x64_classic", ModeName::kX64, 7601, 0},
    {"x64_classic", ModeName::kX64, 15063, 0},  {"x64_swizzled", ModeName::kX64, 17763, kBit45},
    {"x64_swizzled", ModeName::kX64, 19041, 0}, {"x64_11", ModeName::kX64, 22000, kBit45},
};

WindowsEntries::WindowsEntries(const PteEra& era) : era_(era), layout_("windows_pte") {}

std::uint64_t WindowsEntries::Field(const std::string& form, const char* field,
                                    std::uint64_t value) const {
  const auto& at = layout_.Get(std::string(era_.name) + "." + form + "." + field);
  const std::uint64_t mask = at.size == 64 ? ~0ULL : (1ULL << at.size) - 1;
  if (value > mask) throw std::invalid_argument("value does not fit " + form + "." + field);
  return value << at.at;
}

bool WindowsEntries::Has(const std::string& form, const char* field) const {
  try {
    layout_.Get(std::string(era_.name) + "." + form + "." + field);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

// The kernel sets the mask's bits, and the swizzle bit when they were set before.
std::uint64_t WindowsEntries::Stored(const std::string& form, std::uint64_t entry) const {
  if (era_.invalid_mask == 0 || !Has(form, "SwizzleBit")) return entry;
  if ((entry & era_.invalid_mask) == 0) return entry | era_.invalid_mask;
  return entry | Field(form, "SwizzleBit", 1);
}

std::uint64_t WindowsEntries::Transition(std::uint64_t frame, unsigned protection) const {
  return Stored("transition", Field("transition", "PageFrameNumber", frame) |
                                  Field("transition", "Protection", protection) | kTransitionFlag);
}

std::uint64_t WindowsEntries::Software(unsigned page_file, std::uint64_t page,
                                       unsigned protection) const {
  std::uint64_t entry = Field("software", "PageFileLow", page_file) |
                        Field("software", "Protection", protection) |
                        Field("software", "PageFileHigh", page);
  if (page != 0 && Has("software", "PageFileAllocated")) {
    entry |= Field("software", "PageFileAllocated", 1);
  }
  return Stored("software", entry);
}

std::uint64_t WindowsEntries::Prototype(std::uint64_t address) const {
  if (Has("prototype", "ProtoAddress")) {
    const std::uint64_t kept =
        era_.mode == ModeName::kPae ? address & 0xffffffff : address & 0xffffffffffff;
    return Stored("prototype", Field("prototype", "ProtoAddress", kept) | kPrototypeFlag);
  }
  // Vista and 7 without PAE: pointer = 0x80000000 | High << 10 | Low << 2 (MemProcFS, mm_x86.c).
  const std::uint64_t offset = address & 0x7fffffff;
  return Field("prototype", "ProtoAddressHigh", offset >> 10) |
         Field("prototype", "ProtoAddressLow", offset >> 2 & 0xff) | kPrototypeFlag;
}

std::uint64_t WindowsEntries::VadMarker() const {
  if (era_.mode == ModeName::kX86) {
    const auto& low = layout_.Get(std::string(era_.name) + ".prototype.ProtoAddressLow");
    return Field("prototype", "ProtoAddressHigh", 0x1fffff) |
           Field("prototype", "ProtoAddressLow", (1ULL << low.size) - 1) | kPrototypeFlag;
  }
  // Real: FFFFFFFF00000420 (Rekall); with the mask's bits set before, the swizzle bit is set.
  return Stored("prototype", 0xffffffff00000420);
}

EraImage MakeEraImage(const PteEra& era) {
  EraImage image;
  const WindowsEntries entries(era);
  Tables tables(era.mode, &image);
  const bool narrow = era.mode != ModeName::kX64;
  const std::uint64_t kernel = narrow ? 0x8a000000 : 0xffff8a8012340000;
  std::uint64_t va = 0x400000;
  const auto add = [&](const char* what, std::uint64_t entry, std::optional<std::uint64_t> page,
                       const char* state, const char* reason) {
    tables.Put(tables.EntryOf(va), entry);
    image.cases.push_back(
        {what, va + 0x123, page ? std::optional(*page + 0x123) : std::nullopt, state, reason});
    va += 0x1000;
  };
  const std::uint64_t page = tables.NewPage();
  add("transition", entries.Transition(page >> 12), page, "transition", "");
  add("transition, other protection", entries.Transition(page >> 12, 1), page, "transition", "");
  add("transition beyond memory", entries.Transition(0x7ffff), std::nullopt, "transition",
      "frame-out-of-range");
  add("page file", entries.Software(1, 0x1234), std::nullopt, "pagefile", "pagefile");
  add("page file 0", entries.Software(0, 0x1234), std::nullopt, "pagefile", "pagefile");
  add("demand zero", entries.DemandZero(), std::nullopt, "demand-zero", "demand-zero");
  add("decommitted", entries.DemandZero(0x10), std::nullopt, "unknown", "decommitted");
  add("free system entry", entries.Software(0, 0x5054, 0), std::nullopt, "unknown",
      "free-system-pte");
  add("VAD", entries.VadMarker(), std::nullopt, "vad", "vad");
  add("zero", 0, std::nullopt, "zero", "zero-entry");

  // Prototype entries in a kernel page; the mask's bit falls on bit 29 of an x64 address.
  const std::uint64_t array = tables.NewPage();
  tables.Put(tables.EntryOf(kernel), array | kPresentFlags);
  std::uint64_t slot = 0;
  const auto prototype = [&](const char* what, std::uint64_t content,
                             std::optional<std::uint64_t> target, const char* state,
                             const char* reason) {
    const std::uint64_t into = slot++ * 8;
    tables.Put(array + into, content);
    add(what, entries.Prototype(kernel + into), target, state, reason);
  };
  if (std::string(era.name) == "x86_xp") {
    prototype("prototype", page | kPresentFlags, std::nullopt, "prototype",
              "prototype-base-unknown");
  } else {
    prototype("prototype, valid", page | kPresentFlags, page, "prototype", "");
    prototype("prototype, transition", entries.Transition(page >> 12), page, "prototype", "");
    prototype("prototype, page file", entries.Software(1, 0x77), std::nullopt, "pagefile",
              "pagefile");
    prototype("prototype, subsection", entries.Prototype(kernel + 0x800), std::nullopt,
              "subsection", "subsection");
    prototype("prototype, demand zero", entries.DemandZero(), std::nullopt, "demand-zero",
              "demand-zero");
    prototype("prototype, zero", 0, std::nullopt, "zero", "zero-entry");
    prototype("prototype, beyond memory", 0x7ffff000 | kPresentFlags, std::nullopt, "prototype",
              "frame-out-of-range");
    add("prototype without a page", entries.Prototype(kernel + 0x1000), std::nullopt, "prototype",
        "prototype-not-mapped");
  }

  // A table that is in transition: its entry has bit 7 set by the protection, which is no size bit.
  va = 0x40000000;
  const std::uint64_t below = tables.EntryOf(va);
  tables.Put(below, page | kPresentFlags);
  tables.Put(tables.EntryOf(va, 1), entries.Transition(below >> 12));
  image.cases.push_back({"table in transition", va + 0x45, page + 0x45, "present", ""});
  va = 0x50000000;
  tables.Put(tables.EntryOf(va, 1), entries.Software(0, 0x99));
  image.cases.push_back({"table in a page file", va, std::nullopt, "pagefile", "pagefile"});

  // Enough transition entries for the statistic that finds the mask.
  va = 0x60000000;
  for (unsigned i = 0; i < 80; ++i, va += 0x1000) {
    tables.Put(tables.EntryOf(va), entries.Transition(i % 40 + 0x20));
  }
  return image;
}

}  // namespace v2p::test

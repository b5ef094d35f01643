// Random page tables for differential tests.
// SPDX-License-Identifier: Apache-2.0
#include "support/random_tables.h"

#include <vector>

namespace v2p::test {
namespace {

using Random = std::mt19937_64;

// One level of a mode as the generator needs it, with the share (in percent of all canonical
// walks) that shall end here in each way; what is left goes on to the next level.
struct Level {
  int shift;
  int entries;
  int not_present;
  int absent;    // leads to a table that memory lacks
  int reserved;  // present with a bit that must be clear
  int large;     // maps a large page
};

struct Shape {
  std::vector<Level> levels;
  int entry_bytes;
  int frame_bits;       // width of an address in an entry
  std::uint64_t noise;  // flag and software bits that never matter, in any present entry
};

Shape ShapeOf(const std::string& mode) {
  constexpr std::uint64_t kLow = 0xe7e;  // without present, PS and PAT
  constexpr std::uint64_t kX64Noise = kLow | 0x100 | std::uint64_t{0xfff} << 52;
  if (mode == "x86") {
    return {{{22, 1024, 7, 14, 14, 25}, {12, 1024, 8, 0, 0, 0}}, 4, 32, kLow | 0x100};
  }
  if (mode == "pae") {
    return {{{30, 4, 4, 7, 5, 0}, {21, 512, 5, 7, 5, 28}, {12, 512, 5, 0, 5, 0}},
            8,
            52,
            std::uint64_t{1} << 63 | 0xe18};
  }
  if (mode == "x64") {
    return {{{39, 512, 4, 5, 5, 0},
             {30, 512, 4, 5, 5, 16},
             {21, 512, 4, 5, 5, 16},
             {12, 512, 4, 0, 0, 0}},
            8,
            52,
            kX64Noise};
  }
  if (mode == "x64-la57") {
    return {{{48, 512, 3, 4, 4, 0},
             {39, 512, 3, 4, 4, 0},
             {30, 512, 3, 4, 4, 16},
             {21, 512, 3, 3, 3, 16},
             {12, 512, 3, 0, 0, 0}},
            8,
            52,
            kX64Noise};
  }
  return {{{39, 512, 4, 5, 4, 0},
           {30, 512, 4, 5, 4, 16},
           {21, 512, 4, 5, 4, 16},
           {12, 512, 4, 0, 3, 0}},
          8,
          48,
          0xffc | std::uint64_t{0xfff} << 52};
}

bool Chance(Random& random, int part, int whole) {
  return static_cast<int>(random() % static_cast<unsigned>(whole)) < part;
}

std::uint64_t Ones(int bits) { return (std::uint64_t{1} << bits) - 1; }

class Maker {
 public:
  Maker(const std::string& mode, Random& random)
      : mode_(mode), shape_(ShapeOf(mode)), random_(random), tables_(shape_.levels.size()) {}

  std::uint64_t MakeRoot() {
    for (std::size_t level = 1; level < shape_.levels.size(); ++level) {
      for (int i = 0; i < 3; ++i) tables_[level].push_back(NewPage());
    }
    const std::uint64_t root = AddRoot();
    for (std::size_t level = 1; level < shape_.levels.size(); ++level) {
      for (const std::uint64_t table : tables_[level]) Fill(table, level);
    }
    return root;
  }
  std::uint64_t AddRoot() {
    std::uint64_t root = NewPage();
    if (mode_ == "pae") root += random_() % 128 * 32;
    tables_[0].push_back(root & ~Ones(12));
    Fill(root, 0);
    return root;
  }
  SparseMemory TakeMemory() { return std::move(memory_); }

 private:
  // Low enough for CR3 of every mode and for a bitmap of reasonable size.
  std::uint64_t NewPage() {
    for (;;) {
      const std::uint64_t pa = (random_() & Ones(30)) & ~Ones(12);
      if (memory_.PageAt(pa) != nullptr) continue;
      memory_.AddPage(pa);
      return pa;
    }
  }
  std::uint64_t AbsentFrame() {
    for (;;) {
      const std::uint64_t pa = (random_() & Ones(shape_.frame_bits)) & ~Ones(12);
      if (memory_.PageAt(pa) == nullptr) return pa;
    }
  }

  void Fill(std::uint64_t table, std::size_t level) {
    filling_ = level;
    int left = 100;
    for (std::size_t i = 0; i < level; ++i) {
      const Level& above = shape_.levels[i];
      left -= above.not_present + above.absent + above.reserved + above.large;
    }
    for (int i = 0; i < shape_.levels[level].entries; ++i) {
      const std::uint64_t entry = Entry(level, left);
      const auto at = table + static_cast<std::uint64_t>(i * shape_.entry_bytes);
      if (shape_.entry_bytes == 4) {
        memory_.Put32(at, static_cast<std::uint32_t>(entry));
      } else {
        memory_.Put64(at, entry);
      }
    }
  }

  std::uint64_t Entry(std::size_t at_level, int left) {
    const Level& level = shape_.levels[at_level];
    const bool last = at_level + 1 == shape_.levels.size();
    int dice = static_cast<int>(random_() % static_cast<unsigned>(left));
    if ((dice -= level.not_present) < 0) return Chance(random_, 1, 3) ? 0 : random_() & ~Ones(1);
    if ((dice -= level.absent) < 0) return Table(AbsentFrame());
    if ((dice -= level.reserved) < 0) return Reserved(at_level);
    if ((dice -= level.large) < 0) return Large(level.shift);
    if (last) return Page();
    // Now and then any table at all: roots, tables of other levels, itself.
    const auto& pool = tables_[Chance(random_, 1, 40) ? random_() % tables_.size() : at_level + 1];
    return pool.empty() ? Table(tables_[at_level + 1][0]) : Table(pool[random_() % pool.size()]);
  }

  std::uint64_t Noise() {
    const bool no_rights = mode_ == "pae" && filling_ == 0;  // bit 63 of a PDPTE is reserved
    return random_() & shape_.noise & (no_rights ? Ones(63) : ~std::uint64_t{0});
  }
  bool Arm() const { return mode_ == "arm64"; }

  std::uint64_t Table(std::uint64_t frame) { return frame | Noise() | (Arm() ? 3U : 1U); }
  std::uint64_t Page() {
    const std::uint64_t frame = (random_() & Ones(shape_.frame_bits)) & ~Ones(12);
    const std::uint64_t pat = Arm() ? 0 : random_() & 0x80;
    return Table(frame) | pat;
  }
  std::uint64_t Large(int shift) {
    const std::uint64_t frame = (random_() & Ones(shape_.frame_bits)) & ~Ones(shift);
    if (Arm()) return frame | (Noise() & ~std::uint64_t{2}) | 1;
    const std::uint64_t pat = random_() & 0x1000;
    const std::uint64_t high = mode_ == "x86" ? random_() & 0x1fe000 : 0;  // PSE-36
    return frame | pat | high | Noise() | 0x81;
  }

  // A present entry with at least one bit set, or clear, that must not be.
  std::uint64_t Reserved(std::size_t at_level) {
    const Level& level = shape_.levels[at_level];
    const bool has_large = level.large != 0;
    if (mode_ == "x86") return Large(level.shift) | 0x200000;
    if (Arm()) {
      if (!has_large) return Page() & ~std::uint64_t{2};
      return Large(level.shift) | std::uint64_t{1} << (12 + RandomBelow(level.shift - 12));
    }
    if (mode_ == "pae") {
      constexpr int kTop[] = {1, 2, 6, 7, 8, 63};
      if (at_level == 0 && Chance(random_, 1, 2)) {
        return Table(AbsentFrame()) | std::uint64_t{1} << kTop[random_() % 6];
      }
      if (has_large && Chance(random_, 1, 2)) {
        return Large(level.shift) | std::uint64_t{1} << (13 + RandomBelow(8));
      }
      return Page() | std::uint64_t{1} << (52 + RandomBelow(11));
    }
    if (!has_large) return Table(AbsentFrame()) | 0x80;
    return Large(level.shift) | std::uint64_t{1} << (13 + RandomBelow(level.shift - 13));
  }
  int RandomBelow(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

  std::string mode_;
  Shape shape_;
  Random& random_;
  SparseMemory memory_;
  std::size_t filling_ = 0;  // level of the table being filled
  std::vector<std::vector<std::uint64_t>> tables_;
};

}  // namespace

RandomTables MakeRandomTables(const std::string& mode, bool split_roots, Random& random) {
  Maker maker(mode, random);
  RandomTables made;
  const std::uint64_t flags = mode == "pae" ? 0x18 : mode == "x86" ? 0xfff : 0xfff;
  made.dtb = maker.MakeRoot() | (random() & flags);
  if (mode == "x64" || mode == "x64-la57") made.dtb |= random() & std::uint64_t{0xfff} << 52;
  if (mode == "arm64") made.dtb |= random() & std::uint64_t{0xffff} << 48;
  if (split_roots) made.ttbr1 = maker.AddRoot() | (random() & std::uint64_t{0xffff} << 48) | 1;
  made.memory = maker.TakeMemory();
  return made;
}

std::uint64_t RandomAddress(const std::string& mode, bool split_roots, Random& random) {
  std::uint64_t va = random();
  if (Chance(random, 12, 100)) return va;  // all but never canonical
  const bool narrow = mode == "x86" || mode == "pae";
  if (narrow) {
    va &= 0xffffffff;
    if ((va >> 31) != 0 && Chance(random, 1, 2)) va |= std::uint64_t{0xffffffff} << 32;
    return va;
  }
  const int bits = mode == "x64-la57" ? 57 : 48;
  const bool upper = split_roots ? Chance(random, 1, 2) : ((va >> (bits - 1)) & 1) != 0;
  return upper ? va | ~Ones(bits) : va & Ones(bits);
}

std::size_t Histogram::Total() const {
  std::size_t total = 0;
  for (const auto& [ending, count] : counts_) total += count;
  return total;
}

std::size_t Histogram::Of(const std::string& ending) const {
  const auto it = counts_.find(ending);
  return it == counts_.end() ? 0 : it->second;
}

std::string Histogram::Text() const {
  std::string text = std::to_string(Total()) + " walks:";
  for (const auto& [ending, count] : counts_) {
    text += " " + ending + " " + std::to_string(count) + ",";
  }
  text.pop_back();
  return text;
}

}  // namespace v2p::test

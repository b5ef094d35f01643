// Walking from set to set by their sizes, and finding the way again behind a damaged one.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_section.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "dumpfmt/hiberfil_layout.h"

namespace v2p::hiberfil {
namespace {

// The word in front of a set: descriptors (bits 0-7), stored bytes (8-27), method (28-31). Older
// parsers take 22 bits for the size; no set needs more than 17 (LeechCore device_hibr.c).
constexpr std::uint32_t kSizeBits = 0xFFFFF;

// A chain of this many sets in a row is no accident (Hibr2Bin's rule for lost headers).
constexpr unsigned kChain = 8;
// Far enough to step over the largest set from inside the one before it.
constexpr std::uint64_t kReach = 2 * (std::uint64_t{kMostStored} + kMostHeadBytes);

struct Descriptor {
  std::uint64_t frame = 0;
  unsigned pages = 0;
};

struct Head {
  std::array<Descriptor, kMostDescriptors> descriptors;
  unsigned count = 0;
  unsigned pages = 0;
  unsigned method = 0;
  std::uint32_t stored = 0;
  std::size_t bytes = 0;

  std::uint64_t Length() const { return bytes + std::uint64_t{stored}; }
};

// Bits 0-3 hold the pages less one, the rest the first frame.
Descriptor DescriptorAt(const std::byte* p, bool is_64) {
  const std::uint64_t word = is_64 ? LoadLe<std::uint64_t>(p) : LoadLe<std::uint32_t>(p);
  return {word >> 4U, static_cast<unsigned>(word & 0xFU) + 1};
}

// The head at the begin of `bytes`, or nothing when no set begins so.
bool ParseHead(std::span<const std::byte> bytes, bool is_64, Head& head) {
  if (bytes.size() < kHeadBytes) return false;
  const auto word = LoadLe<std::uint32_t>(bytes.data());
  head.count = word & 0xFFU;
  head.stored = word >> 8U & kSizeBits;
  head.method = word >> 28U;
  const std::size_t width = is_64 ? 8 : 4;
  head.bytes = kHeadBytes + head.count * width;
  if (head.count == 0 || head.count > kMostDescriptors || bytes.size() < head.bytes) return false;
  if (head.stored == 0 || head.stored > kMostStored) return false;
  head.pages = 0;
  for (unsigned i = 0; i < head.count; ++i) {
    const Descriptor d = DescriptorAt(bytes.data() + kHeadBytes + i * width, is_64);
    head.descriptors[i] = d;
    head.pages += d.pages;
    if (d.frame >= PageIndex::kFrames - d.pages) return false;
  }
  return head.pages <= kMostSetPages && head.stored <= head.pages * kPageBytes;
}

class Walk {
 public:
  Walk(Peeker& file, const Section& section, Body& body)
      : file_(file), section_(section), body_(body), at_(section.begin) {}

  SectionResult Run() {
    result_.begins_with_zeros =
        TryLoad<std::uint32_t>(file_.At(at_, kHeadBytes), 0) == std::uint32_t{0};
    std::uint64_t from = at_;  // where the search for a lost chain begins
    while (!Complete()) {
      Head head;
      if (HeadAt(at_, head)) {
        if (!Take(head)) break;  // no room for more
        from = at_ + head.bytes + 1;
        at_ += head.Length();
        continue;
      }
      if (!section_.pages) break;  // this is where the sets end
      const auto found = FindChain(from);
      if (!found) break;
      ++result_.gaps;
      at_ = *found;
    }
    result_.end = at_;
    return result_;
  }

 private:
  bool Complete() const { return section_.pages && result_.pages >= *section_.pages; }

  // A set that would reach over the section's end is cut off, and is no set.
  bool HeadAt(std::uint64_t at, Head& head) {
    if (at >= section_.limit) return false;
    const auto bytes = file_.Ahead(at, kMostHeadBytes);
    return ParseHead(bytes, section_.is_64, head) && head.Length() <= section_.limit - at;
  }

  bool OverAt(std::uint64_t at) {
    const auto word = TryLoad<std::uint32_t>(file_.At(at, kHeadBytes), 0);
    return at >= section_.limit || word.value_or(0) == 0;
  }

  bool Take(const Head& head) {
    auto position = static_cast<std::uint32_t>(body_.sets.Pages());
    if (!body_.sets.Add(FileOffset(at_ + head.bytes), head.stored, head.pages, head.method)) {
      return false;
    }
    for (unsigned i = 0; i < head.count; ++i) {
      const Descriptor& d = head.descriptors[i];
      AppendRun(body_.runs, {d.frame, position, d.pages});
      position += d.pages;
    }
    ++result_.sets;
    result_.pages += head.pages;
    return true;
  }

  // A chain that is long enough, or that ends where the section ends with no more than one set
  // missing.
  bool IsChain(std::uint64_t at) {
    std::uint64_t pages = result_.pages;
    Head head;
    for (unsigned sets = 0; sets < kChain; ++sets) {
      if (!HeadAt(at, head)) {
        const bool over = sets > 0 && OverAt(at) && pages < *section_.pages;
        return over && *section_.pages - pages <= kMostSetPages;
      }
      at += head.Length();
      pages += head.pages;
    }
    return true;
  }

  std::optional<std::uint64_t> FindChain(std::uint64_t from) {
    const std::uint64_t end = std::min(section_.limit, from + kReach);
    for (std::uint64_t at = from; at < end && !file_.Fault(); ++at) {
      if (IsChain(at)) return at;
    }
    return std::nullopt;
  }

  Peeker& file_;
  const Section& section_;
  Body& body_;
  std::uint64_t at_;
  SectionResult result_;
};

}  // namespace

SectionResult ReadSection(Peeker& file, const Section& section, Body& body) {
  return Walk(file, section, body).Run();
}

}  // namespace v2p::hiberfil

// Address translation as the manuals tell it, with no table of modes and no cleverness.
// Sources: Intel SDM volume 3A chapter 4 (32-bit, PAE, 4-level and 5-level paging); Arm ARM D8
// (VMSAv8-64, 4 KiB granule).
// SPDX-License-Identifier: Apache-2.0
#include "support/plain_translator.h"

namespace v2p::test {
namespace {

std::uint64_t Field(std::uint64_t value, int high, int low) {
  std::uint64_t result = 0;
  for (int bit = high; bit >= low; --bit) result = result * 2 + (value >> bit) % 2;
  return result;
}

bool AnySet(std::uint64_t value, int high, int low) { return Field(value, high, low) != 0; }

// Reads the next entry into the walk; false (and an ending) when it cannot be had or is not
// present.
bool Next(PlainWalk& walk, const PlainRead& read, std::uint64_t at, unsigned bytes) {
  const auto value = read(at, bytes);
  walk.entries.emplace_back(at, value.value_or(0));
  if (!value) {
    walk.ending = "table-not-in-image";
  } else if (*value % 2 == 0) {
    walk.ending = "not-present";
  }
  return walk.ending.empty();
}

PlainWalk Done(PlainWalk walk, std::uint64_t pa, std::uint64_t page) {
  walk.ending = "mapped";
  walk.pa = pa;
  walk.page = page;
  return walk;
}

PlainWalk Refuse(PlainWalk walk, const char* ending) {
  walk.ending = ending;
  return walk;
}

bool Fits32(std::uint64_t va) {
  const std::uint64_t high = Field(va, 63, 32);
  return high == 0 || (high == 0xffffffff && Field(va, 31, 31) == 1);
}

PlainWalk X86(const PlainRead& read, std::uint64_t cr3, std::uint64_t va) {
  PlainWalk walk;
  walk.root = Field(cr3, 31, 12) * 4096;
  if (!Fits32(va)) return Refuse(walk, "non-canonical");
  if (!Next(walk, read, walk.root + Field(va, 31, 22) * 4, 4)) return walk;
  const std::uint64_t pde = walk.entries.back().second;
  if (Field(pde, 7, 7) == 1) {
    if (Field(pde, 21, 21) == 1) return Refuse(walk, "reserved-bits");
    const std::uint64_t frame = Field(pde, 20, 13) * 0x100000000 + Field(pde, 31, 22) * 0x400000;
    return Done(walk, frame + Field(va, 21, 0), 0x400000);
  }
  if (!Next(walk, read, Field(pde, 31, 12) * 4096 + Field(va, 21, 12) * 4, 4)) return walk;
  return Done(walk, Field(walk.entries.back().second, 31, 12) * 4096 + Field(va, 11, 0), 4096);
}

PlainWalk Pae(const PlainRead& read, std::uint64_t cr3, std::uint64_t va) {
  PlainWalk walk;
  walk.root = Field(cr3, 31, 5) * 32;
  if (!Fits32(va)) return Refuse(walk, "non-canonical");
  if (!Next(walk, read, walk.root + Field(va, 31, 30) * 8, 8)) return walk;
  const std::uint64_t pdpte = walk.entries.back().second;
  // Bit 5 is reserved by the manual, but emulators set it and go on.
  if (AnySet(pdpte, 2, 1) || AnySet(pdpte, 8, 6) || AnySet(pdpte, 63, 52)) {
    return Refuse(walk, "reserved-bits");
  }
  if (!Next(walk, read, Field(pdpte, 51, 12) * 4096 + Field(va, 29, 21) * 8, 8)) return walk;
  const std::uint64_t pde = walk.entries.back().second;
  if (AnySet(pde, 62, 52)) return Refuse(walk, "reserved-bits");
  if (Field(pde, 7, 7) == 1) {
    if (AnySet(pde, 20, 13)) return Refuse(walk, "reserved-bits");
    return Done(walk, Field(pde, 51, 21) * 0x200000 + Field(va, 20, 0), 0x200000);
  }
  if (!Next(walk, read, Field(pde, 51, 12) * 4096 + Field(va, 20, 12) * 8, 8)) return walk;
  const std::uint64_t pte = walk.entries.back().second;
  if (AnySet(pte, 62, 52)) return Refuse(walk, "reserved-bits");
  return Done(walk, Field(pte, 51, 12) * 4096 + Field(va, 11, 0), 4096);
}

PlainWalk X64(const PlainRead& read, std::uint64_t cr3, std::uint64_t va, bool five_levels) {
  PlainWalk walk;
  walk.root = Field(cr3, 51, 12) * 4096;
  const int sign = five_levels ? 56 : 47;
  for (int bit = sign; bit < 64; ++bit) {
    if (Field(va, bit, bit) != Field(va, sign, sign)) return Refuse(walk, "non-canonical");
  }
  std::uint64_t table = walk.root;
  if (five_levels) {
    if (!Next(walk, read, table + Field(va, 56, 48) * 8, 8)) return walk;
    if (Field(walk.entries.back().second, 7, 7) == 1) return Refuse(walk, "reserved-bits");
    table = Field(walk.entries.back().second, 51, 12) * 4096;
  }
  if (!Next(walk, read, table + Field(va, 47, 39) * 8, 8)) return walk;
  const std::uint64_t pml4e = walk.entries.back().second;
  if (Field(pml4e, 7, 7) == 1) return Refuse(walk, "reserved-bits");

  if (!Next(walk, read, Field(pml4e, 51, 12) * 4096 + Field(va, 38, 30) * 8, 8)) return walk;
  const std::uint64_t pdpte = walk.entries.back().second;
  if (Field(pdpte, 7, 7) == 1) {
    if (AnySet(pdpte, 29, 13)) return Refuse(walk, "reserved-bits");
    return Done(walk, Field(pdpte, 51, 30) * 0x40000000 + Field(va, 29, 0), 0x40000000);
  }
  if (!Next(walk, read, Field(pdpte, 51, 12) * 4096 + Field(va, 29, 21) * 8, 8)) return walk;
  const std::uint64_t pde = walk.entries.back().second;
  if (Field(pde, 7, 7) == 1) {
    if (AnySet(pde, 20, 13)) return Refuse(walk, "reserved-bits");
    return Done(walk, Field(pde, 51, 21) * 0x200000 + Field(va, 20, 0), 0x200000);
  }
  if (!Next(walk, read, Field(pde, 51, 12) * 4096 + Field(va, 20, 12) * 8, 8)) return walk;
  return Done(walk, Field(walk.entries.back().second, 51, 12) * 4096 + Field(va, 11, 0), 4096);
}

// Level 0 first. Descriptor bit 1 clear: a block, which levels 0 and 3 cannot have.
PlainWalk Arm64(const PlainRead& read, std::uint64_t ttbr0, std::optional<std::uint64_t> ttbr1,
                std::uint64_t va) {
  PlainWalk walk;
  const bool upper = Field(va, 55, 55) == 1;
  walk.root = Field(upper && ttbr1 ? *ttbr1 : ttbr0, 47, 12) * 4096;
  // One root for both halves is how Windows runs, with 47 bits and a sign.
  const int lowest_sign = ttbr1 ? 48 : 47;
  for (int bit = lowest_sign; bit < 64; ++bit) {
    if (Field(va, bit, bit) != Field(va, 63, 63)) return Refuse(walk, "non-canonical");
  }
  std::uint64_t table = walk.root;
  for (int level = 0; level < 4; ++level) {
    const int low = 39 - 9 * level;
    if (!Next(walk, read, table + Field(va, low + 8, low) * 8, 8)) return walk;
    const std::uint64_t descriptor = walk.entries.back().second;
    const std::uint64_t page = std::uint64_t{1} << low;
    const bool block = Field(descriptor, 1, 1) == 0;
    if (block && (level == 0 || level == 3)) return Refuse(walk, "reserved-bits");
    if (block && AnySet(descriptor, low - 1, 12)) return Refuse(walk, "reserved-bits");
    if (block || level == 3) {
      return Done(walk, Field(descriptor, 47, low) * page + Field(va, low - 1, 0), page);
    }
    table = Field(descriptor, 47, 12) * 4096;
  }
  return walk;
}

}  // namespace

PlainWalk PlainTranslate(const std::string& mode, const PlainRead& read, std::uint64_t dtb,
                         std::optional<std::uint64_t> ttbr1, std::uint64_t va) {
  if (mode == "x86") return X86(read, dtb, va);
  if (mode == "pae") return Pae(read, dtb, va);
  if (mode == "arm64") return Arm64(read, dtb, ttbr1, va);
  return X64(read, dtb, va, mode == "x64-la57");
}

}  // namespace v2p::test

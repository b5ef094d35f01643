// The page table vectors of libkdumpfile's own tests (addrxlat-*, LGPL: read from the corpus, never
// kept here): tables with their root at 0, addresses with their translations, and some with none.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <sstream>

#include "support/corpus.h"
#include "support/sparse_memory.h"
#include "support/tar.h"
#include "translate/address_space.h"
#include "translate/walk.h"

namespace v2p::test {
namespace {

std::uint64_t Hex(const std::string& text) { return std::stoull(text, nullptr, 16); }

struct Script {
  SparseMemory memory;
  std::vector<std::pair<std::uint64_t, std::optional<std::uint64_t>>> addresses;
};

Script Parse(const std::string& text, unsigned entry_bytes) {
  static const std::regex kEntry("-e (0x[0-9a-f]+):(0x[0-9a-f]+)");
  static const std::regex kAddress("(0x[0-9a-f]+)(:(0x[0-9a-f]+))?");
  Script script;
  std::istringstream lines(text);
  const auto each = [](const std::string& line, const std::regex& pattern, auto use) {
    for (std::sregex_iterator it(line.begin(), line.end(), pattern), end; it != end; ++it) use(*it);
  };
  for (std::string line; std::getline(lines, line);) {
    line = line.substr(0, line.find('#'));
    if (line.starts_with("list=")) {
      each(line, kAddress, [&](const std::smatch& m) {
        script.addresses.emplace_back(Hex(m[1]),
                                      m[3].matched ? std::optional(Hex(m[3])) : std::nullopt);
      });
      continue;
    }
    each(line, kEntry, [&](const std::smatch& m) {
      if (entry_bytes == 4) {
        script.memory.Put32(Hex(m[1]), static_cast<std::uint32_t>(Hex(m[2])));
      } else {
        script.memory.Put64(Hex(m[1]), Hex(m[2]));
      }
    });
  }
  return script;
}

void ClearPdpteRights(SparseMemory& memory) {
  for (std::uint64_t at = 0; at < 32; at += 8) {
    memory.Put64(at, memory.Get(at, 8).value() & ~std::uint64_t{0x1e6});
  }
}

struct Case {
  const char* file;
  ModeName mode;
};

// libaddrxlat tests no reserved bits and its vectors have some: one PML4E has PS set, and all
// PDPTEs of PAE have rights. These walks must end as reserved-bits, those of PAE must go on
// without.
constexpr std::uint64_t kReservedInVector = 0xff1123456789abcd;

TEST(KdumpfileVectors, Addrxlat) {
  V2P_CORPUS_FILE(path, "other/libkdumpfile_vectors.tar");
  const auto members = ReadTar(path);
  const Case cases[] = {
      {"ia32", ModeName::kX86},
      {"ia32-pae", ModeName::kPae},
      {"x86_64-4l", ModeName::kX64},
      {"x86_64-5l", ModeName::kX64La57},
      {"aarch64-4k", ModeName::kArm64},
      {"invalid-ia32", ModeName::kX86},
      {"invalid-ia32-pae", ModeName::kPae},
      {"invalid-x86_64", ModeName::kX64},
      {"invalid-aarch64-4k", ModeName::kArm64},
  };
  std::size_t mapped = 0;
  std::size_t refused = 0;
  for (const Case& test : cases) {
    SCOPED_TRACE(test.file);
    Script script =
        Parse(members.at("addrxlat-" + std::string(test.file)), Mode(test.mode).entry_bytes);
    if (test.mode == ModeName::kPae) {
      const auto as_given = script.memory.Build();
      const Walk walk =
          AddressSpace(*as_given, {.mode = ModeName::kPae, .dtb = 0}).Translate(VirtAddr(0x123));
      EXPECT_EQ(walk.status, WalkStatus::kReservedBits);
      ClearPdpteRights(script.memory);
    }
    const auto memory = script.memory.Build();
    AddressSpaceSpec spec{.mode = test.mode, .dtb = 0};
    if (test.mode == ModeName::kArm64) spec.ttbr1 = 0;
    const AddressSpace space(*memory, spec);
    ASSERT_FALSE(script.addresses.empty());
    for (const auto& [va, pa] : script.addresses) {
      const Walk walk = space.Translate(VirtAddr(va));
      if (va == kReservedInVector) {
        EXPECT_EQ(walk.status, WalkStatus::kReservedBits);
        EXPECT_EQ(walk.step_count, 2);
        continue;
      }
      EXPECT_EQ(walk.Mapped(), pa.has_value()) << std::hex << va;
      if (pa) {
        EXPECT_EQ(walk.pa.value, *pa) << std::hex << va;
      }
      ++(pa ? mapped : refused);
    }
  }
  EXPECT_EQ(mapped, 30U);
  EXPECT_EQ(refused, 11U);
}

}  // namespace
}  // namespace v2p::test

// Images made to waste the locator's time or memory, on the ground of synthetic ones
// (tests/support/windows_image.*). They end soon, whatever the answer.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>

#include "support/findings_checks.h"
#include "support/layout.h"
#include "support/repeated_memory.h"
#include "support/windows_image.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kTable = 0x63;
constexpr std::uint64_t kSharedDataSlot = 0x1EF, kKernelSlot = 0x1F0;

// Generous: sanitizers and busy machines included.
class Clock {
 public:
  ~Clock() {
    const auto spent = std::chrono::steady_clock::now() - began_;
    EXPECT_LT(std::chrono::duration<double>(spent).count(), 20.0);
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

// A root at `root` whose table of shared data is `shared` and whose kernel's is `kernel`.
void PutRoot(SparseMemory& memory, std::uint64_t root, std::uint64_t slot, std::uint64_t shared,
             std::uint64_t kernel) {
  memory.Put64(root + 8 * slot, root | kTable);
  memory.Put64(root + 8 * kSharedDataSlot, shared | kTable);
  memory.Put64(root + 8 * kKernelSlot, kernel | kTable);
}

// Three tables that lead from slot 0x1EF to a page of shared data.
std::uint64_t PutSharedData(SparseMemory& memory, std::uint64_t at) {
  for (std::uint64_t level = 0; level < 3; ++level) {
    memory.Put64(at + level * kGuestPage, (at + (level + 1) * kGuestPage) | kTable);
  }
  memory.PutBytes(at + 3 * kGuestPage, SharedDataPage(ModeName::kX64, 19041, 0));
  return at;
}

constexpr std::uint64_t kShared = 0x200000, kKernel = 0x300000;

// A table all entries of which name itself: 512 GiB of it, every page of which is its own bytes.
void PutTableOfItself(SparseMemory& memory) {
  for (std::uint64_t i = 0; i < 512; ++i) memory.Put64(kKernel + 8 * i, kKernel | kTable);
}

TEST(WindowsHostile, KernelTableOfItself) {
  const Clock clock;
  SparseMemory memory;
  PutSharedData(memory, kShared);
  PutTableOfItself(memory);
  for (std::uint64_t i = 0; i < 16; ++i) {
    PutRoot(memory, 0x400000 + i * kGuestPage, 0x110 + i, kShared, kKernel);
  }
  const Findings findings = LocateWhole(*memory.Build());
  ASSERT_EQ(findings.systems.size(), 16U);
  for (const System& system : findings.systems) {
    EXPECT_EQ(system.kernel_base, std::nullopt);
    EXPECT_NE(system.kernel.TheStanding(), Standing::kVerified);
  }
}

// Every tenth page begins as a kernel does, with exports without end.
TEST(WindowsHostile, KernelsWithoutEnd) {
  constexpr std::uint64_t kTables = 64;
  const Clock clock;
  SparseMemory memory;
  PutSharedData(memory, kShared);
  KernelFileOptions options;
  options.name = "nobody.exe";
  options.symbols = "nobody.pdb";
  KernelFile file = MakeKernelFile(options);
  const Layout layout("windows_kernel");
  const std::size_t exports = KernelFile::kExportsAt;
  layout.Put(file.bytes, exports, "export.NumberOfNames", 0xFFFF'FFFF);
  for (std::uint64_t i = 0; i < 512; ++i) {
    memory.Put64(kKernel + 8 * i, (kKernel + 0x1000) | kTable);
    memory.Put64(kKernel + 0x1000 + 8 * i,
                 (kKernel + 0x100000 + i % kTables * kGuestPage) | kTable);
    for (std::uint64_t t = 0; t < kTables; ++t) {
      const std::uint64_t table = kKernel + 0x100000 + t * kGuestPage;
      memory.Put64(table + 8 * i, (kKernel + 0x10000 + i % 10 * kGuestPage) | kTable);
    }
  }
  memory.PutBytes(kKernel + 0x10000, file.bytes);
  for (std::uint64_t i = 0; i < 16; ++i) {
    PutRoot(memory, 0x600000 + i * kGuestPage, 0x110 + i, kShared, kKernel);
  }
  const Findings findings = LocateWhole(*memory.Build());
  EXPECT_EQ(findings.systems.size(), 16U);
  for (const System& system : findings.systems) EXPECT_EQ(system.kernel_base, std::nullopt);
}

// A root that costs much and is none, in every round of the scan.
TEST(WindowsHostile, ADecoyEverySixtyFourMiB) {
  const Clock clock;
  SparseMemory memory;
  PutSharedData(memory, kShared);
  PutTableOfItself(memory);
  for (std::uint64_t i = 1; i <= 300; ++i) {
    PutRoot(memory, i << 26U, 0x110 + i % 0xC0, kShared, kKernel);
  }
  const Findings findings = Locate(*memory.Build(), ImageFacts{});
  EXPECT_TRUE(findings.whole_image);
}

TEST(WindowsHostile, ThousandsOfSystems) {
  const Clock clock;
  SparseMemory memory;
  PutSharedData(memory, kShared);
  memory.AddPage(kKernel);
  for (std::uint64_t i = 0; i < 4096; ++i) {
    const std::uint64_t root = 0x1000000 + i * kGuestPage;
    PutRoot(memory, root, 0x100 + i % 0xE0, kShared, kKernel + i % 7 * kGuestPage);
  }
  const Findings findings = LocateWhole(*memory.Build());
  EXPECT_LE(findings.candidates.size(), 64U * 256 + 64);
  for (const System& system : findings.systems) {
    EXPECT_NE(system.kernel.TheStanding(), Standing::kVerified);
  }
}

// A page full of objects that look like processes, sixteen thousand times: more than are kept.
TEST(WindowsHostile, AMillionProcesses) {
  const Clock clock;
  const std::size_t step = 0x40;
  Blob page(0x1000);
  for (std::size_t at = 0; at + step <= page.size(); at += step) {
    const std::uint64_t va = 0xFFFF'9000'0000'0000 + at;
    PutLe(page, at, 8, 3);
    PutLe(page, at + 8, 8, va + 8);
    PutLe(page, at + 0x10, 8, va + 8);
    PutLe(page, at + 0x18, 8, va + 0x18);
    PutLe(page, at + 0x20, 8, va + 0x18);
    PutLe(page, at + 0x28, 8, 0x1000);
  }
  const auto memory = RepeatedMemory(page, 1U << 14U);
  LocateOptions options;
  options.processes = true;
  const Findings findings = Locate(*memory, ImageFacts{}, options);
  EXPECT_TRUE(findings.systems.empty());
}

}  // namespace
}  // namespace v2p::test

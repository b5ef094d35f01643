// More process objects and longer lists than any system has: time and memory stay bounded, and what
// is real is found among what is forged. Synthetic images.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "base/bytes.h"
#include "locate/process_list.h"
#include "locate/system_object.h"
#include "support/guest_tables.h"
#include "support/process_checks.h"
#include "support/windows_objects.h"

namespace v2p::test {
namespace {

constexpr ModeName kMode = ModeName::kX64;
constexpr std::uint64_t kLinksAt = 0x448;  // of 19041: testdata/layouts

// Pages of kernel memory beside what the image has, one after another in both spaces.
class MoreKernel {
 public:
  explicit MoreKernel(WindowsImage& image)
      : image_(image),
        frames_(77, 0x5000'0000, 0x6000'0000),
        tables_(image.memory, frames_, {kMode}, image.root) {}

  // Where a page that holds `bytes` is mapped.
  void AddPage(std::uint64_t va, std::span<const std::byte> bytes) {
    const std::uint64_t pa = next_;
    next_ += kGuestPage;
    tables_.Map(va, pa, PageUse::kKernelData);
    image_.memory.PutBytes(pa, bytes);
  }

 private:
  WindowsImage& image_;
  FrameSource frames_;
  GuestTables tables_;
  std::uint64_t next_ = 0x4000'0000;
};

// The first bytes of a process object, all that the signature asks for.
void PutSignature(std::span<std::byte> page, std::size_t at, std::uint64_t va) {
  StoreLe(page.data() + at, std::uint64_t{3});
  StoreLe(page.data() + at + 0x08, va + 8);
  StoreLe(page.data() + at + 0x10, va + 8);
  StoreLe(page.data() + at + 0x18, va + 0x18);
  StoreLe(page.data() + at + 0x20, va + 0x18);
  StoreLe(page.data() + at + 0x28, std::uint64_t{0x7B6000});
}

WindowsImage Usual() {
  WindowsRecipe recipe;
  recipe.processes = UsualProcesses();
  return BuildWindows(recipe);
}

System Listed(const WindowsImage& image) {
  Findings findings = ListWhole(*image.memory.Build());
  EXPECT_EQ(findings.systems.size(), 1U);
  return findings.systems.empty() ? System{} : findings.systems[0];
}

// Objects of nothing but the signature, mapped where they say: more than a sighting's limit.
TEST(HostileProcesses, SignaturesWithoutFields) {
  WindowsImage image = Usual();
  MoreKernel more(image);
  std::size_t count = 0;
  for (std::uint64_t va = 0xFFFF'A000'0000'0000; count < Sightings::kMostOfAKind + 1000;
       va += kGuestPage) {
    std::vector<std::byte> page(kGuestPage);
    for (std::size_t at = 0; at + 0x30 <= page.size(); at += 0x30, ++count) {
      PutSignature(page, at, va + at);
    }
    more.AddPage(va, page);
  }
  const System system = Listed(image);
  EXPECT_EQ(OffsetSources(system), "derived = table");
  for (const BuiltProcess& built : image.processes) {
    EXPECT_EQ(ProcessAt(system, built.object).linkage, Linkage::kLinked);
  }
  EXPECT_LE(system.processes.size(), 13U);
  EXPECT_NE(Notes(system).find("look like processes but have no PID"), std::string::npos);
  EXPECT_NE(Notes(system).find("objects were left out"), std::string::npos);
}

// Whole objects, each with a PID, a name and links, that are in no list: shown as hidden.
TEST(HostileProcesses, WholeForgedObjects) {
  constexpr std::size_t kForged = 4000;
  WindowsImage image = Usual();
  MoreKernel more(image);
  const ProcessLayout layout(kMode, "19041");
  std::mt19937_64 random(5);
  for (std::size_t i = 0; i < kForged; ++i) {
    const std::uint64_t va = 0xFFFF'A000'0000'0000 + i * kGuestPage;
    BuiltProcess forged;
    forged.recipe = {"forged.exe", 0x10000 + 4 * i, 4, false};
    forged.object = va;
    forged.create_time = kBootTime + i;
    Blob bytes = layout.Make(forged, image.processes[1].root, 0, 0, 1, random);
    StoreLe(bytes.data() + kLinksAt, image.processes[1].object + kLinksAt);
    StoreLe(bytes.data() + kLinksAt + 8, image.processes[1].object + kLinksAt);
    more.AddPage(va, bytes);
  }
  const System system = Listed(image);
  EXPECT_EQ(system.processes.size(), kForged + 13);
  const auto hidden = std::count_if(system.processes.begin(), system.processes.end(),
                                    [](const Process& p) { return p.linkage == Linkage::kHidden; });
  EXPECT_EQ(static_cast<std::size_t>(hidden), kForged);
  const Process& real = ProcessAt(system, image.processes[1].object);
  EXPECT_EQ(real.root_state, RootState::kOk) << "a listed process keeps its root";
  EXPECT_EQ(ProcessAt(system, 0xFFFF'A000'0000'0000).root_state, RootState::kRecycled);
}

// A list of elements sixteen bytes apart, longer than the limit.
TEST(HostileProcesses, ListWithoutEnd) {
  WindowsImage image = Usual();
  MoreKernel more(image);
  constexpr std::uint64_t kFirst = 0xFFFF'A000'0000'0000;
  const std::size_t elements = kMostListed + 5000;
  for (std::uint64_t page_va = kFirst; page_va < kFirst + elements * 16 + kGuestPage;
       page_va += kGuestPage) {
    std::vector<std::byte> page(kGuestPage);
    for (std::size_t at = 0; at < page.size(); at += 16) {
      StoreLe(page.data() + at, page_va + at + 16);
      page[at + 8] = std::byte{3};  // the type of the object whose links are 0x448 behind
    }
    more.AddPage(page_va, page);
  }
  KernelEditor(image, kMode).Put64(image.processes.back().object + kLinksAt, kFirst + kGuestPage);
  const System system = Listed(image);
  for (const BuiltProcess& built : image.processes) {
    EXPECT_EQ(ProcessAt(system, built.object).linkage, Linkage::kLinked);
  }
  EXPECT_LE(system.processes.size(), kMostListed + 13);
  EXPECT_NE(Notes(system).find("forward: too long, left at"), std::string::npos);
}

// Objects full of noise of every seed neither crash anything nor count as processes.
TEST(HostileProcesses, NoiseInObjects) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    WindowsImage image = Usual();
    std::mt19937_64 random(seed);
    for (const BuiltProcess& built : image.processes) {
      const std::uint64_t page = built.object_at & ~(kGuestPage - 1);
      for (unsigned i = 0; i < seed; ++i) {
        image.memory.Put64(page + random() % 512 * 8, random() % 3 == 0 ? random() : random() % 16);
      }
    }
    const Findings findings = ListWhole(*image.memory.Build());
    for (const System& system : findings.systems) {
      EXPECT_LE(system.processes.size(), image.processes.size() + 1) << seed;
    }
  }
}

}  // namespace
}  // namespace v2p::test

// Lists of processes that are broken, forged or hidden from, in synthetic images of
// tests/support/windows_image.*; what is expected is what was done to them.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>

#include "support/findings_checks.h"
#include "support/process_checks.h"

namespace v2p::test {
namespace {

constexpr std::uint64_t kLinksAt = 0x448, kNameAt = 0x5A8;  // of 19041 x64: testdata/layouts

WindowsRecipe Recipe() {
  WindowsRecipe recipe;
  recipe.processes = UsualProcesses();
  return recipe;
}

System ListedIn(const WindowsImage& image, const ImageFacts& facts = {}) {
  Findings findings = ListWhole(*image.memory.Build(), facts);
  EXPECT_EQ(findings.systems.size(), 1U);
  return findings.systems.empty() ? System{} : findings.systems[0];
}

std::map<Linkage, std::size_t> CountLinkage(const System& system) {
  std::map<Linkage, std::size_t> count;
  for (const Process& p : system.processes) ++count[p.linkage];
  return count;
}

TEST(ProcessCases, HiddenProcessWhoseLinksLeadToItself) {
  WindowsRecipe recipe = Recipe();
  recipe.processes.push_back({"rootkit.exe", 0x1700, 0x2F4, false});
  WindowsImage image = BuildWindows(recipe);
  KernelEditor editor(image, recipe.mode);
  const std::uint64_t links = image.processes.back().object + kLinksAt;
  editor.Put64(links, links);
  editor.Put64(links + 8, links);
  const System system = ListedIn(image);
  const Process& hidden = ProcessAt(system, image.processes.back().object);
  EXPECT_EQ(hidden.linkage, Linkage::kHidden);
  EXPECT_EQ(hidden.name, "rootkit.exe");
  EXPECT_EQ(CountLinkage(system)[Linkage::kLinked], 12U);
  EXPECT_EQ(Notes(system), "");
}

// A page in the middle of the list is absent: the list ends there from both sides, and nobody can
// say of an object that it is hidden.
TEST(ProcessCases, ListWithAMissingPage) {
  WindowsRecipe recipe = Recipe();
  recipe.processes.push_back({"rootkit.exe", 0x1700, 0x2F4, false});
  WindowsImage image = BuildWindows(recipe);
  KernelEditor editor(image, recipe.mode);
  const BuiltProcess& gone = image.processes[5];
  image.memory.RemovePage(editor.At(gone.object + kLinksAt));
  const System system = ListedIn(image);
  EXPECT_FALSE(HasProcess(system, gone.object)) << "its PID is on the same page";
  EXPECT_EQ(CountLinkage(system)[Linkage::kLinked], 11U);
  EXPECT_EQ(ProcessAt(system, image.processes.back().object).linkage, Linkage::kUnknown);
  EXPECT_NE(Notes(system).find("forward: cannot be read behind"), std::string::npos);
  EXPECT_NE(Notes(system).find("backward: cannot be read behind"), std::string::npos);
  EXPECT_NE(Notes(system).find("1 objects could not be read"), std::string::npos);
}

// Two pages are absent: what lies between is reached from neither side, but its neighbours in
// memory point at it.
TEST(ProcessCases, PartOfAListBetweenMissingPages) {
  WindowsImage image = BuildWindows(Recipe());
  KernelEditor editor(image, ModeName::kX64);
  for (const std::size_t i : {std::size_t{3}, std::size_t{9}}) {
    image.memory.RemovePage(editor.At(image.processes[i].object + kLinksAt));
  }
  const System system = ListedIn(image);
  for (std::size_t i = 5; i <= 7; ++i) {
    EXPECT_EQ(ProcessAt(system, image.processes[i].object).linkage, Linkage::kLinked) << i;
  }
}

TEST(ProcessCases, CircleThatLeavesOutSystem) {
  WindowsImage image = BuildWindows(Recipe());
  KernelEditor editor(image, ModeName::kX64);
  editor.Put64(image.processes[6].object + kLinksAt, image.processes[4].object + kLinksAt);
  const System system = ListedIn(image);
  EXPECT_EQ(CountLinkage(system)[Linkage::kLinked], 12U) << "backward the list is whole";
  EXPECT_NE(Notes(system).find("forward: runs in a circle at"), std::string::npos);
}

TEST(ProcessCases, LinkedInOneDirectionOnly) {
  WindowsImage image = BuildWindows(Recipe());
  KernelEditor editor(image, ModeName::kX64);
  editor.Put64(image.processes[4].object + kLinksAt, image.processes[6].object + kLinksAt);
  const System system = ListedIn(image);
  EXPECT_EQ(CountLinkage(system)[Linkage::kLinked], 12U);
  EXPECT_EQ(Notes(system), "1 processes are linked in one direction only\n");
}

TEST(ProcessCases, LinkToItselfAndLinkToTheUser) {
  for (const bool self : {true, false}) {
    WindowsImage image = BuildWindows(Recipe());
    KernelEditor editor(image, ModeName::kX64);
    const std::uint64_t links = image.processes[4].object + kLinksAt;
    editor.Put64(links, self ? links : 0x7FF6'1234'5678);
    const System system = ListedIn(image);
    EXPECT_EQ(CountLinkage(system)[Linkage::kLinked], 12U);
    EXPECT_NE(Notes(system).find(self ? "forward: runs in a circle" : "forward: broken at"),
              std::string::npos);
  }
}

// Names are bytes of the image: kept as they are, and no reason to doubt the offset.
TEST(ProcessCases, NamesOfControlCharactersAndFullLength) {
  WindowsRecipe recipe = Recipe();
  recipe.processes[3].name = "\x1b[2J\x07\r\n\t\xff\x80";
  recipe.processes[4].name = "fifteen-bytes!!";
  recipe.processes[5].name = "";
  WindowsImage image = BuildWindows(recipe);
  KernelEditor editor(image, recipe.mode);
  // The byte behind the name is another field.
  image.memory.PutBytes(editor.At(image.processes[5].object + kNameAt + 15),
                        std::vector{std::byte{'X'}});
  const System system = ListedIn(image);
  EXPECT_EQ(OffsetSources(system), "derived = table");
  EXPECT_EQ(ProcessAt(system, image.processes[4].object).name, recipe.processes[3].name);
  EXPECT_EQ(ProcessAt(system, image.processes[5].object).name, "fifteen-bytes!!");
  EXPECT_EQ(ProcessAt(system, image.processes[6].object).name, "");
}

// A copy of an object's page, as crash dumps and guests leave them: not where it says.
TEST(ProcessCases, CopiesAreNoProcesses) {
  WindowsImage image = BuildWindows(Recipe());
  const std::uint64_t page = image.processes[3].object_at & ~0xFFFULL;
  std::vector<std::byte> copy(image.memory.PageAt(page), image.memory.PageAt(page) + 0x1000);
  for (std::uint64_t at = 0x3F00'0000; at < 0x3F01'0000; at += 0x1000) {
    image.memory.PutBytes(at, copy);
  }
  const System system = ListedIn(image);
  EXPECT_EQ(system.processes.size(), 13U);
  EXPECT_EQ(Notes(system), "");
}

TEST(ProcessCases, FewProcesses) {
  for (const std::size_t others : {std::size_t{0}, std::size_t{1}}) {
    WindowsRecipe recipe = Recipe();
    recipe.processes.resize(others);
    const WindowsImage image = BuildWindows(recipe);
    const System system = ListedIn(image);
    EXPECT_EQ(system.processes.size(), others + 2) << "and Idle";
    EXPECT_EQ(OffsetSources(system), others == 0 ? "table" : "derived = table");
    EXPECT_EQ(ProcessAt(system, image.System().object).name, "System");
    EXPECT_EQ(ProcessAt(system, image.System().object).create_time, image.System().create_time);
  }
}

TEST(ProcessCases, DebuggerDataAgrees) {
  WindowsRecipe recipe = Recipe();
  recipe.debugger_data = true;
  EXPECT_EQ(OffsetSources(ListedIn(BuildWindows(recipe))), "derived = table = debugger-data");
}

// A kernel without exports: the dump's header or KDBG name the head of the list.
TEST(ProcessCases, HeadOfTheListIsEnough) {
  for (const bool claimed : {true, false}) {
    WindowsRecipe recipe = Recipe();
    recipe.debugger_data = true;
    const WindowsImage image = BuildWindows(recipe);
    const auto memory = image.memory.Build();
    ImageFacts facts = FactsNaming(recipe.root, "header", recipe.mode);
    if (claimed) facts.windows.active_processes = image.process_head;
    if (!claimed) {
      facts.windows.debugger_data = image.places.kernel_base + KernelFile::kDebuggerDataAt;
    }
    Findings findings = WeighRoots(*memory, facts, ClaimedRoots(facts), false);
    ASSERT_EQ(findings.systems.size(), 1U);
    System& system = findings.systems[0];
    system.system_process.reset();
    const Sightings none;
    FindWindowsProcesses({memory.get(), &facts, &none, false, false}, system);
    EXPECT_EQ(system.processes.size(), 12U) << claimed;
    EXPECT_EQ(Notes(system), "");
  }
}

TEST(ProcessCases, NothingNamesSystem) {
  WindowsRecipe recipe = Recipe();
  recipe.kernel.exports = false;
  const WindowsImage image = BuildWindows(recipe);
  const System system = ListOnly(*image.memory.Build(), FactsNaming(recipe.root));
  EXPECT_TRUE(system.processes.empty());
  if (system.os == GuestOs::kWindows) {
    EXPECT_EQ(Notes(system), "processes: the System process was not found\n");
  }
  EXPECT_EQ(ListedIn(image).processes.size(), 13U) << "memory shows it";
}

}  // namespace
}  // namespace v2p::test

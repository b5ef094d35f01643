// Offsets of EPROCESS, derived without the table, against testdata/layouts/windows_process.tsv: a
// transcription apart from the table's. The objects are synthetic, full of values of every kind.
// SPDX-License-Identifier: Apache-2.0
#include "locate/eprocess_offsets.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "locate/eprocess_derivation.h"
#include "locate/system_object.h"
#include "support/corpus.h"
#include "support/process_checks.h"
#include "support/windows_eras.h"
#include "support/windows_image.h"
#include "support/windows_objects.h"

namespace v2p::test {
namespace {

// An image's kernel and objects as the room's readers see them.
class Objects {
 public:
  explicit Objects(const WindowsImage& image, ModeName mode)
      : image_(image),
        memory_(image.memory.Build()),
        reader_(*memory_, {mode, PhysAddr(image.root), std::nullopt}) {
    system_.kernel.root = reader_.TheRoot();
    system_.build = image.build;
    system_.kernel_base = VirtAddr(image.places.kernel_base);
    const Scene scene{memory_.get(), &facts_, &none_, false, false};
    context_ = MakeEprocessContext(scene, system_, reader_);
    for (const BuiltProcess& built : image.processes) Add(built.object);
    Add(image.idle.object);
  }

  void Add(std::uint64_t object) { objects_.emplace_back(reader_, VirtAddr(object)); }
  EprocessContext& Context() { return context_; }
  const std::vector<Eprocess>& All() const { return objects_; }
  const Eprocess& System() const { return objects_.front(); }
  EprocessOffsets Derive() const { return DeriveEprocessOffsets(context_, All(), &System()); }
  ChosenOffsets Choose(std::optional<v2p::DebuggerBlock> debugger = std::nullopt) const {
    return ChooseEprocessOffsets(context_, All(), All(), &System(), debugger);
  }

 private:
  const WindowsImage& image_;
  std::unique_ptr<PhysicalMemory> memory_;
  VirtualReader reader_;
  ImageFacts facts_;
  Sightings none_;
  v2p::System system_;
  EprocessContext context_;
  std::vector<Eprocess> objects_;
};

struct Named {
  std::uint16_t EprocessOffsets::*field;
  const char* name;
};
constexpr Named kFields[] = {
    {&EprocessOffsets::pid, "UniqueProcessId"},
    {&EprocessOffsets::links, "ActiveProcessLinks"},
    {&EprocessOffsets::create_time, "CreateTime"},
    {&EprocessOffsets::exit_time, "ExitTime"},
    {&EprocessOffsets::parent_pid, "InheritedFromUniqueProcessId"},
    {&EprocessOffsets::peb, "Peb"},
    {&EprocessOffsets::name, "ImageFileName"},
    {&EprocessOffsets::user_root, "UserDirectoryTableBase"},
};

WindowsRecipe RecipeOf(const Era& era, std::uint64_t seed = 1) {
  WindowsRecipe recipe;
  recipe.mode = era.mode;
  recipe.layout = era.layout;
  recipe.seed = seed;
  recipe.processes = UsualProcesses();
  recipe.processes[5].exited = true;
  recipe.shadows = ProcessLayout(era.mode, era.layout).Has("UserDirectoryTableBase");
  return recipe;
}

class EprocessOffsetsOf : public testing::TestWithParam<Era> {};

TEST_P(EprocessOffsetsOf, AreDerivedWithoutTheTable) {
  const ProcessLayout layout(GetParam().mode, GetParam().layout);
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const WindowsImage image = BuildWindows(RecipeOf(GetParam(), seed));
    const EprocessOffsets found = Objects(image, GetParam().mode).Derive();
    for (const Named& f : kFields) {
      if (!layout.Has(f.name)) continue;
      EXPECT_EQ(found.*f.field, layout.At(f.name)) << f.name << ", seed " << seed;
    }
  }
}

TEST_P(EprocessOffsetsOf, AreInTheTableOfTheBuild) {
  const ProcessLayout layout(GetParam().mode, GetParam().layout);
  const WindowsImage image = BuildWindows(RecipeOf(GetParam()));
  Objects objects(image, GetParam().mode);
  const EprocessRow* row = FittingRow(objects.Context(), {}, &objects.System());
  ASSERT_NE(row, nullptr);
  EXPECT_LE(row->first_build, image.build);
  EXPECT_GE(row->last_build, image.build);
  for (const Named& f : kFields) {
    if (!layout.Has(f.name)) continue;
    EXPECT_EQ(row->offsets.*f.field, layout.At(f.name)) << f.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Windows, EprocessOffsetsOf, testing::ValuesIn(kEras), NameOfEra);

constexpr Era k19041 = {ModeName::kX64, "19041"};

TEST(EprocessOffsets, ThreeSourcesAgree) {
  const WindowsImage image = BuildWindows(RecipeOf(k19041));
  const v2p::DebuggerBlock debugger = {0, 0x550, 0x540, 0x28};
  const ChosenOffsets chosen = Objects(image, k19041.mode).Choose(debugger);
  EXPECT_EQ(chosen.sources, "derived = table = debugger-data");
  EXPECT_TRUE(chosen.notes.empty());
}

TEST(EprocessOffsets, KdbgThatDisagreesIsNoted) {
  const WindowsImage image = BuildWindows(RecipeOf(k19041));
  const v2p::DebuggerBlock debugger = {0, 0x550, 0x548, 0x30};
  const ChosenOffsets chosen = Objects(image, k19041.mode).Choose(debugger);
  EXPECT_EQ(chosen.sources, "derived = table");
  EXPECT_EQ(chosen.offsets.parent_pid, 0x540);
  ASSERT_EQ(chosen.notes.size(), 2U);
  EXPECT_EQ(chosen.notes[0],
            "EPROCESS.InheritedFromUniqueProcessId is at 0x540 by derived, at 0x548 by KDBG");
  EXPECT_EQ(chosen.notes[1], "EPROCESS.DirectoryTableBase is at 0x28 by derived, at 0x30 by KDBG");
}

// The build says one layout, the objects have another: what is seen counts.
TEST(EprocessOffsets, TableThatDoesNotFitIsNoted) {
  const WindowsImage image = BuildWindows(RecipeOf(k19041));
  Objects objects(image, k19041.mode);
  objects.Context().build = 17763;
  const ChosenOffsets chosen = objects.Choose();
  EXPECT_EQ(chosen.offsets.pid, 0x440);
  EXPECT_EQ(chosen.sources, "derived = table of build 19041");
  ASSERT_EQ(chosen.notes.size(), 1U);
  EXPECT_EQ(chosen.notes[0], "the offsets published for build 17763 do not fit");
}

// A build that nobody has published: no note, and the row that fits is named.
TEST(EprocessOffsets, UnknownBuild) {
  const WindowsImage image = BuildWindows(RecipeOf(k19041));
  Objects objects(image, k19041.mode);
  objects.Context().build = 25000;
  const ChosenOffsets chosen = objects.Choose();
  EXPECT_EQ(chosen.sources, "derived = table of build 19041");
  EXPECT_TRUE(chosen.notes.empty());
}

TEST(EprocessOffsets, SystemAloneLeavesTheTable) {
  WindowsRecipe recipe = RecipeOf(k19041);
  recipe.processes.clear();
  const WindowsImage image = BuildWindows(recipe);
  const Objects objects(image, k19041.mode);
  EXPECT_EQ(objects.Derive(), EprocessOffsets{});
  const ChosenOffsets chosen = objects.Choose();
  EXPECT_EQ(chosen.sources, "table");
  EXPECT_EQ(chosen.offsets.links, 0x448);
  EXPECT_EQ(chosen.offsets.exit_time, 0x840);
}

struct Triage {
  const char* file;
  Era era;
};

class EprocessOfTriage : public testing::TestWithParam<Triage> {};

// System as a triage dump has it, in the place of a synthetic one: real bytes against the table.
TEST_P(EprocessOfTriage, FitsTheTable) {
  constexpr std::size_t kProcessFieldAt = 0x2020;  // TRIAGE_DUMP64.ProcessOffset
  V2P_CORPUS_FILE(path, std::string("windows/triage/") + GetParam().file);
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> file(std::istreambuf_iterator<char>(in), {});
  const auto bytes = std::as_bytes(std::span(file));
  ASSERT_GT(bytes.size(), kProcessFieldAt + 4);
  const auto at = LoadLe<std::uint32_t>(bytes.data() + kProcessFieldAt);
  ASSERT_LT(at + Eprocess::kBytes64, bytes.size());
  WindowsImage image = BuildWindows(RecipeOf(GetParam().era));
  KernelEditor editor(image, GetParam().era.mode);
  for (std::size_t i = 0; i < Eprocess::kBytes64; i += 8) {
    editor.Put64(image.System().object + i, LoadLe<std::uint64_t>(bytes.data() + at + i));
  }
  Objects objects(image, GetParam().era.mode);
  objects.Context().shared_data.reset();  // its clock is another
  const EprocessRow* row = FittingRow(objects.Context(), {}, &objects.System());
  ASSERT_NE(row, nullptr);
  EXPECT_LE(row->first_build, image.build);
  EXPECT_GE(row->last_build, image.build);
  EXPECT_EQ(objects.System().Load<std::uint64_t>(row->offsets.peb), 0U);
  EXPECT_EQ(objects.System().Load<std::uint64_t>(row->offsets.exit_time), 0U);
}

INSTANTIATE_TEST_SUITE_P(Windows, EprocessOfTriage,
                         testing::Values(Triage{"triage_x64_19041.dmp", {ModeName::kX64, "19041"}},
                                         Triage{"triage_arm64_22000.dmp",
                                                {ModeName::kArm64, "22000"}}));

TEST(EprocessOffsets, OneFieldThatMostDoNotHaveIsNotDerived) {
  WindowsRecipe recipe = RecipeOf(k19041);
  for (ProcessRecipe& process : recipe.processes) process.ppid = 0x7777;  // no PID
  const WindowsImage image = BuildWindows(recipe);
  const EprocessOffsets found = Objects(image, k19041.mode).Derive();
  EXPECT_EQ(found.pid, 0x440);
  EXPECT_EQ(found.parent_pid, 0);
}

}  // namespace
}  // namespace v2p::test

// Processes in real bytes of Windows: 933 pages of a running 17763 (quarkslab/rewind), in which
// System's object is not. Expected: DirectoryTableBase of the process that ran is CR3 of
// registers.json; offsets are those of the public symbols of 17763; PIDs and names were read from
// the pages by hand at those offsets.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>

#include "dumpfmt/format.h"
#include "locate/eprocess_derivation.h"
#include "locate/survey.h"
#include "locate/system_object.h"
#include "support/corpus.h"
#include "support/process_checks.h"

namespace v2p::test {
namespace {

constexpr const char* kImage = "windows/rewind_cng_safeguarded/wrapped.bitmapkernel.dmp.zst";
constexpr std::uint64_t kCr3 = 0x235500000;  // 0x235500002 without its PCID

TEST(WindowsProcessesReal, MemoryOf17763ShowsThem) {
  V2P_CORPUS_FILE(path, kImage);
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image);
  const Findings findings = ListWhole(*image->memory, image->facts);
  ASSERT_EQ(findings.systems.size(), 1U);
  const System& system = findings.systems[0];
  EXPECT_EQ(OffsetSources(system), "derived = table = debugger-data");
  std::map<std::uint64_t, std::string> names;
  for (const Process& p : system.processes) {
    names[p.pid] = p.name;
    EXPECT_NE(p.linkage, Linkage::kHidden) << "the list cannot be followed";
    EXPECT_EQ(p.parent_pid.value_or(1) % 4, 0U);
    EXPECT_TRUE(p.create_time.has_value()) << p.pid;
  }
  const std::map<std::uint64_t, std::string> expected = {{0, "Idle"},
                                                         {68, "Registry"},
                                                         {708, "SearchProtocol"},
                                                         {1576, "svchost.exe"},
                                                         {2700, "svchost.exe"},
                                                         {2916, "ClipRenew.exe"},
                                                         {4056, "svchost.exe"},
                                                         {5288, "svchost.exe"},
                                                         {6064, "RuntimeBroker."},
                                                         {6192, "WmiPrvSE.exe"},
                                                         {6564, "audiodg.exe"},
                                                         {7088, "cng.exe"}};
  EXPECT_EQ(names, expected);
  const Process& running = ProcessAt(system, 0xFFFF'E38F'3F3C'F540);
  EXPECT_EQ(running.name, "cng.exe");
  ASSERT_TRUE(running.root.has_value());
  EXPECT_EQ(running.root->table, PhysAddr(kCr3));
  EXPECT_EQ(running.root_state, RootState::kOk);
  ASSERT_TRUE(running.user_root.has_value()) << "17763 with KVA shadow";
  EXPECT_EQ(ProcessAt(system, 0xFFFF'E38F'3D25'8080).linkage, Linkage::kExited);
  EXPECT_TRUE(system.orphans.empty());
  // The only other root in the image is Registry's; the kernel's own is not there.
  EXPECT_EQ(ProcessAt(system, 0xFFFF'E38F'364C'6040).root->table, PhysAddr(0x3700000));
  EXPECT_NE(Notes(system).find("the idle process runs on root 0x1ad000"), std::string::npos);
}

TEST(WindowsProcessesReal, OffsetsOf17763AreDerivedFromThem) {
  V2P_CORPUS_FILE(path, kImage);
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image);
  const PhysicalMemory& memory = *image->memory;
  Sightings seen;
  Survey(memory, RamOf(memory, image->facts))
      .Scan(ContentDetectors(), PhysAddr(0), memory.End(), seen);
  System system;
  system.kernel.root = {ModeName::kX64, PhysAddr(kCr3), std::nullopt};
  VirtualReader reader(memory, system.kernel.root);
  const Scene scene{&memory, &image->facts, &seen, false, false};
  const EprocessContext context = MakeEprocessContext(scene, system, reader);
  std::vector<Eprocess> objects;
  for (const Sighting& s : seen.Of(SightingKind::kProcessObject64)) {
    objects.emplace_back(reader, VirtAddr(s.value));
    EXPECT_EQ(objects.back().Where(), s.at);
  }
  EXPECT_EQ(objects.size(), 12U);
  const EprocessOffsets found = DeriveEprocessOffsets(context, objects, nullptr);
  EXPECT_EQ(found.pid, 0x2E0);
  EXPECT_EQ(found.links, 0x2E8);
  EXPECT_EQ(found.create_time, 0x308);
  EXPECT_EQ(found.parent_pid, 0) << "most parents are not in the image: the table has to say";
  EXPECT_EQ(found.name, 0x450);
}

}  // namespace
}  // namespace v2p::test

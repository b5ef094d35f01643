// Linux processes in the reduced images of testdata/. Expected lists: the guests' own type
// information (BTF), read by tests/support/linux_tasks.py; damage is done to copies here.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "dumpfmt/format.h"
#include "locate/locator.h"
#include "locate/virtual_reader.h"
#include "support/sparse_memory.h"

namespace v2p::test {
namespace {

// One line of NAME.processes.tsv.
struct Listed {
  std::uint64_t pid = 0;
  std::uint64_t parent = 0;
  std::uint64_t root = 0;  ///< 0: none
  std::string name;

  bool operator==(const Listed&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Listed& listed) {
  return out << listed.pid << ' ' << listed.parent << ' ' << std::hex << listed.root << std::dec
             << ' ' << listed.name;
}

std::vector<Listed> ReadList(const std::string& path) {
  std::ifstream in(path);
  std::vector<Listed> list;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    Listed listed;
    std::string root;
    fields >> listed.pid >> listed.parent >> root >> std::ws;
    std::getline(fields, listed.name);
    if (root != "-") listed.root = std::stoull(root, nullptr, 16);
    list.push_back(listed);
  }
  return list;
}

std::vector<Listed> ListOf(const System& system) {
  std::vector<Listed> list;
  for (const Process& process : system.processes) {
    list.push_back({process.pid, process.parent_pid.value_or(~std::uint64_t{0}),
                    process.root ? process.root->table.value : 0, process.name});
  }
  return list;
}

Image Open(const std::string& name) {
  auto image = OpenImage(V2P_TESTDATA "/guests/" + name + ".zst", {});
  if (!image) throw std::runtime_error(image.error().OneLine());
  return std::move(*image);
}

Findings LocateAll(const PhysicalMemory& memory, const ImageFacts& facts = {}) {
  LocateOptions options;
  options.processes = true;
  return Locate(memory, facts, options);
}

// A copy that can be written to; these images hold whole pages.
SparseMemory Copy(const PhysicalMemory& memory) {
  SparseMemory copy;
  memory.ForEachExtent([&](const Extent& extent) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(extent.bytes));
    if (memory.Read(extent.begin, bytes) != bytes.size()) throw std::runtime_error("absent");
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
      copy.Put64(extent.begin.value + i, LoadLe<std::uint64_t>(bytes.data() + i));
    }
  });
  return copy;
}

const Process& ByPid(const System& system, std::uint64_t pid) {
  for (const Process& process : system.processes) {
    if (process.pid == pid) return process;
  }
  throw std::runtime_error("no such PID");
}

class LinuxProcesses : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    image_ = Open(GetParam());
    findings_ = LocateAll(*image_.memory, image_.facts);
    ASSERT_EQ(findings_.systems.size(), 1U);
  }

  const System& TheSystem() const { return findings_.systems[0]; }

  // Physical address of the link by which `pid` is in the list: its neighbours point to each other
  // at one offset, which no other pair of pointers between three tasks does.
  std::uint64_t LinkOf(const SparseMemory& memory, std::uint64_t before, std::uint64_t pid) const {
    const Process& first = ByPid(TheSystem(), before);
    const Process& second = ByPid(TheSystem(), pid);
    for (std::uint64_t at = 0; at < 0x1800; at += 8) {
      const auto next = memory.Get(first.object_at->value + at, 8);
      const auto previous = memory.Get(second.object_at->value + at + 8, 8);
      if (next == second.object.value + at && previous == first.object.value + at) {
        return second.object_at->value + at;
      }
    }
    throw std::runtime_error("no neighbours");
  }

  // Where the direct map puts a pointer of the list.
  std::uint64_t Physical(std::uint64_t va) const {
    const Process& any = TheSystem().processes.front();
    return va - (any.object.value - any.object_at->value);
  }

  Image image_;
  Findings findings_;
};

TEST_P(LinuxProcesses, AreThoseOfTheKernelsOwnTypes) {
  const auto expected =
      ReadList(V2P_TESTDATA "/guests/" + std::string(GetParam()) + ".processes.tsv");
  ASSERT_GT(expected.size(), 50U);
  EXPECT_EQ(ListOf(TheSystem()), expected);
  EXPECT_TRUE(TheSystem().notes.empty());
  EXPECT_TRUE(TheSystem().orphans.empty());
  const Findings bare = LocateAll(*image_.memory);
  ASSERT_EQ(bare.systems.size(), 1U);
  EXPECT_EQ(bare.systems[0].kernel.root, TheSystem().kernel.root);
  EXPECT_EQ(bare.systems[0].kernel.TheStanding(), Standing::kVerified);
  EXPECT_EQ(ListOf(bare.systems[0]), expected);
}

TEST_P(LinuxProcesses, TakenOutOfTheListIsHidden) {
  const auto& processes = TheSystem().processes;
  const std::uint64_t pid = processes[processes.size() - 2].pid;  // of the test program
  SparseMemory memory = Copy(*image_.memory);
  const std::uint64_t link = LinkOf(memory, processes[processes.size() - 3].pid, pid);
  const std::uint64_t next = memory.Get(link, 8).value();
  const std::uint64_t previous = memory.Get(link + 8, 8).value();
  memory.Put64(Physical(previous), next);  // list_del
  memory.Put64(Physical(next) + 8, previous);
  const Findings findings = LocateAll(*memory.Build());
  ASSERT_EQ(findings.systems.size(), 1U);
  EXPECT_EQ(ListOf(findings.systems[0]), ListOf(TheSystem()));
  for (const Process& process : findings.systems[0].processes) {
    EXPECT_EQ(process.linkage, process.pid == pid ? Linkage::kHidden : Linkage::kLinked);
  }
}

TEST_P(LinuxProcesses, ABrokenListIsFollowedFromBothEnds) {
  const auto& processes = TheSystem().processes;
  const std::size_t middle = processes.size() / 2;
  SparseMemory memory = Copy(*image_.memory);
  const std::uint64_t link = LinkOf(memory, processes[middle - 1].pid, processes[middle].pid);
  memory.Put64(link, 0);  // two pointers of one link are lost
  memory.Put64(link + 8, 0);
  const Findings findings = LocateAll(*memory.Build());
  ASSERT_EQ(findings.systems.size(), 1U);
  auto expected = ListOf(TheSystem());
  expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(middle));
  EXPECT_EQ(ListOf(findings.systems[0]), expected);
  ASSERT_EQ(findings.systems[0].notes.size(), 1U);
  EXPECT_NE(findings.systems[0].notes[0].find("breaks off"), std::string::npos);
}

// With the list broken on both sides of a process, nobody can say whether it was in it.
TEST_P(LinuxProcesses, BeyondABrokenListIsUnknown) {
  const auto& processes = TheSystem().processes;
  const std::size_t last = processes.size() - 1;
  SparseMemory memory = Copy(*image_.memory);
  const std::uint64_t link = LinkOf(memory, processes[last - 2].pid, processes[last - 1].pid);
  memory.Put64(link, 0);
  memory.Put64(link + 8, 0);
  const Findings findings = LocateAll(*memory.Build());
  ASSERT_EQ(findings.systems.size(), 1U);
  EXPECT_EQ(ListOf(findings.systems[0]), ListOf(TheSystem()));
  EXPECT_EQ(ByPid(findings.systems[0], processes[last - 1].pid).linkage, Linkage::kUnknown);
  EXPECT_EQ(ByPid(findings.systems[0], processes[last].pid).linkage, Linkage::kLinked);
}

TEST_P(LinuxProcesses, AbsentRootIsSaidToBe) {
  const Process& victim = TheSystem().processes.back();
  SparseMemory memory = Copy(*image_.memory);
  memory.RemovePage(victim.root->table.value);
  const Findings findings = LocateAll(*memory.Build());
  ASSERT_EQ(findings.systems.size(), 1U);
  EXPECT_EQ(ByPid(findings.systems[0], victim.pid).root, victim.root);
  EXPECT_EQ(ByPid(findings.systems[0], victim.pid).root_state, RootState::kNotInImage);
}

TEST_P(LinuxProcesses, WithoutInitTaskThereAreRootsOnly) {
  SparseMemory memory = Copy(*image_.memory);
  for (const Fact& fact : TheSystem().facts) {
    if (fact.key != "init-task") continue;
    // Its pages follow each other in the image; the name is on one of the first two.
    const std::uint64_t va = std::get<Hex64>(fact.value).value;
    VirtualReader reader(*image_.memory, TheSystem().kernel.root);
    for (const std::uint64_t at : {va, va + 0x800, va + 0x1000}) {
      memory.RemovePage(reader.Find(VirtAddr(at)).pa.value);
    }
  }
  const Findings findings = LocateAll(*memory.Build());
  ASSERT_EQ(findings.systems.size(), 1U);
  const System& system = findings.systems[0];
  EXPECT_EQ(system.kernel.root, TheSystem().kernel.root);
  EXPECT_TRUE(system.processes.empty());
  ASSERT_EQ(system.notes.size(), 1U);
  std::vector<std::uint64_t> orphans;
  for (const OrphanRoot& orphan : system.orphans) {
    if (!orphan.user_shadow) orphans.push_back(orphan.root.table.value);
  }
  std::vector<std::uint64_t> roots;
  for (const Process& process : TheSystem().processes) {
    if (process.root) roots.push_back(process.root->table.value);
  }
  std::sort(roots.begin(), roots.end());
  std::sort(orphans.begin(), orphans.end());
  EXPECT_EQ(orphans, roots);
}

INSTANTIATE_TEST_SUITE_P(Reduced, LinuxProcesses,
                         testing::Values("x64.elf", "x64pti.elf", "arm64.elf"),
                         [](const auto& row) {
                           const std::string name = row.param;
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace v2p::test

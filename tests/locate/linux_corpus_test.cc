// Linux guests of the corpus: roots and processes against what QEMU's registers and monitor and the
// guests' own kernels (VMCOREINFO, /proc/self/pagemap) said of them.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>

#include "base/bytes.h"
#include "dumpfmt/format.h"
#include "locate/locator.h"
#include "locate/virtual_reader.h"
#include "support/blanked_memory.h"
#include "support/corpus.h"
#include "support/guest_answers.h"

namespace v2p::test {
namespace {

LocateOptions Everything() {
  LocateOptions options;
  options.whole_image = true;
  options.processes = true;
  return options;
}

Image Open(const std::string& path) {
  auto image = OpenImage(path, {});
  if (!image) throw std::runtime_error(image.error().OneLine());
  return std::move(*image);
}

void ExpectNoWindows(const Findings& findings) {
  for (const System& system : findings.systems) EXPECT_NE(system.os, GuestOs::kWindows);
  for (const Candidate& c : findings.candidates) {
    if (c.os != GuestOs::kWindows) continue;
    EXPECT_EQ(c.TheStanding(), Standing::kRejected) << std::hex << c.root.table.value;
  }
}

const Process* ByPid(const System& system, std::uint64_t pid) {
  for (const Process& process : system.processes) {
    if (process.pid == pid) return &process;
  }
  return nullptr;
}

// A line of VMCOREINFO in base `base`; an oracle of its own, not v2p's parser.
std::optional<std::uint64_t> Line(const std::string& text, const std::string& key, int base) {
  const std::size_t at = text.find("\n" + key + "=");
  if (at == std::string::npos) return std::nullopt;
  const std::string value = text.substr(at + key.size() + 2, 24);
  return value.front() == '-' ? static_cast<std::uint64_t>(std::stoll(value, nullptr, base))
                              : std::stoull(value, nullptr, base);
}

// The root as Documentation/admin-guide/kdump/vmcoreinfo.rst says to compute it.
std::optional<std::uint64_t> NotedRoot(const std::string& text, ModeName mode) {
  const auto va = Line(text, "SYMBOL(swapper_pg_dir)", 16);
  if (!va) return std::nullopt;
  if (mode == ModeName::kX86 || mode == ModeName::kPae) return *va - 0xC0000000;
  if (mode == ModeName::kArm64) return *va - Line(text, "NUMBER(kimage_voffset)", 16).value();
  return *va - 0xFFFFFFFF80000000 + Line(text, "NUMBER(phys_base)", 10).value();
}

// The entries of the kernel's half, without what the CPU writes into them.
std::vector<std::uint64_t> KernelHalf(const PhysicalMemory& memory, ModeName mode,
                                      std::uint64_t root) {
  const bool pae = mode == ModeName::kPae;
  const std::size_t width = mode == ModeName::kX86 ? 4 : 8;
  const std::uint64_t begin = pae ? 24 : mode == ModeName::kX86 ? 0xC00 : 0x800;
  std::vector<std::byte> bytes(pae ? 8 : 0x1000 - begin);
  EXPECT_EQ(memory.Read(PhysAddr(root + begin), bytes), bytes.size());
  std::vector<std::uint64_t> entries;
  for (std::size_t i = 0; i < bytes.size(); i += width) {
    const std::uint64_t entry = width == 8 ? LoadLe<std::uint64_t>(bytes.data() + i)
                                           : LoadLe<std::uint32_t>(bytes.data() + i);
    entries.push_back(entry & ~std::uint64_t{0x60});
  }
  return entries;
}

class LinuxLocated : public testing::TestWithParam<Guest> {
 protected:
  void Check(const PhysicalMemory& memory, const ImageFacts& facts) {
    const Findings findings = Locate(memory, facts, Everything());
    ExpectNoWindows(findings);
    ASSERT_EQ(findings.systems.size(), 1U);
    EXPECT_FALSE(findings.ambiguous);
    const System& system = findings.systems[0];
    EXPECT_EQ(system.os, GuestOs::kLinux);
    EXPECT_EQ(system.kernel.TheStanding(), Standing::kVerified);
    EXPECT_EQ(system.kernel.root.mode, GetParam().mode);
    EXPECT_EQ(system.version.substr(0, 4), "6.1.");
    CheckKernel(memory, system);
    CheckProcesses(memory, system);
    CheckKernelThreads(system);
    CheckCandidates(findings);
  }

  GuestAnswers answers_;
  std::optional<std::uint64_t> noted_root_;

 private:
  void CheckKernel(const PhysicalMemory& memory, const System& system) {
    const Root& root = system.kernel.root;
    const std::uint64_t table = root.upper.value_or(root.table).value;
    EXPECT_EQ(table, noted_root_.value_or(table));
    EXPECT_EQ(table, answers_.ttbr1.value_or(table));
    VirtualReader reader(memory, root);
    std::size_t mapped = 0;
    for (const KernelRow& row : answers_.kernel) {
      if (!row.pa) continue;  // KPTI's user half lacks most of the kernel
      const auto found = reader.Find(VirtAddr(row.va));
      EXPECT_NE(found.reach, Reach::kNotMapped) << std::hex << row.va << " " << row.kind;
      EXPECT_EQ(found.pa.value, *row.pa) << std::hex << row.va << " " << row.kind;
      ++mapped;
    }
    EXPECT_GE(mapped, 70U);
  }

  void CheckProcesses(const PhysicalMemory& memory, const System& system) {
    const Guest& guest = GetParam();
    std::set<std::uint64_t> pids;
    for (const Process& process : system.processes) {
      EXPECT_TRUE(pids.insert(process.pid).second) << process.pid;
      EXPECT_EQ(process.linkage, Linkage::kLinked) << process.pid;
    }
    for (const GuestProcess& wanted : answers_.processes) {
      const Process* process = ByPid(system, wanted.pid);
      ASSERT_NE(process, nullptr) << wanted.pid;
      EXPECT_EQ(process->name, "init");  // all four run the same program
      EXPECT_EQ(process->parent_pid, 1U);
      ASSERT_TRUE(process->root) << wanted.pid;
      EXPECT_EQ(process->root->table.value, wanted.root);
      EXPECT_EQ(process->root->upper, system.kernel.root.upper);
      EXPECT_EQ(process->root_state, RootState::kOk);
      ASSERT_EQ(process->user_root.has_value(), guest.kpti);
      CheckPages(memory, wanted.pid, *process->root);
      if (!guest.kpti) continue;
      EXPECT_EQ(process->user_root->table.value, wanted.user_root);
      CheckPages(memory, wanted.pid, *process->user_root);
    }
    CheckInit(memory, system);
    EXPECT_TRUE(system.orphans.empty());
  }

  // What INDEX.md says of pagemap: four PROT_NONE pages are present there and not to hardware, and
  // one shared page was touched later.
  void CheckPages(const PhysicalMemory& memory, std::uint64_t pid, const Root& root) {
    VirtualReader reader(memory, root);
    std::map<std::string, std::size_t> odd;
    std::size_t equal = 0;
    for (const PagemapRow& row : answers_.pagemap) {
      if (row.pid != pid) continue;
      const auto found = reader.Find(VirtAddr(row.va));
      const bool mapped = found.reach != Reach::kNotMapped;
      if (mapped != row.pa.has_value()) {
        ++odd[row.kind];
      } else if (mapped) {
        EXPECT_EQ(found.pa.value, *row.pa) << std::hex << row.va << " " << row.kind;
        ++equal;
      }
    }
    EXPECT_GE(equal, 100U);
    EXPECT_EQ(odd["protnone"], 4U);
    EXPECT_LE(odd["shared"], 1U);
    odd.erase("protnone");
    odd.erase("shared");
    EXPECT_TRUE(odd.empty()) << odd.begin()->first;
  }

  void CheckInit(const PhysicalMemory& memory, const System& system) {
    const Process* init = ByPid(system, 1);
    ASSERT_NE(init, nullptr);
    EXPECT_EQ(init->parent_pid, 0U);
    ASSERT_TRUE(init->root);
    for (const GuestProcess& process : answers_.processes) {
      EXPECT_NE(init->root->table.value, process.root);
    }
    if (answers_.ttbr1) return;  // the kernel's half is another table
    const ModeName mode = GetParam().mode;
    const auto half = KernelHalf(memory, mode, system.kernel.root.table.value);
    EXPECT_EQ(KernelHalf(memory, mode, init->root->table.value), half);
    EXPECT_EQ(KernelHalf(memory, mode, answers_.processes[0].root), half);
  }

  void CheckKernelThreads(const System& system) {
    const Process* kthreadd = ByPid(system, 2);  // init/main.c, rest_init
    ASSERT_NE(kthreadd, nullptr);
    EXPECT_EQ(kthreadd->name, "kthreadd");
    EXPECT_EQ(kthreadd->parent_pid, 0U);
    std::size_t threads = 0;
    for (const Process& process : system.processes) {
      if (process.root) continue;
      EXPECT_EQ(process.root_state, RootState::kShared) << process.pid;
      EXPECT_EQ(process.parent_pid, process.pid == 2 ? 0U : 2U) << process.pid;
      ++threads;
    }
    EXPECT_EQ(threads + 4, system.processes.size());
    EXPECT_GE(threads, 30U);
  }

  // Only the kernel and the four processes stand; with KPTI each has its shadow.
  void CheckCandidates(const Findings& findings) {
    std::map<RootClass, std::size_t> standing;
    for (const Candidate& c : findings.candidates) {
      if (c.TheStanding() == Standing::kRejected) continue;
      ++standing[c.cls];
      if (c.cls == RootClass::kUserShadow) {
        EXPECT_EQ(c.pair->value + 0x1000, c.root.table.value);
      }
    }
    EXPECT_EQ(standing[RootClass::kKernel], 1U);
    EXPECT_EQ(standing[RootClass::kProcess], 4U);
    EXPECT_EQ(standing[RootClass::kUserShadow], GetParam().kpti ? 5U : 0U);
    EXPECT_EQ(standing.size(), 3U);
  }
};

TEST_P(LinuxLocated, RootsAndProcesses) {
  const Guest& guest = GetParam();
  V2P_CORPUS_FILE(path, std::string("guests/") + guest.name + "/" + guest.file);
  const Image image = Open(path);
  answers_ = ReadGuestAnswers(guest);
  noted_root_ = NotedRoot(image.facts.vmcoreinfo, guest.mode);
  {
    SCOPED_TRACE("with the container's claims and notes");
    Check(*image.memory, image.facts);
  }
  SCOPED_TRACE("memory alone");
  Check(*image.memory, ImageFacts{});
}

// Without options the search stops early; what it stops with is the same kernel.
TEST_P(LinuxLocated, FirstVerifiedSystemIsTheSame) {
  const Guest& guest = GetParam();
  V2P_CORPUS_FILE(path, std::string("guests/") + guest.name + "/" + guest.file);
  const Image image = Open(path);
  const Findings all = Locate(*image.memory, ImageFacts{}, Everything());
  ASSERT_EQ(all.systems.size(), 1U);
  for (const ImageFacts& facts : {image.facts, ImageFacts{}}) {
    const Findings first = Locate(*image.memory, facts);
    ASSERT_EQ(first.systems.size(), 1U);
    EXPECT_EQ(first.systems[0].kernel.root, all.systems[0].kernel.root);
    EXPECT_LT(first.scanned_bytes, all.scanned_bytes);
  }
}

// Neither a note nor the texts in memory: structure alone.
TEST_P(LinuxLocated, WithoutVmcoreinfo) {
  const Guest& guest = GetParam();
  V2P_CORPUS_FILE(path, std::string("guests/") + guest.name + "/" + guest.file);
  const Image image = Open(path);
  answers_ = ReadGuestAnswers(guest);
  noted_root_ = NotedRoot(image.facts.vmcoreinfo, guest.mode);
  const BlankedMemory blanked = Blank(*image.memory, path, "OSRELEASE=");
  ASSERT_GE(blanked.places, 2U);
  Check(*blanked.memory, ImageFacts{});
}

INSTANTIATE_TEST_SUITE_P(
    Guests, LinuxLocated,
    testing::Values(Guest{"x64", "x64.elf", ModeName::kX64, 0x1ffb4000},
                    Guest{"x64pti", "x64pti.elf", ModeName::kX64, 0x18fe000, true},
                    Guest{"x86", "x86.raw", ModeName::kX86, 0x1e94000},
                    Guest{"x86pae", "x86pae.elf", ModeName::kPae, 0x1e2f280},
                    Guest{"arm64", "arm64.elf", ModeName::kArm64, 0x43233000},
                    Guest{"lime", "lime.lime", ModeName::kX64, 0x2acc000},
                    Guest{"win64", "win64.dmp", ModeName::kX64, 0x104b64000},
                    Guest{"win32pae", "win32pae.dmp", ModeName::kPae, 0x1cf2780}),
    [](const auto& row) { return std::string(row.param.name); });

// Page tables of the running processes alone: the kernel's own root is not among them.
TEST(LinuxLocatedTables, AreNoWindows) {
  for (const char* name : {"x64la57", "x64hole"}) {
    V2P_CORPUS_FILE(path, std::string("guests/tables/") + name + ".lime");
    const Image image = Open(path);
    const Findings findings = Locate(*image.memory, image.facts, Everything());
    ExpectNoWindows(findings);
    EXPECT_TRUE(findings.systems.empty()) << name;
  }
}

}  // namespace
}  // namespace v2p::test

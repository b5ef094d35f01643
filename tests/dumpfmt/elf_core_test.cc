// ELF cores: segments, overlaps, counts beyond 16 bits, CPU notes, and what is refused by name.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "dumpfmt/elf_core_extents.h"
#include "dumpfmt/format.h"
#include "support/elf_builder.h"
#include "support/layout.h"
#include "support/lime_builder.h"
#include "support/memory_source.h"

namespace v2p {
namespace {

using test::ElfBuilder;
using test::ElfCpu;
using test::PatternByte;

Result<Image> Open(std::vector<std::byte> bytes, std::size_t block_bytes = 0) {
  return OpenImage(std::make_shared<test::MemorySource>(std::move(bytes), block_bytes), {});
}

std::byte ByteAt(const Image& image, std::uint64_t pa) {
  std::byte byte{};
  EXPECT_EQ(image.memory->Read(PhysAddr(pa), std::span(&byte, 1)), 1U) << std::hex << pa;
  return byte;
}

void ExpectPattern(const Image& image, std::uint64_t pa, std::uint64_t bytes) {
  for (std::uint64_t i = 0; i < bytes; ++i) {
    ASSERT_EQ(ByteAt(image, pa + i), PatternByte(pa + i)) << std::hex << pa + i;
  }
}

bool Warned(const Image& image, std::string_view part) {
  return std::any_of(image.warnings.begin(), image.warnings.end(),
                     [&](const std::string& w) { return w.find(part) != std::string::npos; });
}

const FactValue* Detail(const Image& image, std::string_view key) {
  for (const Fact& fact : image.facts.details) {
    if (fact.key == key) return &fact.value;
  }
  return nullptr;
}

class ElfClassTest : public testing::TestWithParam<bool> {
 protected:
  ElfBuilder::Options Options() const {
    ElfBuilder::Options options;
    options.is64 = GetParam();
    return options;
  }
};

TEST_P(ElfClassTest, SegmentsAtUnalignedOffsets) {
  ElfBuilder builder(Options());
  builder.Load(0x1000, 0x2345).Load(0xfffc0000, 0x1000).Load(0x8000, 0x800, 0x3000);
  for (const std::size_t block : {std::size_t{0}, std::size_t{512}}) {
    const auto image = Open(builder.Build(), block);
    ASSERT_TRUE(image) << image.error().OneLine();
    EXPECT_EQ(image->format, "elf-core");
    ExpectPattern(*image, 0x1000, 0x2345);
    ExpectPattern(*image, 0xfffc0000, 0x1000);
    ExpectPattern(*image, 0x8000, 0x800);
    EXPECT_FALSE(image->memory->Contains(PhysAddr(0x8800))) << "only file bytes are present";
    EXPECT_FALSE(image->memory->Contains(PhysAddr(0x3345)));
    EXPECT_TRUE(image->warnings.empty());
    EXPECT_EQ(image->facts.missing_pages, 0U);
  }
  const auto image = Open(builder.Build());
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x8010)), FileOffset(builder.DataAt(2) + 0x10));
}

TEST_P(ElfClassTest, StepsByTheProgramHeaderSizeOfTheFile) {
  auto options = Options();
  options.phentsize_extra = 24;
  options.version = 0;  // as VirtualBox writes it
  ElfBuilder builder(options);
  builder.Load(0x1000, 0x100).Load(0x3000, 0x100).Load(0x5000, 0x100);
  const auto image = Open(builder.Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectPattern(*image, 0x5000, 0x100);
  EXPECT_EQ(image->memory->PresentBytes(), 0x300U);
}

TEST_P(ElfClassTest, CountBeyond16BitsIsInTheFirstSection) {
  auto options = Options();
  options.pn_xnum = true;
  ElfBuilder builder(options);
  builder.Load(0x1000, 0x10);
  for (std::uint64_t i = 1; i < 70000; ++i) builder.Alias(0, 0x1000 + i * 0x1000);
  const auto image = Open(builder.Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory->PresentBytes(), 70000 * 0x10U);
  EXPECT_EQ(ByteAt(*image, 0x1000 + 69999 * 0x1000ULL), PatternByte(0x1000));
}

TEST_P(ElfClassTest, TruncatedDataIsAbsentAndCounted) {
  ElfBuilder builder(Options());
  builder.Load(0x1000, 0x2000).Load(0x8000, 0x3000);
  auto bytes = builder.Build();
  bytes.resize(bytes.size() - 0x1800);
  const auto image = Open(bytes);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->facts.missing_pages, 2U);
  EXPECT_EQ(image->warnings.size(), 1U);
  ExpectPattern(*image, 0x8000, 0x1800);
  EXPECT_FALSE(image->memory->Contains(PhysAddr(0x9800)));
}

INSTANTIATE_TEST_SUITE_P(Classes, ElfClassTest, testing::Bool());

TEST(ElfCoreTest, AliasesAreNoConflictAndOverlapsAre) {
  ElfBuilder builder;
  builder.Load(0x4000, 0x1000).Load(0x3000, 0x3000).Alias(0, 0x4000);
  const auto image = Open(builder.Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x4000)), FileOffset(builder.DataAt(0)));
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x3fff)), FileOffset(builder.DataAt(1) + 0xfff));
  EXPECT_EQ(image->memory->FileOffsetOf(PhysAddr(0x5000)), FileOffset(builder.DataAt(1) + 0x2000));
  EXPECT_EQ(image->warnings.size(), 1U);
  EXPECT_TRUE(Warned(*image, "1 segments overlap"));
  EXPECT_EQ(std::get<std::uint64_t>(*Detail(*image, "conflicting-segments")), 1U);
}

// The oracle colours every byte in the file's order, as slowly as that is.
TEST(ElfExtentsTest, FirstWinsAgreesWithColouringByteByByte) {
  constexpr std::uint64_t kSpan = 256;
  std::mt19937_64 random(20240501);
  std::uint64_t with_conflicts = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<ElfSegment> loads(1 + random() % 12);
    std::vector<std::uint64_t> colour(kSpan, ~std::uint64_t{0});
    std::uint64_t conflicts = 0;
    for (ElfSegment& load : loads) {
      load.paddr = random() % kSpan;
      load.file_bytes = load.memory_bytes = 1 + random() % (kSpan - load.paddr);
      load.at = 1000 * (random() % 3) + load.paddr;  // equal bytes are frequent
      bool hidden = false;
      for (std::uint64_t pa = load.paddr; pa < load.paddr + load.file_bytes; ++pa) {
        const std::uint64_t at = load.at + (pa - load.paddr);
        if (colour[pa] == ~std::uint64_t{0}) colour[pa] = at;
        hidden = hidden || colour[pa] != at;
      }
      conflicts += hidden ? 1 : 0;
    }
    const auto result = MakeElfExtents(loads, 1U << 20U);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->conflicts, conflicts);
    with_conflicts += conflicts != 0 ? 1 : 0;
    const RunIndex index(result->extents);
    for (std::uint64_t pa = 0; pa < kSpan; ++pa) {
      const auto found = index.Find(PhysAddr(pa));
      ASSERT_EQ(found ? found->at.value : ~std::uint64_t{0}, colour[pa]) << round << " " << pa;
    }
  }
  EXPECT_GT(with_conflicts, 200U);
}

TEST(ElfCoreTest, QemuNotesOfBothSizes) {
  ElfCpu kernel;
  kernel.cr3 = 0x235500002;
  kernel.cr4 = 0x1020;  // PAE and LA57
  kernel.gs_base = 0xfffff80000001000;
  kernel.kernel_gs_base = 0x7ff0000;
  kernel.idt_base = 0xfffff80000002000;
  kernel.gdt_base = 0xfffff80000003000;
  kernel.rip = 0xfffff80012345678;
  kernel.rsp = 0xfffff80087654320;
  ElfCpu user;
  user.cs = 0x33;
  user.cr3 = 0x7000;
  ElfBuilder builder;
  builder.QemuCpu(user, false).QemuCpu(kernel, true).Load(0x1000, 0x1000);
  const auto image = Open(builder.Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  const auto& cpus = image->facts.cpus;
  ASSERT_EQ(cpus.size(), 2U);
  EXPECT_EQ(cpus[0].privilege, Privilege::kUser);
  EXPECT_FALSE(cpus[0].kernel_gs_base);
  EXPECT_EQ(cpus[0].mode, ModeName::kX64);
  EXPECT_EQ(cpus[1].privilege, Privilege::kKernel);
  EXPECT_EQ(cpus[1].mode, ModeName::kX64La57);
  EXPECT_EQ(cpus[1].kernel_gs_base, 0x7ff0000U);
  EXPECT_EQ(cpus[1].gs_base, 0xfffff80000001000U);
  EXPECT_EQ(cpus[1].idt_base, 0xfffff80000002000U);
  EXPECT_EQ(cpus[1].gdt_base, 0xfffff80000003000U);
  EXPECT_EQ(cpus[1].ip, 0xfffff80012345678U);
  EXPECT_EQ(cpus[1].sp, 0xfffff80087654320U);
  const auto& claims = image->facts.dtb_claims;
  ASSERT_EQ(claims.size(), 2U);
  EXPECT_EQ(claims[0].source, "cpu1-note") << "kernel mode first";
  EXPECT_EQ(claims[0].value, 0x235500002U);
  EXPECT_EQ(claims[0].mode, ModeName::kX64La57);
  EXPECT_EQ(claims[0].mode_source, "cpu-note");
  EXPECT_FALSE(claims[0].mode_assumed);
  EXPECT_EQ(claims[0].cpu, 1U);
  EXPECT_EQ(claims[1].source, "cpu0-note");
}

TEST(ElfCoreTest, VirtualBoxNotes) {
  ElfBuilder::Options options;
  options.version = 0;
  ElfBuilder builder(options);
  ElfCpu pae;
  pae.cs = 0x08;
  pae.efer = 0x800;
  pae.cr3 = 0x1ad000;
  pae.gs_base = 0x11;
  pae.kernel_gs_base = 0x22;
  pae.gdt_base = 0x33;
  pae.idt_base = 0x44;
  pae.rip = 0x55;
  pae.rsp = 0x66;
  std::vector<std::byte> core(24);
  test::PutLe(core, 0, 4, 0xC01AC0DE);
  builder.Note("VBCORE", 0xB00, core).VirtualBoxCpu(pae).VirtualBoxCpu(ElfCpu{});
  builder.Load(0, 0x1000);
  const auto image = Open(builder.Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->title, "ELF core (VirtualBox), x64, 1 segment");
  const auto& cpus = image->facts.cpus;
  ASSERT_EQ(cpus.size(), 2U);
  EXPECT_EQ(cpus[0].mode, ModeName::kPae) << "EFER.LMA is clear";
  EXPECT_EQ(cpus[0].cr3, 0x1ad000U);
  EXPECT_EQ(cpus[0].gs_base, 0x11U);
  EXPECT_EQ(cpus[0].kernel_gs_base, 0x22U);
  EXPECT_EQ(cpus[0].gdt_base, 0x33U);
  EXPECT_EQ(cpus[0].idt_base, 0x44U);
  EXPECT_EQ(cpus[0].ip, 0x55U);
  EXPECT_EQ(cpus[0].sp, 0x66U);
  EXPECT_EQ(cpus[1].mode, ModeName::kX64);
}

struct ModeRow {
  bool is64;
  std::uint16_t machine;
  std::uint64_t cr0, cr4, cs_flags;
  std::optional<ModeName> mode;
};
void PrintTo(const ModeRow& row, std::ostream* out) {
  *out << (row.is64 ? 64 : 32) << " bits, machine " << row.machine << std::hex << ", CR0 "
       << row.cr0 << ", CR4 " << row.cr4 << ", CS " << row.cs_flags;
}
class ElfModeTest : public testing::TestWithParam<ModeRow> {};

TEST_P(ElfModeTest, FollowsFromMachineAndRegisters) {
  const ModeRow& row = GetParam();
  ElfBuilder::Options options;
  options.is64 = row.is64;
  options.machine = row.machine;
  ElfCpu cpu;
  cpu.cr0 = row.cr0;
  cpu.cr4 = row.cr4;
  cpu.cs_flags = row.cs_flags;
  ElfBuilder builder(options);
  builder.QemuCpu(cpu).Load(0x1000, 0x1000);
  const auto image = Open(builder.Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->facts.cpus.at(0).mode, row.mode);
  EXPECT_EQ(image->facts.dtb_claims.size(), row.mode ? 1U : 0U) << "no claim without paging";
}

constexpr std::uint64_t kPaging = 0x80000011;
INSTANTIATE_TEST_SUITE_P(
    Rows, ElfModeTest,
    testing::Values(ModeRow{true, 62, kPaging, 0x20, 0x00AF9B00, ModeName::kX64},
                    ModeRow{true, 62, kPaging, 0x20, 0x00CF9B00, ModeName::kX64},
                    ModeRow{true, 62, kPaging, 0x1020, 0x00AF9B00, ModeName::kX64La57},
                    ModeRow{true, 3, kPaging, 0x20, 0x00CF9B00, ModeName::kPae},
                    ModeRow{true, 3, kPaging, 0x20, 0x00AF9B00, ModeName::kX64},
                    ModeRow{true, 3, kPaging, 0x90, 0x00CF9B00, ModeName::kX86},
                    ModeRow{false, 3, kPaging, 0x20, 0x00CF9B00, ModeName::kPae},
                    ModeRow{false, 3, kPaging, 0x00, 0x00CF9B00, ModeName::kX86},
                    ModeRow{true, 62, 0x11, 0x20, 0x00AF9B00, std::nullopt}));

TEST(ElfCoreTest, VmcoreinfoNamesLinuxAndItsRoot) {
  ElfBuilder builder;
  builder.Vmcoreinfo(
      "OSRELEASE=6.1.0-56-amd64\nPAGESIZE=4096\nSYMBOL(swapper_pg_dir)=ffffffffa8c10000\n"
      "NUMBER(phys_base)=-318767104\nNUMBER(pgtable_l5_enabled)=0\nKERNELOFFSET=26200000\n");
  builder.Load(0x1000, 0x1000);
  const auto image = Open(builder.Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->facts.os, GuestOs::kLinux);
  EXPECT_EQ(std::get<std::string>(*Detail(*image, "linux-release")), "6.1.0-56-amd64");
  EXPECT_EQ(std::get<Hex64>(*Detail(*image, "kernel-offset")).value, 0x26200000U);
  ASSERT_EQ(image->facts.dtb_claims.size(), 1U);
  EXPECT_EQ(image->facts.dtb_claims[0].source, "vmcoreinfo");
  EXPECT_EQ(image->facts.dtb_claims[0].value, 0x28c10000U - 318767104U);
}

TEST(ElfCoreTest, WindowsHeaderInTheVmcoreinfoNote) {
  std::vector<std::byte> header(0x2000);
  test::PutText(header, 0, "PAGEDU64");
  test::PutLe(header, 0x10, 8, 0x1ad002);
  ElfBuilder builder;
  builder.Note("VMCOREINFO", 0, header).Load(0x1000, 0x1000);
  const auto image = Open(builder.Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->facts.os, GuestOs::kWindows);
  ASSERT_EQ(image->facts.dtb_claims.size(), 1U);
  EXPECT_EQ(image->facts.dtb_claims[0].value, 0x1ad002U);
  EXPECT_TRUE(image->facts.dtb_claims[0].mode_assumed);
}

TEST(ElfCoreTest, DamagedNotesAreWarnedOf) {
  ElfBuilder builder;
  builder.QemuCpu(ElfCpu{}).Note("QEMU", 0, std::vector<std::byte>(100)).Load(0x1000, 0x1000);
  const auto short_note = Open(builder.Build());
  ASSERT_TRUE(short_note) << short_note.error().OneLine();
  EXPECT_EQ(short_note->facts.cpus.size(), 1U);
  EXPECT_TRUE(Warned(*short_note, "100 bytes is too short"));

  ElfBuilder whole;
  whole.QemuCpu(ElfCpu{}).Load(0x1000, 0x1000);
  auto bytes = whole.Build();
  test::PutLe(bytes, 64 + 2 * 56 + 4, 4, 0xFFFFFFF0);  // the note's descsz
  const auto huge_note = Open(bytes);
  ASSERT_TRUE(huge_note) << huge_note.error().OneLine();
  EXPECT_TRUE(Warned(*huge_note, "does not fit its segment"));
}

TEST(ElfCoreTest, EmptyNotesSayNothing) {
  ElfBuilder builder;
  builder.Note("VMCOREINFO", 0, {}).Note("", 0, {}).Load(0x1000, 0x1000);
  auto bytes = builder.Build();
  test::PutLe(bytes, 64 + 2 * 56 + 12 + 12, 4, 0);  // the second note's namesz: no name at all
  const auto image = Open(bytes);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->facts.os, GuestOs::kUnknown);
  EXPECT_TRUE(image->facts.dtb_claims.empty());
}

void ExpectRefused(const ElfBuilder& builder, std::string_view part) {
  const auto image = Open(builder.Build());
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(image.error().message.find(part), std::string::npos) << image.error().message;
}

TEST(ElfCoreTest, RefusesXenProgramsProcessesAndKcore) {
  ElfBuilder::Options xen;
  xen.section = ".xen_pages";
  ExpectRefused(ElfBuilder(xen), "Xen");
  ElfBuilder::Options program;
  program.type = 2;
  ExpectRefused(ElfBuilder(program).Load(0x1000, 16), "not a core");
  ExpectRefused(ElfBuilder().Load(0, 0x1000).Load(0, 0x1000), "core of a process");
  ExpectRefused(ElfBuilder().Note("CORE", 6, std::vector<std::byte>(16)).Load(0, 0x1000),
                "core of a process");
  ExpectRefused(ElfBuilder().Load(0x1000, 0x1000).RawLoad(~0ULL, 0, 0x1000, 0x1000), "kcore");
  ElfBuilder::Options small;
  small.is64 = false;
  ExpectRefused(ElfBuilder(small).Load(0x1000, 16).RawLoad(~0ULL, 0, 16, 16), "kcore");
}

TEST(ElfCoreTest, OneSegmentAtZeroIsMemory) {
  const auto image = Open(ElfBuilder().Load(0, 0x1000).Build());
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory->PresentBytes(), 0x1000U);
}

// System V gABI, "Section Header": entry 0 holds the count in sh_info, at 0x2C.
TEST(ElfCoreTest, MillionsOfSegmentsAreRefusedBeforeTheyAreRead) {
  ElfBuilder::Options options;
  options.pn_xnum = true;
  ElfBuilder builder(options);
  auto bytes = builder.Load(0x1000, 0x1000).Build();
  std::uint64_t section = 0;
  std::memcpy(&section, bytes.data() + 0x28, sizeof section);
  ASSERT_NE(section, 0U);
  test::PutLe(bytes, static_cast<std::size_t>(section) + 0x2C, 4, (1U << 22U) + 1);
  const auto image = Open(bytes);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind, ErrorKind::kUnsupported) << image.error().OneLine();
  EXPECT_NE(image.error().message.find("4194304"), std::string::npos) << image.error().OneLine();
}

TEST(PagesInTest, DoesNotWrap) {
  EXPECT_EQ(PagesIn(0), 0U);
  EXPECT_EQ(PagesIn(1), 1U);
  EXPECT_EQ(PagesIn(0x1000), 1U);
  EXPECT_EQ(PagesIn(~std::uint64_t{0}), std::uint64_t{1} << 52U);
}

TEST(ElfCoreTest, HostileHeaders) {
  const auto error = [](std::vector<std::byte> bytes) {
    const auto image = Open(std::move(bytes));
    return image ? std::string("opened") : std::string(Name(image.error().kind));
  };
  ElfBuilder builder;
  builder.Load(0x1000, 0x1000);
  const auto good = builder.Build();
  const auto patched = [&](std::size_t at, std::size_t size, std::uint64_t value) {
    auto bytes = good;
    test::PutLe(bytes, at, size, value);
    return bytes;
  };
  EXPECT_EQ(error(patched(4, 1, 3)), "corrupt") << "class";
  EXPECT_EQ(error(patched(5, 1, 2)), "unsupported") << "big-endian";
  EXPECT_EQ(error(patched(5, 1, 9)), "corrupt") << "byte order";
  EXPECT_EQ(error(patched(0x20, 8, ~0ULL - 8)), "truncated") << "e_phoff";
  EXPECT_EQ(error(patched(0x36, 2, 55)), "corrupt") << "e_phentsize";
  EXPECT_EQ(error(patched(0x36, 2, 0)), "corrupt") << "e_phentsize";
  EXPECT_EQ(error(patched(0x38, 2, 0)), "corrupt") << "no LOAD";
  EXPECT_EQ(error(patched(0x38, 2, 0xFFFF)), "truncated") << "e_phnum without sections";
  const std::size_t phdr = builder.HeaderAt(0);
  EXPECT_EQ(error(patched(phdr + 0x20, 8, ~0ULL)), "corrupt") << "p_filesz wraps";
  EXPECT_EQ(error(patched(phdr + 0x20, 8, ~0ULL - 0x10000)), "corrupt")
      << "p_filesz is beyond 2^56";
  EXPECT_EQ(error(patched(phdr + 0x18, 8, 1ULL << 56U)), "corrupt") << "p_paddr is beyond 2^56";
  EXPECT_EQ(error(patched(phdr + 0x08, 8, ~0ULL - 0xfff)), "corrupt") << "p_offset wraps";
  EXPECT_EQ(error(patched(phdr + 0x08, 8, 1ULL << 62U)), "truncated") << "p_offset past the end";
  EXPECT_EQ(error(patched(phdr + 0x28, 8, ~0ULL)), "opened") << "p_memsz is not stored memory";
}

}  // namespace
}  // namespace v2p

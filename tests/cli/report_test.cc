// The report forms, over small page tables made from debugger output that was published.
// File offsets: SparseMemory stores pages in ascending order behind 64 bytes that are no page.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/reporter.h"
#include "support/sparse_memory.h"
#include "translate/address_space.h"

namespace v2p::cli {
namespace {

using nlohmann::json;

struct Entry {
  std::uint64_t at;
  std::uint64_t value;
};

struct Case {
  ModeName mode = ModeName::kX64;
  std::uint64_t dtb = 0;
  std::uint64_t va = 0;
  std::vector<Entry> entries;
  std::uint64_t remove_page = ~std::uint64_t{0};
};

// Published: x64 4 KiB, 2 MiB and a zero PML4E. Where only entry addresses were printed, an entry
// is the next address with usual flags.
const Case kX64Page{ModeName::kX64,
                    0x130fd1000,
                    0x13fb7ff98,
                    {{0x130fd1000, 0x126616063},
                     {0x126616020, 0x124a17063},
                     {0x124a17fe8, 0x124818063},
                     {0x124818bf8, 0x80000000bdfba963}}};
const Case kX64Large{ModeName::kX64,
                     0x1ad000,
                     0xfffff8052e3ff090,
                     {{0x1adf80, 0x4b09063}, {0x4b090a0, 0x4b0a063}, {0x4b0ab88, 0x2c000e3}}};
const Case kX64Zero{ModeName::kX64, 0x12f3d4000, 0xd2af11a000, {{0x12f3d4008, 0}}};

// Renders one translation in `format`, as a run of one address does.
std::string Render(const Case& c, OutputFormat format, ReportContext context = {}) {
  test::SparseMemory pages;
  for (const Entry& entry : c.entries) {
    if (c.mode == ModeName::kX86) {
      pages.Put32(entry.at, static_cast<std::uint32_t>(entry.value));
    } else {
      pages.Put64(entry.at, entry.value);
    }
  }
  pages.RemovePage(c.remove_page);
  Image image;
  image.title = "test image";
  image.memory = pages.Build();
  RootChoice root;
  root.value = c.dtb;
  root.mode = c.mode;
  root.dtb_source = "header";
  root.mode_source = "header";
  AddressSpaceSpec spec;
  spec.mode = c.mode;
  spec.dtb = c.dtb;
  const AddressInput input{"input", VirtAddr(c.va)};
  const Walk walk = AddressSpace(*image.memory, spec).Translate(input.va);
  context.image_name = "memory.dmp";
  context.image = &image;
  context.root = &root;
  std::string out;
  const auto reporter = MakeReporter(format);
  reporter->Begin(context, &out);
  reporter->Add(Record(context, input, walk), &out);
  reporter->End(context, nullptr, &out);
  return out;
}

std::string Windbg(const Case& c) { return Render(c, OutputFormat::kWindbg); }

TEST(Windbg, X64Page) {
  EXPECT_EQ(Windbg(kX64Page),
            "Amd64VtoP: Virt 000000013fb7ff98, pagedir 0000000130fd1000\n"
            "Amd64VtoP: PML4E 0000000130fd1000\n"
            "Amd64VtoP: PDPE 0000000126616020\n"
            "Amd64VtoP: PDE 0000000124a17fe8\n"
            "Amd64VtoP: PTE 0000000124818bf8\n"
            "Amd64VtoP: Mapped phys 00000000bdfbaf98\n"
            "Virtual address 13fb7ff98 translates to physical address bdfbaf98.\n");
}

TEST(Windbg, X64LargePage) {
  EXPECT_EQ(Windbg(kX64Large),
            "Amd64VtoP: Virt fffff8052e3ff090, pagedir 00000000001ad000\n"
            "Amd64VtoP: PML4E 00000000001adf80\n"
            "Amd64VtoP: PDPE 0000000004b090a0\n"
            "Amd64VtoP: PDE 0000000004b0ab88\n"
            "Amd64VtoP: Large page mapped phys 0000000002dff090\n"
            "Virtual address fffff8052e3ff090 translates to physical address 2dff090.\n");
}

TEST(Windbg, X64ZeroEntry) {
  EXPECT_EQ(Windbg(kX64Zero),
            "Amd64VtoP: Virt 000000d2af11a000, pagedir 000000012f3d4000\n"
            "Amd64VtoP: PML4E 000000012f3d4008\n"
            "Amd64VtoP: zero PML4E\n"
            "Virtual address d2af11a000 translation fails, error 0xD0000147.\n");
}

TEST(Windbg, X64NotPresentUpperEntryIsTakenForThePageFile) {
  Case c = kX64Zero;
  c.entries = {{0x12f3d4008, 0x0001234500000004}};  // PageFileLow 2, PageFileHigh 0x12345
  EXPECT_EQ(Windbg(c),
            "Amd64VtoP: Virt 000000d2af11a000, pagedir 000000012f3d4000\n"
            "Amd64VtoP: PML4E 000000012f3d4008\n"
            "Amd64VtoP: pagefile PDPE 2:0000000012345a50\n"
            "Amd64VtoP: PML4E not present, 0xD0000147\n"
            "Virtual address d2af11a000 translation fails, error 0xD0000147.\n");
}

TEST(Windbg, X64AbsentTable) {
  Case c = kX64Page;
  c.remove_page = 0x126616000;
  EXPECT_EQ(Windbg(c),
            "Amd64VtoP: Virt 000000013fb7ff98, pagedir 0000000130fd1000\n"
            "Amd64VtoP: PML4E 0000000130fd1000\n"
            "Amd64VtoP: PDPE 0000000126616020\n"
            "Amd64VtoP: PDPE read error 0x8007001E\n"
            "Virtual address 13fb7ff98 translation fails, error 0x8007001E.\n");
}

TEST(Windbg, X64NonCanonicalHasNoWalk) {
  Case c = kX64Page;
  c.va = 0x8000000000000000;
  EXPECT_EQ(Windbg(c),
            "Amd64VtoP: Virt 8000000000000000, pagedir 0000000130fd1000\n"
            "Virtual address 8000000000000000 translation fails, error 0xD0000147.\n");
}

TEST(Windbg, FiveLevelsBeginWithAPml5e) {
  const Case c{ModeName::kX64La57,
               0x130fd0000,
               0x13fb7ff98,
               {{0x130fd0000, 0x130fd1063}, {0x130fd1000, 0x126616063}, {0x126616020, 0}}};
  EXPECT_EQ(Windbg(c),
            "Amd64VtoP: Virt 000000013fb7ff98, pagedir 0000000130fd0000\n"
            "Amd64VtoP: PML5E 0000000130fd0000\n"
            "Amd64VtoP: PML4E 0000000130fd1000\n"
            "Amd64VtoP: PDPE 0000000126616020\n"
            "Amd64VtoP: zero PDPE\n"
            "Virtual address 13fb7ff98 translation fails, error 0xD0000147.\n");
}

TEST(Windbg, PaeShowsValues) {
  const Case c{
      ModeName::kPae,
      0xa680320,
      0x4197b0,
      {{0xa680320, 0x17f20001}, {0x17f20010, 0x17c63067}, {0x17c630c8, 0x8000000018034067}}};
  EXPECT_EQ(Windbg(c),
            "X86VtoP: Virt 00000000004197b0, pagedir 000000000a680320\n"
            "X86VtoP: PAE PDPE 000000000a680320 - 0000000017f20001\n"
            "X86VtoP: PAE PDE 0000000017f20010 - 0000000017c63067\n"
            "X86VtoP: PAE PTE 0000000017c630c8 - 8000000018034067\n"
            "X86VtoP: PAE Mapped phys 00000000180347b0\n"
            "Virtual address 4197b0 translates to physical address 180347b0.\n");
}

TEST(Windbg, PaeLargePageAndZeroEntry) {
  const Case large{
      ModeName::kPae, 0x34c000, 0x8056f58c, {{0x34c010, 0x34f001}, {0x34f010, 0x4001e3}}};
  EXPECT_EQ(Windbg(large),
            "X86VtoP: Virt 000000008056f58c, pagedir 000000000034c000\n"
            "X86VtoP: PAE PDPE 000000000034c010 - 000000000034f001\n"
            "X86VtoP: PAE PDE 000000000034f010 - 00000000004001e3\n"
            "X86VtoP: PAE Large page mapped phys 000000000056f58c\n"
            "Virtual address 8056f58c translates to physical address 56f58c.\n");
  const Case zero{ModeName::kPae,
                  0xa680320,
                  0,
                  {{0xa680320, 0x17f20001}, {0x17f20000, 0x18029067}, {0x18029000, 0}}};
  EXPECT_EQ(Windbg(zero),
            "X86VtoP: Virt 0000000000000000, pagedir 000000000a680320\n"
            "X86VtoP: PAE PDPE 000000000a680320 - 0000000017f20001\n"
            "X86VtoP: PAE PDE 0000000017f20000 - 0000000018029067\n"
            "X86VtoP: PAE PTE 0000000018029000 - 0000000000000000\n"
            "X86VtoP: PAE zero PTE\n"
            "Virtual address 0 translation fails, error 0xD0000147.\n");
}

TEST(Windbg, X86) {
  const Case first{
      ModeName::kX86, 0xd4a6000, 0xf9234000, {{0xd4a6f90, 0x1014163}, {0x10148d0, 0xf000017b}}};
  EXPECT_EQ(Windbg(first),
            "X86VtoP: Virt 00000000f9234000, pagedir 000000000d4a6000\n"
            "X86VtoP: PDE 000000000d4a6f90 - 01014163\n"
            "X86VtoP: PTE 00000000010148d0 - f000017b\n"
            "X86VtoP: Mapped phys 00000000f0000000\n"
            "Virtual address f9234000 translates to physical address f0000000.\n");
  const Case large{ModeName::kX86, 0x185000, 0x80123456, {{0x185800, 0x4001e3}}};
  EXPECT_EQ(Windbg(large),
            "X86VtoP: Virt 0000000080123456, pagedir 0000000000185000\n"
            "X86VtoP: PDE 0000000000185800 - 004001e3\n"
            "X86VtoP: Large page mapped phys 0000000000523456\n"
            "Virtual address 80123456 translates to physical address 523456.\n");
}

TEST(Windbg, Arm64HasALowerCaseVirt) {
  const Case c{ModeName::kArm64,
               0xf75ad0000,
               0xfffff801a806e2c0,
               {{0xf75ad0f80, 0x60000081715f23},
                {0x81715030, 0x60000081714f23},
                {0x81714a00, 0x60000081d04f23},
                {0x81d04370, 0x9040000fdc755783}}};
  // The published middle entries all lie in one page: only the first table's is at another place.
  EXPECT_EQ(Windbg(c),
            "Arm64VtoP: virt fffff801a806e2c0, pagedir 0000000f75ad0000\n"
            "Arm64VtoP: PML4E 0000000f75ad0f80\n"
            "Arm64VtoP: PDPE 0000000081715030\n"
            "Arm64VtoP: PDE 0000000081714a00\n"
            "Arm64VtoP: PTE 0000000081d04370\n"
            "Arm64VtoP: Mapped phys 0000000fdc7552c0\n"
            "Virtual address fffff801a806e2c0 translates to physical address fdc7552c0.\n");
}

TEST(Ndjson, TheRecordHasItsKeysInOrder) {
  EXPECT_EQ(Render(kX64Large, OutputFormat::kNdjson),
            R"({"schema":"v2p.translation/1","image":"memory.dmp","input":"input",)"
            R"("va":"0xfffff8052e3ff090","status":"mapped","state":"present","reason":null,)"
            R"("pa":"0x0000000002dff090","page_bytes":2097152,"page_in_image":false,)"
            R"("file_offset":null,"hresult":"0x00000000","offsets_hresult":"0x00000000",)"
            R"("stop":null,"levels":5,"offsets":["0x00000000001ad000","0x00000000001adf80",)"
            R"("0x0000000004b090a0","0x0000000004b0ab88","0x0000000002dff090"],"mode":"x64",)"
            R"("mode_source":"header","dtb":"0x00000000001ad000","dtb_source":"header",)"
            R"("confidence":null,"walk":[)"
            R"({"level":"PML4E","index":496,"entry_at":"0x00000000001adf80",)"
            R"("entry":"0x0000000004b09063","file_offset":4032,)"
            R"("flags":["present","writable","accessed"]},)"
            R"({"level":"PDPTE","index":20,"entry_at":"0x0000000004b090a0",)"
            R"("entry":"0x0000000004b0a063","file_offset":4320,)"
            R"("flags":["present","writable","accessed"]},)"
            R"({"level":"PDE","index":369,"entry_at":"0x0000000004b0ab88",)"
            R"("entry":"0x0000000002c000e3","file_offset":11208,)"
            R"("flags":["present","writable","accessed","dirty","large"]}],"nonresident":null})"
            "\n");
}

TEST(Ndjson, AnUnreadEntryIsNullAndNotAmongTheOffsets) {
  Case c = kX64Page;
  c.remove_page = 0x126616000;
  const json record = json::parse(Render(c, OutputFormat::kNdjson));
  EXPECT_EQ(record["status"], "table-not-in-image");
  EXPECT_EQ(record["hresult"], "0x8007001e");
  EXPECT_EQ(record["offsets_hresult"], "0x00000001");
  EXPECT_EQ(record["stop"], "0x8007001e");
  EXPECT_TRUE(record["pa"].is_null());
  EXPECT_TRUE(record["state"].is_null());
  EXPECT_EQ(record["levels"], 2);
  EXPECT_EQ(record["offsets"].size(), 2U);
  ASSERT_EQ(record["walk"].size(), 2U);
  EXPECT_TRUE(record["walk"][1]["entry"].is_null());
  EXPECT_TRUE(record["walk"][1]["file_offset"].is_null());
  EXPECT_EQ(record["walk"][1]["entry_at"], "0x0000000126616020");
}

TEST(Ndjson, OffsetsSizeCutsTheListAndNotTheCount) {
  ReportContext context;
  context.offsets_size = 2;
  const json record = json::parse(Render(kX64Page, OutputFormat::kNdjson, context));
  EXPECT_EQ(record["offsets"].size(), 2U);
  EXPECT_EQ(record["levels"], 6);
  EXPECT_EQ(record["offsets_hresult"], "0x00000000");
}

TEST(Json, OneDocumentAroundTheRecords) {
  const json document = json::parse(Render(kX64Page, OutputFormat::kJson));
  EXPECT_EQ(document["schema"], "v2p.translations/1");
  EXPECT_EQ(document["image"], "memory.dmp");
  EXPECT_EQ(document["dtb"], "0x0000000130fd1000");
  ASSERT_EQ(document["translations"].size(), 1U);
  EXPECT_EQ(document["translations"][0], json::parse(Render(kX64Page, OutputFormat::kNdjson)));
  EXPECT_TRUE(document["error"].is_null());
}

TEST(Csv, OneRowWithTheColumnsOfTheRecord) {
  EXPECT_EQ(Render(kX64Zero, OutputFormat::kCsv),
            "schema,image,input,va,status,state,reason,pa,page_bytes,page_in_image,file_offset,"
            "hresult,offsets_hresult,stop,levels,offsets,mode,mode_source,dtb,dtb_source,"
            "confidence,nonresident\r\n"
            "v2p.translation/1,memory.dmp,input,0x000000d2af11a000,not-present,zero,zero-entry,,,"
            ",,0xd0000147,0x00000001,0xd0000147,2,0x000000012f3d4000 0x000000012f3d4008,x64,"
            "header,0x000000012f3d4000,header,,\r\n");
}

TEST(Text, OneLineAnAddress) {
  EXPECT_EQ(Render(kX64Page, OutputFormat::kText),
            "00000001`3fb7ff98  ->  00000000`bdfbaf98   4K   not in the image\n");
  Case c = kX64Page;
  c.remove_page = 0x126616000;
  EXPECT_EQ(Render(c, OutputFormat::kText),
            "00000001`3fb7ff98  ->  table not in the image: PDPTE page 00000001`26616000  "
            "0x8007001E\n");
}

TEST(Text, TheWholeWalk) {
  ReportContext context;
  context.detailed = true;
  EXPECT_EQ(
      Render(kX64Zero, OutputFormat::kText, context),
      "000000d2`af11a000  ->  not present at PML4E: zero entry                      0xD0000147\n"
      "\n"
      "  level  index  entry at            entry              flags                  entry in "
      "file\n"
      "  DTB           00000001`2f3d4000\n"
      "  PML4E     1   00000001`2f3d4008   0000000000000000                          0x48\n"
      "\n"
      "  VirtualToPhysical 0xD0000147; GetVirtualTranslationPhysicalOffsets S_FALSE, 2 levels\n"
      "  memory.dmp: test image; DTB 0x12f3d4000 from the header, mode x64 from the header\n");
}

}  // namespace
}  // namespace v2p::cli

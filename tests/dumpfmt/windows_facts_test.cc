// What Windows crash dump headers claim: every fact, fillers left out, triage blocks.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "dumpfmt/windows_text.h"
#include "support/layout.h"
#include "support/windows_dump_builder.h"
#include "support/windows_dump_checks.h"

namespace v2p {
namespace {

using test::DumpBody;
using test::FactText;
using test::Layout;
using test::OpenBytes;
using test::PutLe;
using test::PutText;
using test::Warnings;
using test::WindowsDumpBuilder;

constexpr std::uint64_t kFiller = 0x4547415045474150;

Image MustOpen(WindowsDumpBuilder builder) {
  auto image = OpenBytes(builder.Build());
  if (!image) throw std::runtime_error(image.error().OneLine());
  return std::move(*image);
}

// Facts of the header fields that both widths have, with values that fit 32 bits. The time's text
// is what GNU date prints for it.
struct Field {
  const char* name;
  std::uint64_t value;
  const char* key;
  const char* text;
};

const Field kFields[] = {
    {"MajorVersion", 12, "major-version", "12"},
    {"MinorVersion", 22621, "build", "22621"},
    {"NumberProcessors", 96, "processors", "96"},
    {"PfnDataBase", 0x83000000, "pfn-database", "0x83000000"},
    {"PsLoadedModuleList", 0x81234560, "ps-loaded-module-list", "0x81234560"},
    {"PsActiveProcessHead", 0x82345670, "ps-active-process-head", "0x82345670"},
    {"KdDebuggerDataBlock", 0x84567890, "kd-debugger-data-block", "0x84567890"},
    {"KdSecondaryVersion", 2, "kd-secondary-version", "2"},
    {"BugCheckCode", 0x1000007E, "bugcheck-code", "0x1000007e"},
    {"BugCheckParameter1", 0x11, "bugcheck-parameter-1", "0x11"},
    {"BugCheckParameter2", 0x22, "bugcheck-parameter-2", "0x22"},
    {"BugCheckParameter3", 0x33, "bugcheck-parameter-3", "0x33"},
    {"BugCheckParameter4", 0x44, "bugcheck-parameter-4", "0x44"},
    {"ExceptionCode", 0x80000003, "exception-code", "0x80000003"},
    {"Attributes", 0x21808, "attributes", "0x00021808 kernel-generated-triage-dump"},
    {"BootId", 25, "boot-id", "25"},
    {"MiniDumpFields", 0xCFF, "mini-dump-fields", "0x00000cff"},
    {"SecondaryDataState", 0xC0000001, "secondary-data-state", "0xc0000001"},
    {"ProductType", 3, "product-type", "server"},
    {"SuiteMask", 0x110, "suite-mask", "0x00000110"},
    {"WriterStatus", 0, "writer-status", "0x00000000"},
    {"RequiredDumpSpace", 0x123456789A, "required-dump-space", "78187493530"},
    {"SystemTime", 132769543968108446, "system-time", "2021-09-24T10:53:16.8108446Z"},
    {"SystemUpTime", 0xC92A69C000 + 12345, "system-uptime", "1d 00:00:00.001"},
};

TEST(WindowsFactsTest, EveryHeaderField) {
  for (const bool is_64 : {false, true}) {
    WindowsDumpBuilder builder(is_64, 1, {{1, 1}});
    for (const Field& field : kFields) builder.Set(field.name, field.value);
    builder.Set("ExceptionAddress", 0x8ABCDEF0);
    builder.SetText("Comment", "a comment").SetText("VersionUser", "a user");
    const Image image = MustOpen(builder);
    for (const Field& field : kFields) EXPECT_EQ(FactText(image, field.key), field.text) << is_64;
    EXPECT_EQ(FactText(image, "exception-address"), "0x8abcdef0");
    EXPECT_EQ(FactText(image, "comment"), "a comment");
    EXPECT_EQ(FactText(image, "version-user"), "a user");
    EXPECT_EQ(FactText(image, "build-kind"), "checked");
    EXPECT_EQ(FactText(image, "signature"), is_64 ? "PAGEDU64" : "PAGEDUMP");
    EXPECT_EQ(FactText(image, "header-run-count"), "1");
    EXPECT_EQ(FactText(image, "header-pages"), "1");
  }
}

TEST(WindowsFactsTest, FillersAreUnset) {
  for (const bool is_64 : {false, true}) {
    WindowsDumpBuilder builder(is_64, 6, {{1, 1}});
    for (const Field& field : kFields) builder.Set(field.name, kFiller);
    // Of the filler text, a single byte shows its own letter.
    builder.Set("KdSecondaryVersion", 'A').Set("DirectoryTableBase", kFiller);
    if (!is_64) builder.Set("PaeEnabled", 'P');
    const Image image = MustOpen(builder);
    for (const Field& field : kFields) EXPECT_EQ(FactText(image, field.key), "-") << field.key;
    for (const char* key : {"comment", "version-user", "exception-address", "context-ip",
                            "pae-enabled", "directory-table-base", "header-run-count"}) {
      EXPECT_EQ(FactText(image, key), "-") << key;
    }
    EXPECT_TRUE(image.facts.dtb_claims.empty());
    EXPECT_EQ(Warnings(image, "no DirectoryTableBase"), 1);
  }
}

TEST(WindowsFactsTest, HalfFilled64BitFieldsKeepTheirLowHalf) {
  WindowsDumpBuilder builder(true, 1, {{1, 1}});
  const Image image = MustOpen(builder.Set("RequiredDumpSpace", 0x4547415000002000));
  EXPECT_EQ(FactText(image, "required-dump-space"), "8192");
}

TEST(WindowsFactsTest, Attributes) {
  WindowsDumpBuilder builder(true, 5, {{1, 1}});
  const Image image = MustOpen(builder.Set("Attributes", 0x2FF));
  EXPECT_EQ(FactText(image, "attributes"),
            "0x000002ff hiber-crash dump-device-power-off insufficient-dumpfile-size "
            "kernel-generated-triage-dump live-dump-generated-dump dump-is-generated-offline "
            "filter-dump-file early-boot-crash decrypted-dump");
}

TEST(WindowsFactsTest, ContextOfEachMachine) {
  struct Case {
    bool is_64;
    std::uint32_t machine;
    const char* context;
    const char* ip;
    const char* sp;
    std::uint32_t flags;
  };
  const Case cases[] = {{false, 0x14C, "context_x86", ".Eip", ".Esp", 0x10007},
                        {true, 0x8664, "context_x64", ".Rip", ".Rsp", 0x10001F},
                        {true, 0xAA64, "context_arm64", ".Pc", ".Sp", 0x400007}};
  const Layout layout("windows_dump");
  for (const Case& c : cases) {
    WindowsDumpBuilder builder(c.is_64, 1, {{1, 1}});
    auto dump = builder.Set("MachineImageType", c.machine).Build();
    const std::size_t base = builder.At("header.ContextRecord");
    const std::string context = c.context;
    layout.Put(dump, base, context + ".ContextFlags", c.flags);
    layout.Put(dump, base, context + c.ip, 0x81234567);
    layout.Put(dump, base, context + c.sp, 0x8ABCDEF8);
    const auto image = OpenBytes(dump);
    ASSERT_TRUE(image) << image.error().OneLine();
    EXPECT_EQ(FactText(*image, "context-ip"), "0x81234567");
    EXPECT_EQ(FactText(*image, "context-sp"), "0x8abcdef8");
    layout.Put(dump, base, context + ".ContextFlags", c.flags & ~1U);  // no control registers
    EXPECT_EQ(FactText(*OpenBytes(dump), "context-ip"), "-");
  }
}

TEST(WindowsFactsTest, ClaimedRootAndMode) {
  struct Case {
    bool is_64;
    std::uint32_t machine;
    int pae;
    Machine expect;
    std::optional<ModeName> mode;
  };
  const Case cases[] = {{true, 0x8664, -1, Machine::kX64, ModeName::kX64},
                        {true, 0xAA64, -1, Machine::kArm64, ModeName::kArm64},
                        {false, 0x14C, 1, Machine::kX86, ModeName::kPae},
                        {false, 0x14C, 0, Machine::kX86, ModeName::kX86},
                        {false, 0x14C, 'P', Machine::kX86, std::nullopt},
                        {false, 0x14C, 7, Machine::kX86, std::nullopt}};
  for (const Case& c : cases) {
    WindowsDumpBuilder builder(c.is_64, 1, {{1, 1}});
    builder.Set("MachineImageType", c.machine).Set("DirectoryTableBase", 0x1ad002);
    if (c.pae >= 0) builder.Set("PaeEnabled", static_cast<std::uint64_t>(c.pae));
    const Image image = MustOpen(builder);
    EXPECT_EQ(image.facts.machine, c.expect);
    EXPECT_EQ(image.facts.os, GuestOs::kWindows);
    ASSERT_EQ(image.facts.dtb_claims.size(), 1U);
    const DtbClaim& claim = image.facts.dtb_claims[0];
    EXPECT_EQ(claim.value, 0x1ad002U);  // raw: PCID bits stay
    EXPECT_EQ(claim.source, "header");
    EXPECT_EQ(claim.mode, c.mode);
    EXPECT_EQ(claim.mode_source, c.mode ? "header" : "");
    EXPECT_EQ(claim.mode_assumed, c.machine == 0x8664);
  }
}

TEST(WindowsFactsTest, ARootOfZeroIsNoClaim) {
  WindowsDumpBuilder builder(true, 1, {{1, 1}});
  const Image image = MustOpen(builder.Set("DirectoryTableBase", 0));
  EXPECT_TRUE(image.facts.dtb_claims.empty());
}

TEST(WindowsFactsTest, HeaderOnlyDumpsSayEverythingAndHoldNothing) {
  for (const bool is_64 : {false, true}) {
    WindowsDumpBuilder builder(is_64, 3, {});
    const Image image = MustOpen(builder.Set("BugCheckCode", 0xD1));
    EXPECT_EQ(image.memory, nullptr);
    EXPECT_NE(image.no_memory.find("type 3"), std::string::npos);
    EXPECT_EQ(FactText(image, "bugcheck-code"), "0x000000d1");
    EXPECT_EQ(image.facts.dtb_claims.size(), 1U);
  }
}

// A triage dump with one process and two drivers, put together field by field.
std::vector<std::byte> TriageDump(WindowsDumpBuilder& builder, bool is_64) {
  const Layout layout("windows_dump");
  auto dump = builder.Build();
  const std::size_t process = dump.size();
  layout.Put(dump, process, is_64 ? "process64.DirectoryTableBase" : "process32.DirectoryTableBase",
             0x1234000);
  dump.resize(process + 0x200);
  const std::size_t drivers = dump.size();
  dump.resize(drivers + 2 * layout.SizeOf("driver64"));
  for (std::size_t i = 0; i < 2; ++i) {
    layout.Put(dump, drivers + i * layout.SizeOf("driver64"), "driver64.NameOffset", dump.size());
    const std::u16string name = i == 0 ? u"\\SystemRoot\\nt\u00e9.exe" : u"hal\U0001F600.dll";
    PutLe(dump, dump.size(), 4, name.size());
    for (const char16_t unit : name) PutLe(dump, dump.size(), 2, unit);
    PutLe(dump, dump.size(), 2, 0);
  }
  builder.Patch(dump, "second.ProcessOffset", process);
  builder.Patch(dump, "second.ThreadOffset", process + 0x200);
  builder.Patch(dump, "second.DriverListOffset", drivers);
  builder.Patch(dump, "second.DriverCount", 2);
  builder.Patch(dump, "second.TopOfStack", 0x8765432);
  builder.Patch(dump, "second.DataBlocksOffset", 0x9000);
  builder.Patch(dump, "second.DataBlocksCount", 17);
  return dump;
}

TEST(WindowsFactsTest, TriageBlock) {
  for (const bool is_64 : {false, true}) {
    WindowsDumpBuilder builder(is_64, 4, {});
    const auto image = OpenBytes(TriageDump(builder, is_64));
    ASSERT_TRUE(image) << image.error().OneLine();
    EXPECT_EQ(image->memory, nullptr);
    EXPECT_NE(image->no_memory.find("type 4"), std::string::npos);
    EXPECT_EQ(FactText(*image, "triage-valid"), "true");
    EXPECT_EQ(FactText(*image, "triage-process-dtb"), "0x1234000");
    EXPECT_EQ(FactText(*image, "triage-process-size"), "512");
    EXPECT_EQ(FactText(*image, "triage-process-name"), "-");  // no known layout has this size
    EXPECT_EQ(FactText(*image, "triage-top-of-stack"), "0x8765432");
    EXPECT_EQ(FactText(*image, "triage-data-blocks-offset"), "0x9000");
    EXPECT_EQ(FactText(*image, "triage-data-blocks-count"), "17");
    EXPECT_EQ(FactText(*image, "triage-driver-count"), "2");
    EXPECT_EQ(FactText(*image, "triage-drivers"),
              is_64 ? "nt\xC3\xA9.exe hal\xF0\x9F\x98\x80.dll" : "-");
  }
}

TEST(WindowsFactsTest, TriageOffsetsOutsideTheFileAreLeftOut) {
  for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{0x7fffffff},
                                  std::uint64_t{0xffffffff}, kFiller & 0xFFFFFFFF}) {
    WindowsDumpBuilder builder(true, 4, {});
    auto dump = TriageDump(builder, true);
    for (const char* field : {"ValidOffset", "ProcessOffset", "PrcbOffset", "DriverListOffset",
                              "DebuggerDataOffset", "DriverCount"}) {
      builder.Patch(dump, std::string("second.") + field, bad);
    }
    const auto image = OpenBytes(dump);
    ASSERT_TRUE(image) << image.error().OneLine();
    for (const char* key : {"triage-valid", "triage-process-dtb", "triage-process-size",
                            "triage-prcb-cr3", "triage-drivers", "triage-kernel-base"}) {
      EXPECT_EQ(FactText(*image, key), "-") << key;
    }
  }
}

TEST(WindowsFactsTest, AWildDriverCountIsNotFollowed) {
  WindowsDumpBuilder builder(true, 4, {});
  auto dump = TriageDump(builder, true);
  builder.Patch(dump, "second.DriverCount", 0xffffffff);
  const auto image = OpenBytes(dump);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(FactText(*image, "triage-drivers"), "-");
}

TEST(WindowsFactsTest, EmptyDriverListsAndNames) {
  WindowsDumpBuilder builder(true, 4, {});
  auto dump = TriageDump(builder, true);
  const std::size_t list = LoadLe<std::uint32_t>(&dump.at(builder.At("second.DriverListOffset")));
  const std::size_t name = LoadLe<std::uint32_t>(&dump.at(list));
  PutLe(dump, name, 4, 0);
  EXPECT_EQ(FactText(*OpenBytes(dump), "triage-drivers"), "hal\xF0\x9F\x98\x80.dll");
  builder.Patch(dump, "second.DriverCount", 0);
  EXPECT_EQ(FactText(*OpenBytes(dump), "triage-drivers"), "-");
}

TEST(WindowsFactsTest, ACutTriageBlockLeavesTheHeader) {
  WindowsDumpBuilder builder(true, 4, {});
  auto dump = builder.Build();
  dump.resize(builder.HeaderBytes() + 0x10);
  const auto image = OpenBytes(dump);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(FactText(*image, "build"), "19041");
  EXPECT_EQ(Warnings(*image, "triage block"), 1);
}

// Expected texts are `date -u -d @SECONDS` of GNU coreutils; FILETIME 0 is 1601-01-01.
TEST(WindowsTextTest, FileTimes) {
  const auto at = [](std::int64_t unix_seconds) {
    return windows::FileTimeText(static_cast<std::uint64_t>(unix_seconds + 11644473600) *
                                 10'000'000);
  };
  EXPECT_EQ(windows::FileTimeText(0), "1601-01-01T00:00:00.0000000Z");
  EXPECT_EQ(at(0), "1970-01-01T00:00:00.0000000Z");
  EXPECT_EQ(at(951782399), "2000-02-28T23:59:59.0000000Z");
  EXPECT_EQ(at(951782400), "2000-02-29T00:00:00.0000000Z");
  EXPECT_EQ(at(1709164800), "2024-02-29T00:00:00.0000000Z");
  EXPECT_EQ(at(4107542400), "2100-03-01T00:00:00.0000000Z");
  EXPECT_EQ(at(1735689599), "2024-12-31T23:59:59.0000000Z");
  EXPECT_EQ(at(253402300799), "9999-12-31T23:59:59.0000000Z");
  EXPECT_EQ(at(253402300800), "0x24c85a5ed1c04000");
  EXPECT_EQ(windows::FileTimeText(~std::uint64_t{0}), "0xffffffffffffffff");
}

TEST(WindowsTextTest, Utf16) {
  const auto text = [](const std::u16string& units) {
    return windows::Utf16Text(std::as_bytes(std::span(units)));
  };
  EXPECT_EQ(text(u"a\u00e9\u20ac\U0001F600"), "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(text(std::u16string(1, 0xD800)), "\xEF\xBF\xBD");
  EXPECT_EQ(text(std::u16string(1, 0xDC00)), "\xEF\xBF\xBD");
  EXPECT_EQ(text(std::u16string({0xD800, 'x'})), "\xEF\xBF\xBDx");
  EXPECT_EQ(text({}), "");
}

}  // namespace
}  // namespace v2p

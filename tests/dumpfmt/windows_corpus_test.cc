// Real Windows dumps and headers: what they say, as read off with a hex dump, and where pages are.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "support/corpus.h"
#include "support/windows_dump_checks.h"

namespace v2p {
namespace {

using test::FactText;

using Expected = std::vector<std::pair<const char*, const char*>>;

void ExpectFacts(const Image& image, const Expected& expected) {
  for (const auto& [key, text] : expected) EXPECT_EQ(FactText(image, key), text) << key;
}

void ExpectClaim(const Image& image, std::uint64_t value, ModeName mode) {
  ASSERT_EQ(image.facts.dtb_claims.size(), 1U);
  EXPECT_EQ(image.facts.dtb_claims[0].value, value);
  EXPECT_EQ(image.facts.dtb_claims[0].mode, mode);
}

// The page at `pa` is stored at `at`, byte for byte as a plain read of the file gives it.
void ExpectStored(const Image& image, const std::string& path, std::uint64_t pa, std::uint64_t at) {
  const auto where = image.memory->Find(PhysAddr(pa));
  ASSERT_TRUE(where) << std::hex << pa;
  EXPECT_EQ(where->at.value, at) << std::hex << pa;
  std::vector<char> stored(kPageBytes);
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  ASSERT_TRUE(file.read(stored.data(), static_cast<std::streamsize>(stored.size())));
  std::vector<std::byte> read(kPageBytes);
  ASSERT_EQ(image.memory->Read(PhysAddr(pa), read), read.size());
  EXPECT_EQ(std::memcmp(read.data(), stored.data(), read.size()), 0) << std::hex << pa;
}

TEST(WindowsCorpusTest, DumpItHeader) {
  V2P_CORPUS_FILE(path, "windows/headers/dumpit_x64_19045_first16KiB.dmp");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  ExpectClaim(*image, 0x1ad002, ModeName::kX64);
  ExpectFacts(*image, {{"build", "19045"},
                       {"processors", "4"},
                       {"bugcheck-code", "0x5454414d"},
                       {"bugcheck-parameter-2", "0x534c4f53"},
                       {"pfn-database", "0xffffec0000000000"},
                       {"kd-debugger-data-block", "0xffffc509c480b080"},
                       {"version-user", "-"},
                       {"comment", "-"},
                       {"context-ip", "0xfffff8072aa9136d"},
                       {"context-sp", "0xffffc10f7507f190"},
                       {"exception-address", "0xfffff8072aa9136d"},
                       {"attributes",
                        "0x00000018 kernel-generated-triage-dump "
                        "live-dump-generated-dump"},
                       {"boot-id", "12"},
                       {"writer-status", "-"},
                       {"required-dump-space", "2145943552"},
                       {"header-run-count", "5"},
                       {"header-pages", "523910"}});
  EXPECT_EQ(image->facts.missing_pages, 523908U);
  EXPECT_EQ(image->memory->Extents(),
            std::vector<Extent>({{PhysAddr(0x2000), 0x2000, FileOffset(0x2000)}}));
}

TEST(WindowsCorpusTest, LiveKdHeaders) {
  V2P_CORPUS_FILE(path64, "windows/headers/livekd_x64_header.dmp");
  const auto x64 = OpenImage(path64, {});
  ASSERT_TRUE(x64) << x64.error().OneLine();
  ExpectClaim(*x64, 0x3e6b1a000, ModeName::kX64);
  ExpectFacts(*x64, {{"build", "9200"},
                     {"comment", "LiveKD live system view"},
                     {"version-user", "-"},
                     {"system-uptime", "-"},
                     {"product-type", "-"},
                     {"attributes", "-"},
                     {"kd-secondary-version", "2"},
                     {"header-run-count", "4"},
                     {"header-pages", "4193391"}});
  EXPECT_EQ(x64->facts.missing_pages, 4193391U);
  V2P_CORPUS_FILE(path32, "windows/headers/livekd_x86pae_header.dmp");
  const auto x86 = OpenImage(path32, {});
  ASSERT_TRUE(x86) << x86.error().OneLine();
  ExpectClaim(*x86, 0xbf62f2e0, ModeName::kPae);
  ExpectFacts(*x86, {{"build", "7601"},
                     {"pae-enabled", "true"},
                     {"kd-debugger-data-block", "-"},
                     {"kd-secondary-version", "-"},
                     {"comment", "LiveKD live system view"},
                     {"context-ip", "0xa0133516"},
                     {"context-sp", "0x8cc0bb08"},
                     {"header-run-count", "2"},
                     {"header-pages", "786301"}});
  EXPECT_EQ(x86->facts.missing_pages, 786301U);
}

TEST(WindowsCorpusTest, FirstMebibyteOfArm64) {
  V2P_CORPUS_FILE(path, "windows/first1MiB_arm64_19042.dmp");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->facts.machine, Machine::kArm64);
  ExpectClaim(*image, 0x2200c0000, ModeName::kArm64);
  ExpectFacts(*image, {{"build", "19042"},
                       {"processors", "8"},
                       {"header-run-count", "7"},
                       {"header-pages", "1878675"},
                       {"context-ip", "0xfffff801be0b189c"},
                       {"boot-id", "25"}});
  EXPECT_EQ(image->facts.missing_pages, 1878675U - 254U);
  EXPECT_EQ(image->memory->PresentBytes(), 254U * kPageBytes);
  ExpectStored(*image, path, 0x80000000, 0x2000);
  ExpectStored(*image, path, 0x800a9000, 0x2000 + 0xa9000);
}

TEST(WindowsCorpusTest, TriageDumpOfX64) {
  V2P_CORPUS_FILE(path, "windows/triage/triage_x64_19041.dmp");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory, nullptr);
  EXPECT_FALSE(image->no_memory.empty());
  ExpectClaim(*image, 0x1ad000, ModeName::kX64);
  ExpectFacts(*image, {{"build", "19041"},
                       {"processors", "16"},
                       {"bugcheck-code", "0x1000007e"},
                       {"bugcheck-parameter-1", "0xffffffffc0000005"},
                       {"ps-active-process-head", "0xfffff8047c61e200"},
                       {"header-run-count", "-"},
                       {"triage-valid", "true"},
                       {"triage-driver-count", "151"},
                       {"triage-data-blocks-count", "1831"},
                       {"triage-debugger-data-size", "896"},
                       {"triage-kernel-base", "0xfffff8047ba00000"},
                       {"triage-prcb-cr3", "0x1ad000"},
                       {"triage-process-dtb", "0x1ad000"},
                       {"triage-process-size", "2624"},
                       {"triage-process-id", "4"},
                       {"triage-process-name", "System"}});
  const std::string drivers = FactText(*image, "triage-drivers");
  EXPECT_EQ(drivers.rfind("ntoskrnl.exe hal.dll kd.dll CLFS.SYS ", 0), 0U) << drivers;
  EXPECT_EQ(std::count(drivers.begin(), drivers.end(), ' '), 150);
}

TEST(WindowsCorpusTest, TriageDumpOfArm64) {
  V2P_CORPUS_FILE(path, "windows/triage/triage_arm64_22000.dmp");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->memory, nullptr);
  ExpectClaim(*image, 0x946aa000, ModeName::kArm64);
  ExpectFacts(*image, {{"build", "22000"},
                       {"processors", "8"},
                       {"ps-active-process-head", "0xfffff803f3a1d1c0"},
                       {"context-ip", "0xfffff803f32de014"},
                       {"context-sp", "0xffffe00e0e4bc4a0"},
                       {"triage-kernel-base", "0xfffff803f2e00000"},
                       {"triage-prcb-cr3", "-"},
                       {"triage-driver-count", "245"},
                       {"triage-process-dtb", "0x946aa000"},
                       {"triage-process-size", "3200"},
                       {"triage-process-id", "4"},
                       {"triage-process-name", "System"}});
}

TEST(WindowsCorpusTest, BitmapDumpOfRealPages) {
  V2P_CORPUS_FILE(path, "windows/rewind_cng_safeguarded/wrapped.bitmapkernel.dmp");
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_TRUE(image->warnings.empty());
  ExpectClaim(*image, 0x235500002, ModeName::kX64);
  ExpectFacts(*image, {{"dump-type", "6"},
                       {"build", "17763"},
                       {"context-ip", "0xfffff8051b28642c"},
                       {"context-sp", "0xffffde0b7d3416d8"},
                       {"bitmap-bits", "2352640"},
                       {"bitmap-set-bits", "933"},
                       {"first-page-offset", "0x4a000"}});
  EXPECT_EQ(image->memory->PresentBytes(), 933U * kPageBytes);
  EXPECT_EQ(image->memory->Extents().size(), 624U);  // registers.json: runs
  EXPECT_EQ(image->memory->End().value, 0x23e600000U);
  // The code at the instruction pointer, from registers.json.
  std::vector<std::byte> code(16);
  ASSERT_EQ(image->memory->Read(PhysAddr(0x237f3242c), code), code.size());
  std::string hex;
  for (const std::byte b : code) hex += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  EXPECT_EQ(hex, "48895c24088954241055565741544155");
}

struct QemuDump {
  const char* file;
  std::uint64_t dtb;
  ModeName mode;
  std::uint64_t header;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> runs;  // win.json
  const char* debugger_data;
};

void PrintTo(const QemuDump& dump, std::ostream* out) { *out << dump.file; }

class WrittenByQemu : public testing::TestWithParam<QemuDump> {};

TEST_P(WrittenByQemu, RunsAndClaims) {
  const QemuDump& dump = GetParam();
  V2P_CORPUS_FILE(path, dump.file);
  const auto image = OpenImage(path, {});
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_TRUE(image->warnings.empty());
  ExpectClaim(*image, dump.dtb, dump.mode);
  EXPECT_EQ(FactText(*image, "kd-debugger-data-block"), dump.debugger_data);
  std::vector<Extent> expected;
  std::uint64_t at = dump.header;
  for (const auto& [first, pages] : dump.runs) {
    expected.push_back({Pfn(first).Base(), pages * kPageBytes, FileOffset(at)});
    ExpectStored(*image, path, first * kPageBytes, at);
    at += pages * kPageBytes;
    ExpectStored(*image, path, (first + pages - 1) * kPageBytes, at - kPageBytes);
  }
  EXPECT_EQ(image->memory->Extents(), expected);
  EXPECT_EQ(image->memory->Source().Size(), at);
}

INSTANTIATE_TEST_SUITE_P(Corpus, WrittenByQemu,
                         testing::Values(QemuDump{"guests/win64/win64.dmp",
                                                  4381179904,
                                                  ModeName::kX64,
                                                  0x2000,
                                                  {{1, 158}, {256, 32480}, {1048576, 32768}},
                                                  "0xffff8ea845c20000"},
                                         QemuDump{"guests/win32pae/win32pae.dmp",
                                                  30352032,
                                                  ModeName::kPae,
                                                  0x1000,
                                                  {{1, 158}, {256, 40672}, {1048576, 40960}},
                                                  "0xb7820000"}));

}  // namespace
}  // namespace v2p

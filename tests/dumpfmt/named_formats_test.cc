// Containers that are recognised but not read: each is named, refused, and says what to do.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/named_formats.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/bytes.h"
#include "dumpfmt/format.h"
#include "support/corpus.h"
#include "support/layout.h"
#include "support/memory_source.h"

namespace v2p {
namespace {

// First bytes as hexadecimal, from the formats' own documents; `at` for marks that stand elsewhere.
struct Sample {
  const char* name;
  const char* hex;
  std::size_t at = 0;
};

constexpr Sample kSamples[] = {
    {"user-minidump", "4d444d5093a700000d000000"},
    {"avml-compressed", "41564d4c02000000"},
    {"kdump", "4b44554d5020202006000000"},
    {"kdump", "4449534b44554d5006000000"},
    {"makedumpfile-flattened", "6d616b6564756d7066696c6500000000"},
    {"lkcd", "ed238f61730119a8"},
    {"qemu-savevm", "5145564d00000003"},
    {"libvirt-save", "4c6962766972745165 6d7564536176 65"},
    {"xen-save", "58656e20736176656420646f6d61696e2c20786c20666f726d6174"},
    {"vmware-state", "d2bed2be"},
    {"vmware-state", "d0bed0be"},
    {"vmware-state", "d0bed2be"},
    {"vmware-state", "d3bed3be"},
    {"vmware-state", "d1bad1ba"},
    {"vmware-state", "d2bad2ba"},
    {"virtualbox-saved-state", "7f5669727475616c426f7820536176656453746174652056"},
    {"hpak", "4850414b"},
    {"ewf", "4556460 90d0aff00"},
    {"ewf", "455646320d0a8100"},
    {"aff", "41464631300d0a"},
    {"mach-o-core", "cffaedfe07000001030000000400 0000"},
    {"zip", "504b0304"},
    {"gzip", "1f8b0800"},
    {"bzip2", "425a6839314159265359"},
    {"xz", "fd377a585a00"},
    {"lz4", "04224d18"},
    {"lz4", "02214c18"},
    {"7z", "377abcaf271c"},
    {"tar", "7573746172003030", 257},
    {"tar", "7573746172202000", 257},
    {"zlib", "7801ed"},
    {"zlib", "785ead"},
    {"zlib", "789ced"},
    {"zlib", "78daed"},
    {"qcow2", "514649fb00000003"},
    {"vmdk", "4b444d5601000000"},
    {"vhdx", "7668647866696c65"},
    {"vhd", "636f6e6563746978"},
    {"vdi", "7f10dabe", 0x40},
};

std::vector<std::byte> FromHex(const Sample& sample) {
  std::vector<std::byte> bytes(0x2000);
  std::string digits;
  for (const char* p = sample.hex; *p != '\0'; ++p) {
    if (*p != ' ') digits.push_back(*p);
  }
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes[sample.at + i / 2] = static_cast<std::byte>(std::stoul(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

Result<Image> Open(std::vector<std::byte> bytes, const OpenOptions& options = {}) {
  return OpenImage(std::make_shared<test::MemorySource>(std::move(bytes)), options);
}

const Format* Find(std::string_view name) {
  for (const Format* format : Formats()) {
    if (format->name == name) return format;
  }
  return nullptr;
}

void ExpectNamed(const Result<Image>& image, std::string_view name) {
  const Format* format = Find(name);
  ASSERT_NE(format, nullptr) << name;
  ASSERT_FALSE(image) << name << " was opened as " << image->format;
  EXPECT_EQ(image.error().kind, ErrorKind::kUnsupported) << name;
  EXPECT_NE(image.error().message.find(format->description), std::string::npos)
      << name << ": " << image.error().message;
  EXPECT_NE(image.error().message.find(format->next_step), std::string::npos) << name;
}

TEST(NamedFormatsTest, EachIsRecognisedAndRefused) {
  for (const Sample& sample : kSamples) ExpectNamed(Open(FromHex(sample)), sample.name);
}

TEST(NamedFormatsTest, EveryRowHasASampleOrATestOfItsOwn) {
  std::set<std::string_view> seen = {"aff4", "pe"};
  for (const Sample& sample : kSamples) seen.insert(sample.name);
  for (const Format& format : NamedFormats()) {
    EXPECT_TRUE(seen.contains(format.name)) << format.name;
    EXPECT_FALSE(format.next_step.empty()) << format.name;
    EXPECT_EQ(format.open, nullptr) << format.name;
  }
}

TEST(NamedFormatsTest, NothingIsRecognisedAnywhereElse) {
  for (const Sample& sample : kSamples) {
    auto bytes = FromHex(sample);
    bytes.insert(bytes.begin(), std::byte{0});
    const auto image = Open(std::move(bytes));
    ASSERT_TRUE(image) << sample.name << ": " << image.error().OneLine();
    EXPECT_EQ(image->format, "raw") << sample.name;
  }
}

TEST(NamedFormatsTest, AnOverrideOpensThemAsRawWithAWarning) {
  OpenOptions options;
  options.as = "raw";
  const auto image = Open(FromHex({"zlib", "789ced"}), options);
  ASSERT_TRUE(image) << image.error().OneLine();
  EXPECT_EQ(image->format, "raw");
  ASSERT_EQ(image->warnings.size(), 1U);
  EXPECT_NE(image->warnings[0].find("zlib"), std::string::npos);
}

TEST(NamedFormatsTest, ZipWithAff4MembersIsAff4) {
  auto bytes = FromHex({"zip", "504b0304"});
  test::PutText(bytes, 30, "container.description");
  ExpectNamed(Open(bytes), "aff4");
}

TEST(NamedFormatsTest, ProgramsNeedTheirSignature) {
  auto bytes = FromHex({"pe", "4d5a"});
  test::PutLe(bytes, 0x3C, 4, 0x80);
  const auto without = Open(bytes);
  ASSERT_TRUE(without);
  EXPECT_EQ(without->format, "raw");
  test::PutText(bytes, 0x80, "PE");
  ExpectNamed(Open(bytes), "pe");
}

TEST(NamedFormatsTest, DeflateCannotBeginWithBlockType3) {
  const auto image = Open(FromHex({"zlib", "789c07"}));
  ASSERT_TRUE(image);
  EXPECT_EQ(image->format, "raw");
}

TEST(NamedFormatsTest, MachOProgramsAreNotCores) {
  const auto image = Open(FromHex({"mach-o-core", "cffaedfe070000010300000002000000"}));
  ASSERT_TRUE(image);
  EXPECT_EQ(image->format, "raw");
}

TEST(NamedFormatsTest, MarksCutShortAreNotRecognised) {
  for (const Sample& sample : kSamples) {
    auto bytes = FromHex(sample);
    bytes.resize(sample.at + 1);
    const auto image = Open(std::move(bytes));
    ASSERT_TRUE(image) << sample.name;
    EXPECT_EQ(image->format, "raw") << sample.name;
  }
}

TEST(NamedFormatsCorpusTest, RealUserMinidump) {
  V2P_CORPUS_FILE(path, "other/user_minidump_calc.dmp");
  ExpectNamed(OpenImage(path, {}), "user-minidump");
}

}  // namespace
}  // namespace v2p

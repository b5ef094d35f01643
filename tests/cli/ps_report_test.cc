// The forms of `v2p ps`: what stands in them, and that names of the image cannot harm a reader.
// SPDX-License-Identifier: Apache-2.0
#include "cli/ps_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

namespace v2p::cli {
namespace {

constexpr std::uint64_t kNewYear2026 = 134'116'992'000'000'000;  // FILETIME of 2026-01-01 00:00 UTC

std::vector<System> OneSystem() {
  System system;
  system.os = GuestOs::kWindows;
  system.version = "10.0.19041";
  system.build = 19041;
  system.kernel.root = Root{ModeName::kX64, PhysAddr(0x1AD000), std::nullopt};
  system.kernel.confidence = 97;
  Process first;
  first.pid = 4;
  first.parent_pid = 0;
  first.name = "System";
  first.root = system.kernel.root;
  first.linkage = Linkage::kLinked;
  Process second;
  second.pid = 4312;
  second.name = "=evil\x1b\xff,\"";
  second.object = VirtAddr(0xFFFFC08BDCE94180);
  second.object_at = PhysAddr(0x12345180);
  second.root = Root{ModeName::kX64, PhysAddr(0x13F2C0000), std::nullopt};
  second.user_root = Root{ModeName::kX64, PhysAddr(0x13F2BF000), std::nullopt};
  second.create_time = kNewYear2026;
  second.linkage = Linkage::kHidden;
  system.processes = {first, second};
  system.orphans = {{Root{ModeName::kX64, PhysAddr(0x7B5000), std::nullopt}, true}};
  return {system};
}

bool IsPrintable(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\r'; });
}

TEST(PsText, TellsWhatIsOddAboutAProcess) {
  const std::string text = PsText(OneSystem());
  EXPECT_TRUE(IsPrintable(text)) << text;
  EXPECT_NE(text.find("not in the process list"), std::string::npos);
  EXPECT_NE(text.find("00000001`3f2c0000 00000001`3f2bf000 2026-01-01"), std::string::npos) << text;
  EXPECT_NE(text.find("00000000`007b5000 user shadow of no process found"), std::string::npos);
}

TEST(PsJson, HoldsTheSameRecordsAsTheLines) {
  const auto systems = OneSystem();
  const std::string text = PsJson("memory.dmp", systems);
  EXPECT_TRUE(IsPrintable(text));
  const auto document = nlohmann::json::parse(text);
  const auto& system = document.at("systems").at(0);
  std::vector<nlohmann::json> lines;
  std::string all = PsNdjson("memory.dmp", systems);
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = all.find('\n', at);
    lines.push_back(nlohmann::json::parse(all.substr(at, end - at)));
    at = end + 1;
  }
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(system.at("processes").at(0), lines[0]);
  EXPECT_EQ(system.at("processes").at(1), lines[1]);
  EXPECT_EQ(system.at("orphan_roots").at(0), lines[2]);
  EXPECT_EQ(lines[1].at("dtb"), "0x000000013f2c0000");
  EXPECT_EQ(lines[1].at("linkage"), "hidden");
  EXPECT_TRUE(lines[1].at("parent_pid").is_null());
}

TEST(PsCsv, RowsHaveTheColumnsOfTheHead) {
  const std::string text = PsCsv("a,b.dmp", OneSystem());
  EXPECT_TRUE(IsPrintable(text));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_NE(text.find("\"'=evil\\x1b\\xff,\"\"\""), std::string::npos) << text;
}

}  // namespace
}  // namespace v2p::cli

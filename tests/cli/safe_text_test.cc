// Hostile strings in JSON and on the terminal. Python's parser reads the tool's JSON in
// cli_test.py. SPDX-License-Identifier: Apache-2.0
#include "cli/safe_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "cli/json_records.h"

namespace v2p::cli {
namespace {

using nlohmann::json;

std::string Written(std::string_view text) { return Dump(Json(text)); }

TEST(JsonText, StringsComeBackAsTheyWere) {
  for (const std::string text :
       {"", "plain", "quote \" and \\ slash /", "tab\tline\nreturn\r", "\x1b[31m", "\x7f",
        "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x92\xbe", "\xc2\x9b", "\xe2\x80\xae"}) {
    EXPECT_EQ(json::parse(Written(text)).get<std::string>(), text);
  }
}

TEST(JsonText, BadUtf8BecomesTheReplacementCharacter) {
  EXPECT_EQ(Written("a\xff"
                    "b"),
            "\"a\\ufffdb\"");
  EXPECT_EQ(Written("\xc0\xaf"), "\"\\ufffd\\ufffd\"") << "an overlong slash is not a slash";
  EXPECT_EQ(Written("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"") << "a lone surrogate";
  EXPECT_EQ(Written("\xe2\x82"), "\"\\ufffd\"") << "cut short";
}

// Any bytes give ASCII that another parser takes, and text without control characters.
TEST(JsonText, AnyBytesAreSafe) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 24, '\0');
    for (char& c : text) c = static_cast<char>(random());
    const std::string written = Written(text);
    EXPECT_TRUE(json::accept(written)) << written;
    EXPECT_TRUE(std::all_of(written.begin(), written.end(), [](char c) {
      return c >= 0x20 && c < 0x7f;
    })) << written;
    const std::string safe = SafeText(text);
    EXPECT_TRUE(std::none_of(safe.begin(), safe.end(),
                             [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }));
    EXPECT_NO_THROW(json(safe).dump()) << "safe text is valid UTF-8";
  }
}

TEST(SafeText, ShowsWhatItHides) {
  EXPECT_EQ(SafeText("evil\x1b[2J.dmp"), "evil\\x1b[2J.dmp");
  EXPECT_EQ(SafeText("a\nb"), "a\\x0ab");
  EXPECT_EQ(SafeText("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(SafeText("\xc2\x9b"), "\\u{009b}") << "an 8-bit control sequence introducer";
  EXPECT_EQ(SafeText("\xe2\x80\xaegnp.exe"), "\\u{202e}gnp.exe") << "right-to-left override";
  EXPECT_EQ(SafeText("caf\xc3\xa9"), "caf\xc3\xa9");
}

}  // namespace
}  // namespace v2p::cli

// One field of a CSV row (RFC 4180).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace v2p::cli {

/// `text` made safe, and quoted where RFC 4180 asks for it.
std::string CsvField(std::string_view text);

/// The same for text that an image's owner chose: one that a spreadsheet would take for a formula
/// gets an apostrophe in front.
std::string CsvUntrusted(std::string_view text);

}  // namespace v2p::cli

// The JSON objects that several forms share, and how JSON becomes text.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/record.h"

namespace v2p::cli {

using Json = nlohmann::ordered_json;

/// `v2p.translation/1`, keys in the order of its schema.
Json TranslationJson(const Record& record);

/// `v2p.error/1`.
Json ErrorJson(std::string_view image, const Error& error);

/// "0x" and `digits` lower-case hexadecimal digits: how addresses and entries are written.
Json HexJson(std::optional<std::uint64_t> value, unsigned digits = 16);
Json OrNull(std::optional<std::uint64_t> number);
Json OrNull(std::optional<std::string_view> text);

/// Compact and pure ASCII; bytes that are no UTF-8 become U+FFFD.
std::string Dump(const Json& value);

/// `object`, not empty, without its closing brace: for members too many to be held at once.
std::string DumpOpen(const Json& object);

}  // namespace v2p::cli

// Numbers and names in words, as the text forms show them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "translate/dbgeng.h"

namespace v2p::cli {

/// fffff800`12345678
std::string Ticked(std::uint64_t address);
/// "4K", "2M", "1G"
std::string ShortSize(std::uint64_t bytes);
/// "4 KiB", "15.6 GiB"
std::string LongSize(std::uint64_t bytes);
/// 4,089,446
std::string Grouped(std::uint64_t number);
/// "S_OK", "S_FALSE", else "0xD0000147"
std::string HResultName(HResult code);
/// "from the header", "given by the user", "from cpu0-note"
std::string SourceWords(std::string_view source);

}  // namespace v2p::cli

// Numbers and names in words, as the text forms show them.
// SPDX-License-Identifier: Apache-2.0
#include "cli/text_format.h"

#include <fmt/format.h>

#include <array>

namespace v2p::cli {

std::string Ticked(std::uint64_t address) {
  return fmt::format("{:08x}`{:08x}", address >> 32U, address & 0xFFFFFFFFU);
}

std::string ShortSize(std::uint64_t bytes) {
  constexpr std::array<char, 4> kUnits = {'B', 'K', 'M', 'G'};
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && bytes >= 1024 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", bytes, kUnits[unit]);
}

std::string LongSize(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::uint64_t scale = 1;
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && bytes / 1024 >= scale) {
    scale *= 1024;
    ++unit;
  }
  if (bytes % scale == 0) return fmt::format("{} {}", bytes / scale, kUnits[unit]);
  return fmt::format("{:.1f} {}", static_cast<double>(bytes) / static_cast<double>(scale),
                     kUnits[unit]);
}

std::string Grouped(std::uint64_t number) {
  const std::string digits = fmt::format("{}", number);
  std::string grouped;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) grouped.push_back(',');
    grouped.push_back(digits[i]);
  }
  return grouped;
}

std::string HResultName(HResult code) {
  if (code == kSOk) return "S_OK";
  if (code == kSFalse) return "S_FALSE";
  return fmt::format("0x{:08X}", code);
}

std::string SourceWords(std::string_view source) {
  if (source == "user") return "given by the user";
  if (source == "header") return "from the header";
  if (source == "scan") return "found by a scan";
  if (source == "process") return "of the process";
  if (source == "locator") return "found with it";
  return fmt::format("from {}", source);
}

}  // namespace v2p::cli

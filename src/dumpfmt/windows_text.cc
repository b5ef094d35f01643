// Times and UTF-16 text.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/windows_text.h"

#include <fmt/format.h>

#include <optional>

#include "base/bytes.h"

namespace v2p::windows {
namespace {

constexpr std::uint64_t kUnitsPerSecond = 10'000'000;
constexpr std::uint64_t kSecondsPerDay = 86'400;
constexpr std::uint64_t kDaysPer400Years = 146'097;

struct Date {
  std::uint64_t year;
  unsigned month, day;
};

bool IsLeap(std::uint64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// Days since 1601-01-01, the first day of a 400-year cycle.
Date DateOf(std::uint64_t days) {
  std::uint64_t year = 1601 + 400 * (days / kDaysPer400Years);
  days %= kDaysPer400Years;
  for (;; ++year) {
    const std::uint64_t length = IsLeap(year) ? 366 : 365;
    if (days < length) break;
    days -= length;
  }
  const unsigned lengths[] = {31, IsLeap(year) ? 29U : 28U, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  unsigned month = 0;
  while (days >= lengths[month]) days -= lengths[month++];
  return {year, month + 1, static_cast<unsigned>(days) + 1};
}

void AppendUtf8(std::string& text, std::uint32_t code) {
  const auto tail = [&](unsigned shift) {
    text += static_cast<char>(0x80U | ((code >> shift) & 0x3FU));
  };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0U | (code >> 6U));
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0U | (code >> 12U));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0U | (code >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

bool IsHigh(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool IsLow(std::uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

std::string FileTimeText(std::uint64_t filetime) {
  const std::uint64_t seconds = filetime / kUnitsPerSecond;
  const Date date = DateOf(seconds / kSecondsPerDay);
  if (date.year > 9999) return fmt::format("{:#018x}", filetime);
  const std::uint64_t second = seconds % kSecondsPerDay;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z", date.year, date.month, date.day,
                     second / 3600, second / 60 % 60, second % 60, filetime % kUnitsPerSecond);
}

std::string DurationText(std::uint64_t units) {
  const std::uint64_t seconds = units / kUnitsPerSecond;
  const std::uint64_t second = seconds % kSecondsPerDay;
  return fmt::format("{}d {:02}:{:02}:{:02}.{:03}", seconds / kSecondsPerDay, second / 3600,
                     second / 60 % 60, second % 60, units % kUnitsPerSecond / 10'000);
}

std::string Utf16Text(std::span<const std::byte> bytes) {
  std::string text;
  for (std::size_t at = 0; at + 2 <= bytes.size(); at += 2) {
    std::uint32_t code = LoadLe<std::uint16_t>(bytes.data() + at);
    if (IsHigh(code)) {
      const std::uint32_t low = TryLoad<std::uint16_t>(bytes, at + 2).value_or(0);
      if (IsLow(low)) {
        code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
        at += 2;
      } else {
        code = 0xFFFD;
      }
    } else if (IsLow(code)) {
      code = 0xFFFD;
    }
    AppendUtf8(text, code);
  }
  return text;
}

}  // namespace v2p::windows

// Reading KUSER_SHARED_DATA. Offsets: ntddk.h, KUSER_SHARED_DATA, the same on all machines since
// Windows NT 4; NtBuildNumber, ActiveProcessorCount and others since Windows 10 and 7.
// SPDX-License-Identifier: Apache-2.0
#include "locate/shared_data.h"

#include <algorithm>

#include "base/bytes.h"

namespace v2p {
namespace {

constexpr std::size_t kInterruptTimeAt = 0x08;
constexpr std::size_t kSystemTimeAt = 0x14;
constexpr std::size_t kSystemRootAt = 0x30;
constexpr std::size_t kSystemRootChars = 260;
constexpr std::size_t kBuildAt = 0x260;
constexpr std::size_t kProductTypeAt = 0x264;
constexpr std::size_t kMajorAt = 0x26C;
constexpr std::size_t kMinorAt = 0x270;
constexpr std::size_t kPhysicalPagesAt = 0x2E8;
constexpr std::size_t kProcessorsAt = 0x3C0;

// FILETIME of the first days of 1996 and 2100.
constexpr std::uint64_t kEarliest = 124'650'144'000'000'000;
constexpr std::uint64_t kLatest = 157'469'184'000'000'000;

// KSYSTEM_TIME: low, high, high again; a reader retries while they differ.
std::optional<std::uint64_t> LoadTime(const std::byte* p) {
  const auto low = LoadLe<std::uint32_t>(p);
  const auto high = LoadLe<std::uint32_t>(p + 4);
  const auto again = LoadLe<std::uint32_t>(p + 8);
  if (std::max(high, again) - std::min(high, again) > 1) return std::nullopt;
  return std::uint64_t{high} << 32U | low;
}

// "C:\Windows" in UTF-16, with its end.
std::optional<std::string> LoadRoot(std::span<const std::byte> page) {
  std::string root;
  for (std::size_t i = 0; i < kSystemRootChars; ++i) {
    const auto c = LoadLe<std::uint16_t>(page.data() + kSystemRootAt + 2 * i);
    if (c == 0) break;
    if (c < 0x20 || c > 0x7E) return std::nullopt;
    root.push_back(static_cast<char>(c));
  }
  const bool drive =
      root.size() >= 3 && root.size() < kSystemRootChars && root[1] == ':' && root[2] == '\\';
  const char letter = drive ? static_cast<char>(root[0] & ~0x20) : '\0';
  if (letter < 'A' || letter > 'Z') return std::nullopt;
  return root;
}

bool IsKnownVersion(std::uint32_t major, std::uint32_t minor) {
  return (major == 4 || major == 5 || major == 6 || major == 10) && minor <= 3;
}

}  // namespace

std::optional<SharedData> ParseSharedData(std::span<const std::byte> page) {
  const auto u32 = [&](std::size_t at) { return LoadLe<std::uint32_t>(page.data() + at); };
  SharedData data;
  data.major = u32(kMajorAt);
  data.minor = u32(kMinorAt);
  if (!IsKnownVersion(data.major, data.minor)) return std::nullopt;
  const std::uint32_t product = u32(kProductTypeAt);
  if (product < 1 || product > 3) return std::nullopt;
  const auto time = LoadTime(page.data() + kSystemTimeAt);
  if (!time || *time < kEarliest || *time > kLatest) return std::nullopt;
  if (!LoadTime(page.data() + kInterruptTimeAt)) return std::nullopt;
  auto root = LoadRoot(page);
  if (!root) return std::nullopt;
  data.system_root = std::move(*root);
  data.system_time = *time;
  data.build = data.major == 10 ? u32(kBuildAt) & 0xFFFFU : 0;
  data.physical_pages = u32(kPhysicalPagesAt);
  data.processors = data.major == 4 || data.major == 5 ? 0 : u32(kProcessorsAt);
  return data;
}

}  // namespace v2p

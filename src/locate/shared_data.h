// SharedData: what KUSER_SHARED_DATA says, when a page reads like it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace v2p {

struct SharedData {
  std::uint32_t major = 0, minor = 0;
  std::uint32_t build = 0;           ///< 0: older than Windows 10, which does not say
  std::string system_root;           ///< raw, ASCII only
  std::uint32_t physical_pages = 0;  ///< NumberOfPhysicalPages
  std::uint64_t system_time = 0;     ///< FILETIME, UTC
  std::uint32_t processors = 0;      ///< ActiveProcessorCount; 0: too old to say
};

/// Nothing when `page` (4 KiB) is no KUSER_SHARED_DATA.
std::optional<SharedData> ParseSharedData(std::span<const std::byte> page);

}  // namespace v2p

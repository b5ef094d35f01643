// Times and UTF-16 text of Windows structures, as people read them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace v2p::windows {

/// A FILETIME (100 ns since 1601-01-01 UTC) in RFC 3339 form, or in hex when its year has no four
/// digits.
std::string FileTimeText(std::uint64_t filetime);

/// 100 ns units as "3d 04:05:06.789".
std::string DurationText(std::uint64_t units);

/// Little-endian UTF-16 as UTF-8; halves without a partner become U+FFFD.
std::string Utf16Text(std::span<const std::byte> bytes);

}  // namespace v2p::windows

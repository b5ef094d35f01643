// Layout of LiME version 1 range headers: LiME lime.h, struct lime_mem_range_header (packed).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace v2p::lime {

inline constexpr std::uint32_t kMagic = 0x4C694D45;  // the bytes "EMiL"
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kVersionAt = 4;
inline constexpr std::size_t kFirstAt = 8;
inline constexpr std::size_t kLastAt = 16;  // inclusive
inline constexpr std::size_t kReservedAt = 24;
inline constexpr std::size_t kHeaderBytes = 32;

}  // namespace v2p::lime

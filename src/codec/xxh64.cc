// XXH64 as the xxHash specification describes it (xxhash_spec.md, "XXH64 Algorithm Description").
// SPDX-License-Identifier: Apache-2.0
#include "codec/xxh64.h"

#include <array>
#include <bit>

#include "base/bytes.h"

namespace v2p {
namespace {

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87;
constexpr std::uint64_t kPrime2 = 0xC2B2AE3D27D4EB4F;
constexpr std::uint64_t kPrime3 = 0x165667B19E3779F9;
constexpr std::uint64_t kPrime4 = 0x85EBCA77C2B2AE63;
constexpr std::uint64_t kPrime5 = 0x27D4EB2F165667C5;

std::uint64_t Round(std::uint64_t lane, std::uint64_t input) {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

std::uint64_t Merge(std::uint64_t hash, std::uint64_t lane) {
  return (hash ^ Round(0, lane)) * kPrime1 + kPrime4;
}

// The whole 32-byte stripes in four lanes.
std::uint64_t HashStripes(const std::byte* p, const std::byte* end) {
  std::array<std::uint64_t, 4> lanes = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
  for (; p != end; p += 32) {
    for (std::size_t i = 0; i < 4; ++i) {
      lanes[i] = Round(lanes[i], LoadLe<std::uint64_t>(p + i * 8));
    }
  }
  std::uint64_t hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
                       std::rotl(lanes[3], 18);
  for (const std::uint64_t lane : lanes) hash = Merge(hash, lane);
  return hash;
}

// The last 31 bytes at most.
std::uint64_t HashTail(std::uint64_t hash, const std::byte* p, std::size_t left) {
  for (; left >= 8; p += 8, left -= 8) {
    hash ^= Round(0, LoadLe<std::uint64_t>(p));
    hash = std::rotl(hash, 27) * kPrime1 + kPrime4;
  }
  if (left >= 4) {
    hash ^= LoadLe<std::uint32_t>(p) * kPrime1;
    hash = std::rotl(hash, 23) * kPrime2 + kPrime3;
    p += 4;
    left -= 4;
  }
  for (; left > 0; ++p, --left) {
    hash ^= std::to_integer<std::uint64_t>(*p) * kPrime5;
    hash = std::rotl(hash, 11) * kPrime1;
  }
  return hash;
}

}  // namespace

std::uint64_t Xxh64(std::span<const std::byte> bytes) {
  const std::size_t whole = bytes.size() / 32 * 32;
  const std::byte* tail = bytes.data() + whole;
  std::uint64_t hash = whole == 0 ? kPrime5 : HashStripes(bytes.data(), tail);
  hash = HashTail(hash + bytes.size(), tail, bytes.size() - whole);
  hash = (hash ^ (hash >> 33U)) * kPrime2;
  hash = (hash ^ (hash >> 29U)) * kPrime3;
  return hash ^ (hash >> 32U);
}

}  // namespace v2p

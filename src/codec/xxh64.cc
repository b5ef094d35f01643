// XXH64 by the xxHash library, compiled in: nothing more to load at start-up.
// SPDX-License-Identifier: Apache-2.0
#include "codec/xxh64.h"

#ifdef __clang_analyzer__  // which warns of the library's code, and needs only the declarations
#define XXH_STATIC_LINKING_ONLY
#else
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

namespace v2p {

std::uint64_t Xxh64(std::span<const std::byte> bytes, std::uint64_t seed) {
  const std::byte none{};  // an empty span may have no address
  return XXH64(bytes.empty() ? &none : bytes.data(), bytes.size(), seed);
}

std::uint64_t Xxh3(std::span<const std::byte> bytes, std::uint64_t seed) {
  const std::byte none{};
  return XXH3_64bits_withSeed(bytes.empty() ? &none : bytes.data(), bytes.size(), seed);
}

}  // namespace v2p

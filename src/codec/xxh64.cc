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

std::uint64_t Xxh64(std::span<const std::byte> bytes) {
  const std::byte none{};  // an empty span may have no address
  return XXH64(bytes.empty() ? &none : bytes.data(), bytes.size(), 0);
}

Xxh64Stream::Xxh64Stream() : state_(std::make_shared<XXH64_state_t>()) {
  XXH64_reset(static_cast<XXH64_state_t*>(state_.get()), 0);
}

void Xxh64Stream::Update(std::span<const std::byte> bytes) {
  if (!bytes.empty()) {
    XXH64_update(static_cast<XXH64_state_t*>(state_.get()), bytes.data(), bytes.size());
  }
}

std::uint64_t Xxh64Stream::Digest() const {
  return XXH64_digest(static_cast<const XXH64_state_t*>(state_.get()));
}

}  // namespace v2p

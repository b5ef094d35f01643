// A second, dumber translator: one function a mode, written from the architecture manuals and
// sharing nothing with src/translate. The random tests compare against it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace v2p::test {

/// What the manuals say of one address. `ending` is one of mapped, not-present,
/// table-not-in-image, reserved-bits, non-canonical.
struct PlainWalk {
  std::string ending;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> entries;  ///< address and value; an entry
                                                                 ///< that is absent has value 0
  std::uint64_t root = 0;
  std::uint64_t pa = 0;
  std::uint64_t page = 0;  ///< bytes
};

/// Reads an entry of 4 or 8 bytes; nothing when memory does not hold it.
using PlainRead = std::function<std::optional<std::uint64_t>(std::uint64_t pa, unsigned bytes)>;

/// `mode` is x86, pae, x64, x64-la57 or arm64; `ttbr1` as the tool has it.
PlainWalk PlainTranslate(const std::string& mode, const PlainRead& read, std::uint64_t dtb,
                         std::optional<std::uint64_t> ttbr1, std::uint64_t va);

}  // namespace v2p::test

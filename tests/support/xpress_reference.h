// Slow and obvious Xpress decoders, written from the text of [MS-XCA] and sharing no code with the
// product's: one bit, one byte at a time, every step checked.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "codec/xpress.h"

namespace v2p::test {

XpressResult ReferencePlain(std::span<const std::byte> in, std::span<std::byte> out);
XpressResult ReferenceHuffman(std::span<const std::byte> in, std::span<std::byte> out);

}  // namespace v2p::test

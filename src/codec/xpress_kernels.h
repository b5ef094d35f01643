// The decoders as they were built for different processors; the best that runs here is used.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "codec/xpress.h"

namespace v2p::xpress {

/// What a kernel returns, in two registers: bytes used, or the fault and where.
struct Outcome {
  std::size_t at = 0;
  XpressFault fault = XpressFault::kNone;
};

using Decode = Outcome(const std::uint8_t* in, std::size_t in_size, std::uint8_t* out,
                       std::size_t out_size);

// One source file each, compiled for the processor that the namespace names.
namespace scalar {
Decode Plain, Huffman;
}
namespace ssse3 {
Decode Plain, Huffman;
}
namespace avx2 {
Decode Plain, Huffman;
}

struct Kernel {
  std::string_view name;
  Decode* plain;
  Decode* huffman;
};

/// Those that this processor can run, the one to use first.
std::span<const Kernel> Kernels();

/// The same decoding by one function of a kernel, for tests and benchmarks.
XpressResult Run(Decode* decode, std::span<const std::byte> in, std::span<std::byte> out);

}  // namespace v2p::xpress

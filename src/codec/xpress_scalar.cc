// The Xpress decoders for any processor.
// SPDX-License-Identifier: Apache-2.0
#include "codec/xpress_huffman_loop.h"
#include "codec/xpress_kernels.h"
#include "codec/xpress_plain_loop.h"

namespace v2p::xpress::scalar {
namespace {

// A type of this file alone, so that the linker merges nothing with the other kernels.
struct Copy : ScalarCopy {};

}  // namespace

Outcome Plain(const std::uint8_t* in, std::size_t in_size, std::uint8_t* out,
              std::size_t out_size) {
  return PlainLoop<Copy>(in, in_size, out, out_size).Run();
}

Outcome Huffman(const std::uint8_t* in, std::size_t in_size, std::uint8_t* out,
                std::size_t out_size) {
  return HuffmanLoop<Copy>(in, in_size, out, out_size).Run();
}

}  // namespace v2p::xpress::scalar

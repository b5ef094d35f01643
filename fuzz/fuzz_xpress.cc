// Fuzzes the Xpress decoders: every kernel against the slow reference, to the byte of input used.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "codec/xpress_kernels.h"
#include "support/xpress_reference.h"

namespace {

using Bytes = std::vector<std::byte>;

// In exactly sized heap memory, so that a byte read or written outside is noticed.
struct Exact {
  explicit Exact(std::span<const std::byte> bytes)
      : memory(new std::byte[bytes.size()]), size(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), memory.get());
  }
  std::span<std::byte> Span() const { return {memory.get(), size}; }

  std::unique_ptr<std::byte[]> memory;
  std::size_t size;
};

// Turns any 256 bytes into lengths of a complete code, as only such a table leads further: each
// length is kept while there is room, then the last symbols share what is left.
void RepairTable(std::span<std::byte> table) {
  std::uint32_t room = 1U << 15U;
  const auto set = [&](unsigned symbol, unsigned length) {
    const unsigned shift = symbol % 2 * 4;
    const auto other = std::to_integer<unsigned>(table[symbol / 2]) & (0xF0U >> shift);
    table[symbol / 2] = static_cast<std::byte>(other | length << shift);
  };
  for (unsigned symbol = 0; symbol < 512; ++symbol) {
    const unsigned length = std::to_integer<unsigned>(table[symbol / 2]) >> (symbol % 2 * 4) & 0xFU;
    const bool fits = symbol < 496 && length != 0 && room >= 1U << (15 - length);
    if (fits) room -= 1U << (15 - length);
    if (!fits) set(symbol, 0);
  }
  if (room == 1U << 15U) {  // one symbol alone cannot have all the room
    set(0, 1);
    room >>= 1U;
  }
  for (unsigned symbol = 496; room != 0; ++symbol) {
    const auto part = std::bit_floor(room);
    set(symbol, 15 - static_cast<unsigned>(std::countr_zero(part)));
    room -= part;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const bool huffman = (data[0] & 1U) != 0;
  const bool repair = (data[0] & 2U) != 0;
  const std::size_t produced = data[1] | std::size_t{data[2]} << 8U;
  const Exact in(std::as_bytes(std::span(data + 3, size - 3)));
  if (huffman && repair && in.size >= 256) RepairTable(in.Span().first(256));

  Bytes expected(produced);
  const auto verdict = huffman ? v2p::test::ReferenceHuffman(in.Span(), expected)
                               : v2p::test::ReferencePlain(in.Span(), expected);
  for (const auto& kernel : v2p::xpress::Kernels()) {
    const Exact out{Bytes(produced)};
    const auto result =
        v2p::xpress::Run(huffman ? kernel.huffman : kernel.plain, in.Span(), out.Span());
    if (result != verdict) std::abort();
    if (result && !std::equal(expected.begin(), expected.end(), out.Span().begin())) std::abort();
  }
  return 0;
}

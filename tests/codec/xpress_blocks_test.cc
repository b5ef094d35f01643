// Blocks compressed by independent encoders (libwim: Huffman, samba: plain) come back as they were,
// through every kernel and through the same libraries' decoders; truncated, they are refused or
// unchanged.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "codec/xpress.h"
#include "codec/xpress_kernels.h"
#include "support/xpress_oracles.h"
#include "support/xpress_reference.h"

namespace v2p::test {
namespace {

// Numbers below a bound, the same everywhere.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  unsigned Below(std::size_t n) { return static_cast<unsigned>(engine_() % n); }

 private:
  std::mt19937 engine_;
};

constexpr unsigned kBlocks = 10'000;

std::size_t SizeOf(unsigned i, Random& random) {
  if (i % 256 == 0) return 65536;  // what a hibernation file compresses at a time
  if (i % 16 == 0) return 1 + random.Below(8192);
  return 1 + random.Below(768);
}

void Literals(XpressBytes& out, std::size_t n, unsigned alphabet, Random& random) {
  for (; n > 0; --n) {
    const auto a = random.Below(alphabet);
    const auto b = random.Below(alphabet);
    out.push_back(static_cast<std::byte>(std::min(a, b)));  // some letters more often than others
  }
}

void Copy(XpressBytes& out, std::size_t distance, std::size_t n) {
  for (; n > 0; --n) out.push_back(out[out.size() - distance]);
}

// Literals and repetitions at near and far distances, runs, words, zeros: each block its own mix.
XpressBytes Block(std::size_t size, Random& random) {
  XpressBytes out;
  const unsigned alphabet = 1 + random.Below(random.Below(3) == 0 ? 256 : 24);
  const std::size_t near = 1 + random.Below(16);
  const unsigned longest = random.Below(4) == 0 ? 5000 : 40;
  Literals(out, 1 + random.Below(8), alphabet, random);
  while (out.size() < size) {
    switch (random.Below(6)) {
      case 0:
      case 1:
        Literals(out, 1 + random.Below(12), alphabet, random);
        break;
      case 2:
        Copy(out, 1 + random.Below(std::min(near, out.size())), 3 + random.Below(longest));
        break;
      case 3:
        out.insert(out.end(), 1 + random.Below(longest), std::byte{0});
        break;
      default:
        Copy(out, 1 + random.Below(out.size()), 3 + random.Below(30));
    }
  }
  out.resize(size);
  return out;
}

struct Method {
  xpress::Decode* xpress::Kernel::*function;
  XpressResult (*reference)(std::span<const std::byte>, std::span<std::byte>);
};
constexpr Method kPlain = {&xpress::Kernel::plain, ReferencePlain};
constexpr Method kHuffman = {&xpress::Kernel::huffman, ReferenceHuffman};

void ExpectWhole(const Method& method, const XpressBytes& stream, const XpressBytes& plain) {
  for (const xpress::Kernel& kernel : xpress::Kernels()) {
    XpressBytes out(plain.size());
    const XpressResult used = xpress::Run(kernel.*method.function, stream, out);
    ASSERT_TRUE(used) << kernel.name << ": " << Describe(used.error().fault);
    ASSERT_EQ(out, plain) << kernel.name;
    ASSERT_LE(stream.size() - *used, 4U) << kernel.name;  // end mark, look-ahead, flag word
  }
}

// A cut that took a consumed bit is refused; any other gives the same bytes.
bool ExpectCut(const Method& method, std::span<const std::byte> cut, const XpressBytes& plain) {
  XpressBytes expected(plain.size());
  const XpressResult verdict = method.reference(cut, expected);
  if (verdict) {
    EXPECT_EQ(expected, plain);
  }
  for (const xpress::Kernel& kernel : xpress::Kernels()) {
    XpressBytes out(plain.size());
    EXPECT_EQ(xpress::Run(kernel.*method.function, cut, out), verdict) << kernel.name;
    if (verdict) {
      EXPECT_EQ(out, plain) << kernel.name;
    }
  }
  return !verdict;
}

void ExpectCuts(const Method& method, const XpressBytes& stream, const XpressBytes& plain,
                Random& random) {
  const auto whole = std::span<const std::byte>(stream);
  if (stream.size() <= 512 && plain.size() <= 512) {
    std::size_t refused = 0;
    for (std::size_t n = 0; n < stream.size(); ++n) {
      refused += ExpectCut(method, whole.first(n), plain) ? 1 : 0;
    }
    ASSERT_GE(refused + 4, stream.size());
    return;
  }
  if (random.Below(16) != 0) return;  // the reference is slow
  for (int i = 0; i < 16; ++i) ExpectCut(method, whole.first(random.Below(stream.size())), plain);
}

// Every block through the encoder, our kernels and the encoder's own decoder; `each` sees the rest.
template <class Each>
unsigned RunBlocks(const Method& method, const XpressEncoder& encode, const XpressDecoder& peer,
                   Each each) {
  Random random(20261123);
  unsigned compressed = 0;
  for (unsigned i = 0; i < kBlocks && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(i);
    const XpressBytes plain = Block(SizeOf(i, random), random);
    const auto stream = encode(plain);
    if (!stream) continue;
    ++compressed;
    ExpectWhole(method, *stream, plain);
    if (i % 4 == 0) ExpectCuts(method, *stream, plain, random);
    XpressBytes theirs(plain.size());
    EXPECT_TRUE(peer(*stream, theirs) && theirs == plain);
    each(*stream, plain);
  }
  return compressed;
}

TEST(XpressBlocks, HuffmanByLibwim) {
  const auto encode = WimHuffmanEncoder();
  if (!encode) GTEST_SKIP() << "libwim15 is not installed";
  const auto nothing = [](const XpressBytes&, const XpressBytes&) {};
  // A table takes 256 bytes: short blocks seldom gain.
  EXPECT_GT(RunBlocks(kHuffman, encode, WimHuffmanDecoder(), nothing), kBlocks / 4);
}

TEST(XpressBlocks, PlainBySamba) {
  const auto encode = SambaPlainEncoder();
  if (!encode) GTEST_SKIP() << "samba-libs is not installed";
  const auto fwnt = FwntPlainDecoder();
  unsigned agreed = 0;
  const unsigned blocks = RunBlocks(kPlain, encode, SambaPlainDecoder(),
                                    [&](const XpressBytes& stream, const XpressBytes& plain) {
                                      XpressBytes theirs(plain.size());
                                      if (fwnt && fwnt(stream, theirs) && theirs == plain) ++agreed;
                                    });
  EXPECT_EQ(blocks, kBlocks);
  // libfwnt misreads some long matches (its known fault): it must agree on nearly all.
  if (fwnt) {
    EXPECT_GT(agreed, kBlocks * 9 / 10);
  }
}

}  // namespace
}  // namespace v2p::test

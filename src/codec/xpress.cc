// Entry points of the Xpress decoders and the choice of a kernel.
// SPDX-License-Identifier: Apache-2.0
#include "codec/xpress.h"

#include <array>

#include "codec/xpress_kernels.h"

namespace v2p {
namespace xpress {
namespace {

constexpr Kernel kScalar = {"scalar", scalar::Plain, scalar::Huffman};
#ifdef __x86_64__
constexpr std::array<Kernel, 3> kAll = {Kernel{"avx2", avx2::Plain, avx2::Huffman},
                                        Kernel{"ssse3", ssse3::Plain, ssse3::Huffman}, kScalar};

std::size_t FirstThatRuns() {
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2"))
    return 0;
  return __builtin_cpu_supports("ssse3") ? 1 : 2;
}
#else
constexpr std::array<Kernel, 1> kAll = {kScalar};

std::size_t FirstThatRuns() { return 0; }
#endif

}  // namespace

std::span<const Kernel> Kernels() {
  static const std::span<const Kernel> kernels = std::span(kAll).subspan(FirstThatRuns());
  return kernels;
}

XpressResult Run(Decode* decode, std::span<const std::byte> in, std::span<std::byte> out) {
  if (out.empty()) return 0;
  const Outcome outcome = decode(reinterpret_cast<const std::uint8_t*>(in.data()), in.size(),
                                 reinterpret_cast<std::uint8_t*>(out.data()), out.size());
  if (outcome.fault == XpressFault::kNone) return outcome.at;
  return tl::unexpected<XpressError>(XpressError{outcome.fault, outcome.at});
}

}  // namespace xpress

std::string_view Describe(XpressFault fault) {
  switch (fault) {
    case XpressFault::kNone:
      return "nothing is wrong";
    case XpressFault::kTableTruncated:
      return "the stream ends inside a table of code lengths";
    case XpressFault::kTruncated:
      return "the stream ends before its output is complete";
    case XpressFault::kOversubscribed:
      return "the code lengths claim more codes than there are";
    case XpressFault::kIncomplete:
      return "the code lengths leave codes without a meaning";
    case XpressFault::kBeforeOutput:
      return "a match begins before the output";
    case XpressFault::kPastOutput:
      return "a match is longer than the rest of the output";
    case XpressFault::kShortLength:
      return "a 16-bit length is less than its shorter forms hold";
  }
  return "unknown";
}

ErrorKind XpressError::Kind() const {
  const bool truncated = fault == XpressFault::kTruncated || fault == XpressFault::kTableTruncated;
  return truncated ? ErrorKind::kTruncated : ErrorKind::kCorrupt;
}

XpressResult XpressDecode(std::span<const std::byte> in, std::span<std::byte> out) {
  return xpress::Run(xpress::Kernels().front().plain, in, out);
}

XpressResult XpressHuffmanDecode(std::span<const std::byte> in, std::span<std::byte> out) {
  return xpress::Run(xpress::Kernels().front().huffman, in, out);
}

}  // namespace v2p

// Xpress decoders against libwim (Huffman) and samba and libfwnt (plain), turn by turn in one run,
// in seconds of processor time.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "codec/xpress_kernels.h"
#include "median.h"
#include "memory_blocks.h"
#include "support/xpress_oracles.h"

namespace v2p::bench {
namespace {

constexpr int kRounds = 21;
constexpr std::size_t kBlocks = 200;

struct Stream {
  test::XpressBytes packed;
  std::size_t size;
};

struct Contender {
  std::string name;
  std::function<bool(const Stream&, std::span<std::byte>)> decode;
  std::vector<double> seconds = {};
  int refused = 0;  ///< blocks; libfwnt cannot read all
};

// Of this thread: what other programs take from the machine does not count.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::vector<Stream> Compress(const std::vector<std::vector<std::byte>>& blocks,
                             const test::XpressEncoder& encode) {
  std::vector<Stream> streams;
  for (const auto& block : blocks) {
    auto packed = encode(block);
    if (packed && packed->size() < block.size()) streams.push_back({*packed, block.size()});
  }
  return streams;
}

// The first contender is the yardstick: ratios are medians of the ratios of single rounds.
void Race(std::string_view corpus, const std::vector<Stream>& streams,
          std::vector<Contender> contenders) {
  if (streams.empty()) return;
  std::vector<std::byte> out(streams.front().size + 64);
  for (int round = 0; round < kRounds; ++round) {
    for (Contender& contender : contenders) {
      const double start = CpuSeconds();
      for (const Stream& stream : streams) {
        if (!contender.decode(stream, std::span(out).first(stream.size))) ++contender.refused;
      }
      contender.seconds.push_back(CpuSeconds() - start);
    }
  }
  const double bytes =
      std::accumulate(streams.begin(), streams.end(), 0.0,
                      [](double sum, const Stream& s) { return sum + double(s.size); });
  for (const Contender& contender : contenders) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < contender.seconds.size(); ++i) {
      ratios.push_back(contenders.front().seconds[i] / contender.seconds[i]);
    }
    fmt::print("{:16} {:14} {:8.0f} MB/s {:6.2f} x {}", corpus, contender.name,
               bytes / Median(contender.seconds) / 1e6, Median(ratios), contenders.front().name);
    if (contender.refused != 0) {
      fmt::print(", {} of {} blocks refused", contender.refused / kRounds, streams.size());
    }
    fmt::print("\n");
  }
}

Contender Peer(std::string name, const test::XpressDecoder& decoder) {
  return {std::move(name), [decoder](const Stream& stream, std::span<std::byte> out) {
            return decoder(stream.packed, out);
          }};
}

std::vector<Contender> WithKernels(std::vector<Contender> all,
                                   xpress::Decode* xpress::Kernel::*function) {
  for (const xpress::Kernel& kernel : xpress::Kernels()) {
    all.push_back({"v2p " + std::string(kernel.name),
                   [function, &kernel](const Stream& stream, std::span<std::byte> out) {
                     return xpress::Run(kernel.*function, stream.packed, out).has_value();
                   }});
  }
  return all;
}

void Run() {
  const std::string image = BlockImage();
  const MemoryBlocks blocks = SampleBlocks(image, kBlocks);
  fmt::print("{}: {} blocks, {} sparse ones\n", image, blocks.real.size(), blocks.sparse.size());
  if (const auto encode = test::WimHuffmanEncoder()) {
    const auto peer = Peer("libwim", test::WimHuffmanDecoder());
    Race("huffman, real", Compress(blocks.real, encode),
         WithKernels({peer}, &xpress::Kernel::huffman));
    Race("huffman, sparse", Compress(blocks.sparse, encode),
         WithKernels({peer}, &xpress::Kernel::huffman));
  }
  if (const auto encode = test::SambaPlainEncoder()) {
    std::vector<Contender> peers = {Peer("samba", test::SambaPlainDecoder())};
    if (const auto fwnt = test::FwntPlainDecoder()) peers.push_back(Peer("libfwnt", fwnt));
    Race("plain, real", Compress(blocks.real, encode), WithKernels(peers, &xpress::Kernel::plain));
    Race("plain, sparse", Compress(blocks.sparse, encode),
         WithKernels(peers, &xpress::Kernel::plain));
  }
}

}  // namespace
}  // namespace v2p::bench

int main() { v2p::bench::Run(); }

// `convert` of a hibernation file of real pages on two cores, against the speed at which one core
// decodes them; apart from it what its parts cost. Usage: convert_bench [MIB [ROUNDS [FOLDER]]]
// The output goes to /dev/shm and to FOLDER: a disk, or a tmpfs mounted with huge=always.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "codec/new_file.h"
#include "codec/xpress.h"
#include "dumpfmt/convert.h"
#include "dumpfmt/format.h"
#include "dumpfmt/memory_chunks.h"
#include "median.h"
#include "memory_blocks.h"
#include "support/layout.h"
#include "support/xpress_oracles.h"

namespace v2p::bench {
namespace {

using Bytes = std::vector<std::byte>;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBlockBytes = 16 * kPageBytes;
constexpr std::uint64_t kSectionPage = 8;
constexpr unsigned kThreads = 2;

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Huffman streams of pages that hold something, as libwim writes them.
std::vector<Bytes> Streams() {
  const auto encode = test::WimHuffmanEncoder();
  if (!encode) return {};
  std::vector<Bytes> streams;
  for (const Bytes& block : SampleBlocks(BlockImage(), 1000).real) {
    auto packed = encode(block);
    if (packed && packed->size() < block.size()) streams.push_back(std::move(*packed));
  }
  return streams;
}

// A set of 16 pages each, over and over until `sets` are reached, with a hole behind every fourth.
void WriteHiberfil(const std::string& path, const std::vector<Bytes>& streams, std::uint64_t sets) {
  const test::Layout layout("hiberfil");
  Bytes head(kSectionPage * kPageBytes);
  const auto put = [&](const char* field, std::uint64_t value) {
    layout.Put(head, 0, field, value);
  };
  test::PutText(head, 0, "HIBR");
  put("modern64.LengthSelf", 0x3E0);
  put("modern64.PageSize", kPageBytes);
  put("modern64_3E0.FirstKernelRestorePage", kSectionPage);
  put("modern64_3E0.KernelPagesProcessed", sets * 16);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  const auto write = [&](const Bytes& bytes) {
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  };
  write(head);
  for (std::uint64_t i = 0; i < sets; ++i) {
    const Bytes& stream = streams[i % streams.size()];
    Bytes set;
    test::PutLe(set, 0, 4, 1U | stream.size() << 8U | std::uint64_t{8} << 28U);
    test::PutLe(set, 4, 8, (i * 16 + i / 4) << 4U | 15U);
    write(set);
    write(stream);
  }
}

double DecodeSeconds(const std::vector<Bytes>& streams, std::uint64_t sets) {
  Bytes out(kBlockBytes);
  const auto start = Clock::now();
  for (std::uint64_t i = 0; i < sets; ++i) {
    if (!XpressHuffmanDecode(streams[i % streams.size()], out)) std::exit(1);
  }
  return Since(start);
}

// What convert does without its output.
double FetchSeconds(const std::string& in) {
  const auto image = OpenImage(in, {});
  const auto start = Clock::now();
  MemoryChunks chunks(*image->memory, {kThreads, false, {}});
  while (!chunks.Next().empty()) {
  }
  return Since(start);
}

// What the storage costs one core that has nothing else to do.
double StoreSeconds(const std::string& out, std::uint64_t sets) {
  const Bytes block(kBlockBytes, std::byte{1});
  auto file = NewFile::Create(out, true, 0600);
  if (!file) std::exit(1);
  const auto start = Clock::now();
  if (!file->Resize(sets * kBlockBytes)) std::exit(1);
  for (std::uint64_t i = 0; i < sets; ++i) {
    if (!file->WriteAt(i * kBlockBytes, block)) std::exit(1);
  }
  return Since(start);
}

struct Times {
  double write = 0;
  double read_back = 0;
};

Times Convert(const std::string& in, const std::string& out, ConvertTarget target) {
  const auto image = OpenImage(in, {});
  ConvertOptions options;
  options.target = target;
  options.threads = kThreads;
  options.force = true;
  const auto start = Clock::now();
  Times times;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    if (done <= total / 2) times.write = Since(start);
  };
  const auto result = ConvertImage(*image, in, out, options);
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().OneLine().c_str());
    std::exit(1);
  }
  times.read_back = Since(start) - times.write;
  std::filesystem::remove(out);
  std::filesystem::remove(out + ".ranges");
  return times;
}

class Run {
 public:
  Run(std::uint64_t mib, int rounds) : sets_(mib * 16), rounds_(rounds), streams_(Streams()) {}

  int Print(const std::string& memory, const std::string& disk) {
    if (streams_.empty()) {
      fmt::print("left out: libwim15 is not installed\n");
      return 0;
    }
    const std::string in = memory + "/v2p-bench-hiberfil.sys";
    WriteHiberfil(in, streams_, sets_);
    fmt::print("{} MiB of memory from {} different blocks of {}, file of {} MiB, medians of {}\n",
               sets_ / 16, streams_.size(), BlockImage(), std::filesystem::file_size(in) >> 20U,
               rounds_);
    Compare(in, memory, "memory");
    if (!disk.empty()) Compare(in, disk, disk);
    std::filesystem::remove(in);
    return 0;
  }

 private:
  double Rate(const std::vector<double>& seconds) const {
    return static_cast<double>(sets_ * kBlockBytes) / Median(seconds) / 1e6;
  }

  void Compare(const std::string& in, const std::string& folder, std::string_view where) {
    const std::string out = folder + "/v2p-bench-out";
    std::vector<double> decode, fetch, store, write, back, fetch_ratio, ratio;
    for (int i = 0; i < rounds_; ++i) {
      decode.push_back(DecodeSeconds(streams_, sets_));
      fetch.push_back(FetchSeconds(in));
      // Machines that give idle memory back to their host want it touched first.
      StoreSeconds(out, sets_);
      store.push_back(StoreSeconds(out, sets_));
      const Times times = Convert(in, out, ConvertTarget::kRaw);
      write.push_back(times.write);
      back.push_back(times.read_back);
      fetch_ratio.push_back(decode.back() / fetch.back());
      ratio.push_back(decode.back() / times.write);
    }
    fmt::print("to {}\n", where);
    fmt::print("  decoding, one core        {:6.0f} MB/s\n", Rate(decode));
    fmt::print("  storage alone, one core   {:6.0f} MB/s\n", Rate(store));
    fmt::print("  fetched by two threads    {:6.0f} MB/s {:5.2f} x decoding\n", Rate(fetch),
               Median(fetch_ratio));
    fmt::print("  converted on two cores    {:6.0f} MB/s {:5.2f} x decoding\n", Rate(write),
               Median(ratio));
    fmt::print("  at most, were decoding and storing shared evenly    {:5.2f} x decoding\n",
               kThreads / (1 + Median(store) / Median(decode)));
    fmt::print("  read back                 {:6.0f} MB/s\n", Rate(back));
  }

  std::uint64_t sets_;
  int rounds_;
  std::vector<Bytes> streams_;
};

}  // namespace
}  // namespace v2p::bench

int main(int argc, char** argv) {
  const auto mib = static_cast<std::uint64_t>(argc > 1 ? std::atoi(argv[1]) : 512);
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  return v2p::bench::Run(mib, rounds).Print("/dev/shm", argc > 3 ? argv[3] : "");
}

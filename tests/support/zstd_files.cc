// Compressed files for tests, through the zstd tool and from the format documents.
// SPDX-License-Identifier: Apache-2.0
#include "support/zstd_files.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

namespace v2p::test {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "v2p-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a directory");
  path_ = name;
}

TempDir::~TempDir() { std::filesystem::remove_all(path_); }

std::size_t TempDir::FileCount() const {
  const auto files = std::filesystem::directory_iterator(path_);
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

void WriteFile(const std::string& path, std::span<const std::byte> bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  if (!out) throw std::runtime_error("cannot write " + path);
}

Bytes ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

bool Run(const std::string& command) { return std::system(command.c_str()) == 0; }

Bytes MemoryLike(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (std::size_t page = 0; page < size; page += 4096) {
    const std::size_t n = std::min<std::size_t>(4096, size - page);
    const auto kind = random() % 4;
    const auto word = random();
    for (std::size_t i = 0; i < n && kind != 0; ++i) {
      const auto noise = kind == 1   ? random()
                         : kind == 2 ? word >> (8 * (i % 4))
                                     : 'a' + random() % 20;
      bytes[page + i] = static_cast<std::byte>(noise);
    }
  }
  return bytes;
}

std::vector<Bytes> CompressFrames(std::span<const std::byte> bytes, std::size_t chunk,
                                  const std::string& options) {
  const TempDir dir;
  std::vector<Bytes> frames;
  for (std::size_t at = 0; at < bytes.size(); at += chunk) {
    WriteFile(dir.Path("in"), bytes.subspan(at, std::min(chunk, bytes.size() - at)));
    const bool done =
        Run("zstd -q -f " + options + " " + dir.Path("in") + " -o " + dir.Path("out"));
    if (!done) throw std::runtime_error("the zstd tool failed");
    frames.push_back(ReadFile(dir.Path("out")));
  }
  return frames;
}

Bytes Concat(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

void AppendLe32(Bytes& out, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<std::byte>(value >> shift));
  }
}

Bytes SeekTable(const std::vector<SeekEntry>& entries) {
  Bytes table;
  AppendLe32(table, 0x184D2A5E);
  AppendLe32(table, static_cast<std::uint32_t>(entries.size() * 8 + 9));
  for (const SeekEntry& entry : entries) {
    AppendLe32(table, entry.stored);
    AppendLe32(table, entry.bytes);
  }
  AppendLe32(table, static_cast<std::uint32_t>(entries.size()));
  table.push_back(std::byte{0});
  AppendLe32(table, 0x8F92EAB1);
  return table;
}

}  // namespace v2p::test

// Compressed files for tests, made by the zstd command line tools and by hand.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace v2p::test {

using Bytes = std::vector<std::byte>;

/// A directory that goes away with the object.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  std::string Path(const std::string& name) const { return (path_ / name).string(); }
  std::size_t FileCount() const;

 private:
  std::filesystem::path path_;
};

void WriteFile(const std::string& path, std::span<const std::byte> bytes);
Bytes ReadFile(const std::string& path);

/// Runs a shell command; false when it fails.
bool Run(const std::string& command);

/// Bytes like a memory image: pages of zeros, of text, of noise and of repeated words.
Bytes MemoryLike(std::size_t size, unsigned seed);

/// `bytes` through `zstd OPTIONS` in chunks, one frame each.
std::vector<Bytes> CompressFrames(std::span<const std::byte> bytes, std::size_t chunk,
                                  const std::string& options = "");

Bytes Concat(const std::vector<Bytes>& parts);

/// One entry of a seek table: zstd_seekable_compression_format.md 0.1.0, "Seek_Table_Entries".
struct SeekEntry {
  std::uint32_t stored = 0;
  std::uint32_t bytes = 0;
};

/// The skippable frame with the table, without checksums.
Bytes SeekTable(const std::vector<SeekEntry>& entries);

void AppendLe32(Bytes& out, std::uint32_t value);

}  // namespace v2p::test

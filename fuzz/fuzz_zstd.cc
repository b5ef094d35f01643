// Fuzzes zstd sources: any bytes as a file, and sound seekable files with one byte changed.
// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "codec/byte_stream.h"
#include "codec/xxh64.h"
#include "codec/zstd_source.h"
#include "support/memory_source.h"

namespace {

using Bytes = std::vector<std::byte>;

void Check(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<const v2p::ByteSource> Memory(Bytes bytes, bool blocks) {
  return std::make_shared<v2p::test::MemorySource>(std::move(bytes), blocks ? 4096 : 0);
}

// Reads here and there; `original`, when there is one, is what every byte must be.
void ReadSome(const v2p::ByteSource& source, const Bytes* original) {
  const std::uint64_t size = source.Size();
  if (original != nullptr) Check(size == original->size());
  Bytes out(5000);
  for (const std::uint64_t at : {std::uint64_t{0}, size / 3, size / 2, size - 1, size}) {
    if (at > size) continue;
    const auto got = source.ReadAt(at, out);
    if (!got) {
      Check(!got.error().message.empty());
      continue;
    }
    Check(*got == std::min<std::uint64_t>(out.size(), size - at));
    if (original != nullptr) {
      Check(std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*got),
                       original->begin() + static_cast<std::ptrdiff_t>(at)));
    }
    if (at == size) continue;
    const auto block = source.BlockAt(at);
    Check(block && block->Holds(at, 1));
  }
}

// Whatever it is, streaming it ends: in bytes or in an error. What random access reads, the stream
// reads too.
void Stream(const v2p::ByteSource& file, const v2p::ByteSource* random_access) {
  const auto stream = v2p::OpenStream(file);
  if (!stream) return;
  constexpr std::size_t kMost = 256U << 10U;
  Bytes bytes(kMost);
  const auto got = (*stream)->Read(bytes);
  if (!got || random_access == nullptr || random_access->Size() > kMost) return;
  Bytes again(*got);
  const auto read = random_access->ReadAt(0, again);
  if (read && *read == *got) Check(std::equal(again.begin(), again.end(), bytes.begin()));
}

void FuzzAnyFile(const Bytes& input, bool blocks) {
  const auto file = Memory(input, blocks);
  const auto source = v2p::OpenZstd(file, {});
  if (source) {
    // A few kilobytes may announce many megabytes: keep the fuzzer's pace.
    if ((*source)->Size() <= (4U << 20U)) ReadSome(**source, nullptr);
  } else {
    Check(!source.error().message.empty());
  }
  Stream(*file, source ? source->get() : nullptr);
}

void AppendLe32(Bytes& out, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<std::byte>((value >> shift) & 0xFFU));
  }
}

Bytes PackByHand(const Bytes& plain, std::size_t chunk) {
  Bytes file;
  Bytes entries;
  std::uint32_t frames = 0;
  for (std::size_t at = 0; at < plain.size(); at += chunk, ++frames) {
    const auto part = std::span(plain).subspan(at, std::min(chunk, plain.size() - at));
    Bytes frame(ZSTD_compressBound(part.size()));
    const std::size_t n = ZSTD_compress(frame.data(), frame.size(), part.data(), part.size(), 1);
    Check(ZSTD_isError(n) == 0);
    file.insert(file.end(), frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n));
    AppendLe32(entries, static_cast<std::uint32_t>(n));
    AppendLe32(entries, static_cast<std::uint32_t>(part.size()));
    AppendLe32(entries, static_cast<std::uint32_t>(v2p::Xxh64(part)));
  }
  AppendLe32(file, 0x184D2A5E);
  AppendLe32(file, frames * 12 + 9);
  file.insert(file.end(), entries.begin(), entries.end());
  AppendLe32(file, frames);
  file.push_back(std::byte{0x80});
  AppendLe32(file, 0x8F92EAB1);
  return file;
}

// One changed byte inside the frames or the table gives the right bytes or an error. The footer is
// left alone: without its magic number there is no table, and these frames have no checksums.
void FuzzChangedByte(const Bytes& input, bool blocks) {
  const std::size_t chunk = 1 + std::to_integer<std::size_t>(input[1]) * 37;
  const std::size_t where =
      std::to_integer<std::size_t>(input[2]) << 8U | std::to_integer<std::size_t>(input[3]);
  const Bytes plain(input.begin() + 5, input.begin() + 5 +
                                           static_cast<std::ptrdiff_t>(
                                               std::min<std::size_t>(input.size() - 5, 20'000)));
  Bytes file = PackByHand(plain, chunk);
  const bool changed = input[4] != std::byte{0} && file.size() > 9;
  if (changed) file[where % (file.size() - 9)] ^= input[4];
  const auto source = v2p::OpenZstd(Memory(std::move(file), blocks), {});
  Check(source || changed);
  if (source) ReadSome(**source, &plain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const Bytes input(bytes.begin(), bytes.end());
  const bool blocks = size != 0 && (data[size - 1] & 1U) != 0;
  if (size >= 5 && data[0] == 'P') {
    FuzzChangedByte(input, blocks);
  } else {
    FuzzAnyFile(input, blocks);
  }
  return 0;
}

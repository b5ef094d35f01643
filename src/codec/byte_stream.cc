// Streams over a plain source and over zstd.
// SPDX-License-Identifier: Apache-2.0
#include "codec/byte_stream.h"

#include <fmt/format.h>
#include <zstd_errors.h>

#include <array>
#include <cstring>
#include <vector>

#include "codec/zstd_decoder.h"
#include "codec/zstd_source.h"

namespace v2p {
namespace {

// Reads on at `at`. A source that ends before its Size() was cut after it was opened: what was read
// of it is not the file that the user named.
Result<std::size_t> ReadOn(const ByteSource& source, std::uint64_t at, std::span<std::byte> out) {
  auto got = source.ReadAt(at, out);
  if (!got || *got == out.size() || at + *got >= source.Size()) return got;
  return Fail(ErrorKind::kIo, "the file became shorter while it was read", FileOffset(at + *got));
}

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(const ByteSource& source) : source_(source) {}

  Result<std::size_t> Read(std::span<std::byte> out) override {
    auto got = ReadOn(source_, at_, out);
    if (got) at_ += *got;
    return got;
  }
  std::uint64_t FileBytesRead() const override { return at_; }

 private:
  const ByteSource& source_;
  std::uint64_t at_ = 0;
};

class ZstdStream final : public ByteStream {
 public:
  ZstdStream(const ByteSource& source, ZstdDecoder decoder)
      : source_(source), decoder_(std::move(decoder)), stored_(ZSTD_DStreamInSize()) {}

  Result<std::size_t> Read(std::span<std::byte> out) override {
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos < to.size) {
      if (from_.pos == from_.size) {
        if (auto filled = Refill(); !filled) return tl::unexpected<Error>(filled.error());
      }
      if (from_.size == 0 && !inside_frame_) break;
      const std::size_t before = to.pos;
      const std::size_t rc = ZSTD_decompressStream(decoder_.get(), &to, &from_);
      if (ZSTD_isError(rc) != 0) return Refuse(rc);
      inside_frame_ = rc != 0;
      if (!inside_frame_) frame_at_ = FileBytesRead();
      if (from_.size == 0 && inside_frame_ && to.pos == before) {
        return Fail(ErrorKind::kTruncated, "the file ends inside a zstd frame",
                    FileOffset(frame_at_));
      }
    }
    return to.pos;
  }

  std::uint64_t FileBytesRead() const override { return read_ - (from_.size - from_.pos); }

 private:
  Status Refill() {
    const auto got = ReadOn(source_, read_, stored_);
    if (!got) return tl::unexpected<Error>(got.error());
    from_ = {stored_.data(), *got, 0};
    read_ += *got;
    return {};
  }

  tl::unexpected<Error> Refuse(std::size_t rc) const {
    const ZSTD_ErrorCode code = ZSTD_getErrorCode(rc);
    const bool beyond_us = code == ZSTD_error_frameParameter_windowTooLarge ||
                           code == ZSTD_error_dictionary_wrong ||
                           code == ZSTD_error_memory_allocation;
    return Fail(beyond_us ? ErrorKind::kUnsupported : ErrorKind::kCorrupt,
                fmt::format("a zstd frame cannot be decompressed: {}", ZSTD_getErrorName(rc)),
                FileOffset(frame_at_));
  }

  const ByteSource& source_;
  ZstdDecoder decoder_;
  std::vector<std::byte> stored_;
  ZSTD_inBuffer from_{nullptr, 0, 0};
  std::uint64_t read_ = 0;      // up to where the file has been read
  std::uint64_t frame_at_ = 0;  // where the frame being decoded begins
  bool inside_frame_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteStream>> OpenStream(const ByteSource& source) {
  std::array<std::byte, 4> head{};
  const auto got = source.ReadAt(0, head);
  if (!got) return tl::unexpected<Error>(got.error());
  if (!LooksLikeZstd(std::span(head).first(*got))) return std::make_unique<PlainStream>(source);

  constexpr int kLongestWindowLog = 31;  // what `zstd --long=31` writes
  ZstdDecoder decoder(ZSTD_createDCtx());
  if (!decoder || ZSTD_isError(ZSTD_DCtx_setParameter(decoder.get(), ZSTD_d_windowLogMax,
                                                      kLongestWindowLog)) != 0) {
    return Fail(ErrorKind::kIo, "no memory for a zstd decoder");
  }
  return std::make_unique<ZstdStream>(source, std::move(decoder));
}

bool AllZero(std::span<const std::byte> bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace v2p

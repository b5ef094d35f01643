// A source whose blocks are zstd frames, decompressed when they are read.
// SPDX-License-Identifier: Apache-2.0
#include "codec/zstd_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/block_cache.h"
#include "base/bytes.h"
#include "codec/unpack_temp.h"
#include "codec/xxh64.h"
#include "codec/zstd_decoder.h"
#include "codec/zstd_frame.h"
#include "codec/zstd_layout.h"

namespace v2p {
namespace {

// Decoders to reuse: as many as were ever at work at once.
class DecoderPool {
 public:
  ZstdDecoder Take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return ZstdDecoder(ZSTD_createDCtx());
    ZstdDecoder decoder = std::move(idle_.back());
    idle_.pop_back();
    return decoder;
  }
  void Return(ZstdDecoder decoder) {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(decoder));
  }

 private:
  std::mutex mutex_;
  std::vector<ZstdDecoder> idle_;
};

class ZstdSource final : public ByteSource {
 public:
  ZstdSource(std::shared_ptr<const ByteSource> source, ZstdLayout layout)
      : source_(std::move(source)), layout_(std::move(layout)) {}

  const std::string& Name() const override { return source_->Name(); }
  std::uint64_t Size() const override { return layout_.bytes; }
  bool Verbatim() const override { return false; }

  Result<BlockView> BlockAt(std::uint64_t offset) const override {
    const ZstdFrame* frame = FrameAt(offset);
    if (frame == nullptr) {
      return Fail(ErrorKind::kUsage, "a read begins after the end of the decompressed image");
    }
    const auto key = static_cast<std::uint64_t>(frame - layout_.frames.data());
    auto block = cache_.Get(key, [&] { return Load(*frame); });
    if (!block) {
      Error error = block.error();
      error.file = Name();  // and `at` counts its bytes, not those that are read here
      return tl::unexpected<Error>(std::move(error));
    }
    const std::span<const std::byte> bytes = (*block)->Bytes();
    return BlockView{frame->begin, bytes, std::move(*block)};
  }

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    std::size_t done = 0;
    while (done < out.size() && offset < layout_.bytes) {
      const auto block = BlockAt(offset);
      if (!block) return tl::unexpected<Error>(block.error());
      const auto from = block->bytes.subspan(static_cast<std::size_t>(offset - block->begin));
      const std::size_t n = std::min(from.size(), out.size() - done);
      std::memcpy(out.data() + done, from.data(), n);
      done += n;
      offset += n;
    }
    return done;
  }

 private:
  // Frames cover [0, Size()) without gaps.
  const ZstdFrame* FrameAt(std::uint64_t offset) const {
    if (offset >= layout_.bytes) return nullptr;
    const auto after =
        std::upper_bound(layout_.frames.begin(), layout_.frames.end(), offset,
                         [](std::uint64_t at, const ZstdFrame& frame) { return at < frame.begin; });
    return &*(after - 1);
  }

  // Reads with ReadAt and not through a mapping: one sequential read, and a file that shrank is an
  // error here instead of a signal.
  Result<BlockCache::BlockPtr> Load(const ZstdFrame& frame) const {
    const auto stored = Block::Make(frame.stored);
    const auto block = Block::Make(frame.bytes);
    ZstdDecoder decoder = decoders_.Take();
    if (!stored || !block || !decoder) {
      return Fail(ErrorKind::kIo, "no memory to decompress a zstd frame", FileOffset(frame.at));
    }
    if (auto read = ReadExactly(*source_, frame.at, stored->Bytes(), "zstd frame"); !read) {
      return tl::unexpected<Error>(read.error());
    }
    const std::size_t rc =
        ZSTD_decompressDCtx(decoder.get(), block->Bytes().data(), block->Bytes().size(),
                            stored->Bytes().data(), stored->Bytes().size());
    decoders_.Return(std::move(decoder));
    if (auto sound = Check(frame, rc, block->Bytes()); !sound) {
      return tl::unexpected<Error>(sound.error());
    }
    return block;
  }

  Status Check(const ZstdFrame& frame, std::size_t rc, std::span<const std::byte> bytes) const {
    const auto corrupt = [&](std::string what) {
      return Fail(ErrorKind::kCorrupt, std::move(what), FileOffset(frame.at));
    };
    if (ZSTD_isError(rc) != 0) {
      return corrupt(fmt::format("a zstd frame cannot be decompressed: {}", ZSTD_getErrorName(rc)));
    }
    if (rc != bytes.size()) {
      return corrupt(
          fmt::format("a zstd frame holds {} bytes where {} were announced", rc, bytes.size()));
    }
    if (layout_.checksums && static_cast<std::uint32_t>(Xxh64(bytes)) != frame.checksum) {
      return corrupt("the bytes of a zstd frame do not match the checksum in the seek table");
    }
    return {};
  }

  std::shared_ptr<const ByteSource> source_;
  ZstdLayout layout_;
  mutable BlockCache cache_{kZstdCacheBytes};
  mutable DecoderPool decoders_;
};

// `name` as a shell takes it.
std::string ShellWord(const std::string& name) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/+,:@%=-";
  if (!name.empty() && name.find_first_not_of(kPlain) == std::string::npos) return name;
  std::string quoted = "'";
  for (const char c : name) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// Takes the extension, dot and all, off the end of `path`; none gives an empty one.
std::string TakeExtension(std::string& path) {
  const std::size_t dot = path.find_last_of("./");
  if (dot == std::string::npos || path[dot] == '/') return {};
  std::string extension = path.substr(dot);
  path.resize(dot);
  return extension;
}

// "dir/capture.lime.zst" becomes "dir/capture.seek.lime.zst": how raw memory is laid out may hang
// on the inner extension (.vmem), so the copy must keep it.
std::string SeekableName(const std::string& name) {
  std::string stem = name;
  std::string inner = TakeExtension(stem);
  std::string lower = inner;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (lower == ".zst" || lower == ".zstd") inner = TakeExtension(stem);
  return stem + ".seek" + inner + ".zst";
}

}  // namespace

bool LooksLikeZstd(std::span<const std::byte> head) {
  const auto magic = TryLoad<std::uint32_t>(head, 0);
  return magic && (*magic == kZstdMagic || IsSkippable(*magic));
}

Result<std::shared_ptr<const ByteSource>> OpenZstd(std::shared_ptr<const ByteSource> source,
                                                   const ZstdOptions& options) {
  auto layout = ReadZstdLayout(*source);
  if (!layout) return tl::unexpected<Error>(layout.error());
  if (layout->obstacle.empty()) {
    return std::make_shared<const ZstdSource>(std::move(source), std::move(*layout));
  }
  if (options.allow_temp) return UnpackToTemp(*source, layout->bytes, options);
  return Fail(
      ErrorKind::kUnsupported,
      fmt::format("{} cannot be read at random; make it seekable: v2p pack {} {}", layout->obstacle,
                  ShellWord(source->Name()), ShellWord(SeekableName(source->Name()))));
}

}  // namespace v2p

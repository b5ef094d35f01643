// Decoding of compression sets on demand, through a cache.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/block_cache.h"
#include "dumpfmt/hiberfil_layout.h"

namespace v2p::hiberfil {
namespace {

class SetSource final : public ByteSource {
 public:
  SetSource(std::shared_ptr<const ByteSource> file, SetTable sets)
      : file_(std::move(file)), sets_(std::move(sets)) {}

  const std::string& Name() const override { return file_->Name(); }
  std::uint64_t Size() const override { return sets_.Pages() * kPageBytes; }
  bool Verbatim() const override { return false; }

  Result<BlockView> BlockAt(std::uint64_t offset) const override {
    if (offset >= Size()) {
      return Fail(ErrorKind::kUsage, "a read begins after the last decompressed page");
    }
    const std::size_t i = sets_.IndexOf(offset / kPageBytes);
    if (const auto fault = KnownFault(i)) return tl::unexpected<Error>(Damaged(i, *fault));
    auto block = cache_.Get(i, [&] { return Load(i); });
    if (!block) return tl::unexpected<Error>(Named(block.error()));
    const std::span<const std::byte> bytes = (*block)->Bytes();
    return BlockView{sets_.At(i).first_page * kPageBytes, bytes, std::move(*block)};
  }

  // A set that is wanted whole is decoded where it is wanted: a reader of everything neither copies
  // nor drives out of the cache what others come back for.
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    std::size_t done = 0;
    while (done < out.size() && offset < Size()) {
      const auto room = out.subspan(done);
      const auto got = WantsWholeSet(offset, room) ? ReadSet(offset, room) : ReadPart(offset, room);
      if (!got) return got;
      done += *got;
      offset += *got;
    }
    return done;
  }

 private:
  bool WantsWholeSet(std::uint64_t offset, std::span<std::byte> out) const {
    const CompressionSet set = sets_.At(sets_.IndexOf(offset / kPageBytes));
    return offset == set.first_page * kPageBytes && out.size() >= set.Bytes();
  }

  Result<std::size_t> ReadSet(std::uint64_t offset, std::span<std::byte> out) const {
    const std::size_t i = sets_.IndexOf(offset / kPageBytes);
    if (const auto fault = KnownFault(i)) return tl::unexpected<Error>(Damaged(i, *fault));
    const std::size_t bytes = sets_.At(i).Bytes();
    if (auto decoded = Decode(i, out.first(bytes)); !decoded) {
      return tl::unexpected<Error>(Named(decoded.error()));
    }
    return bytes;
  }

  Result<std::size_t> ReadPart(std::uint64_t offset, std::span<std::byte> out) const {
    const auto block = BlockAt(offset);
    if (!block) return tl::unexpected<Error>(block.error());
    const auto from = block->bytes.subspan(static_cast<std::size_t>(offset - block->begin));
    const std::size_t n = std::min(from.size(), out.size());
    std::memcpy(out.data(), from.data(), n);
    return n;
  }

  Result<BlockCache::BlockPtr> Load(std::size_t i) const {
    const auto block = Block::Make(sets_.At(i).Bytes());
    if (!block) return Fail(ErrorKind::kIo, "no memory to decompress a set", sets_.At(i).at);
    if (auto decoded = Decode(i, block->Bytes()); !decoded) {
      return tl::unexpected<Error>(decoded.error());
    }
    return block;
  }

  // Reads with ReadAt and not through a mapping: a file that shrank is an error here instead of a
  // signal.
  Status Decode(std::size_t i, std::span<std::byte> out) const {
    const CompressionSet set = sets_.At(i);
    std::array<std::byte, kMostStored> buffer;  // not zeroed: filled below
    const auto stored = std::span(buffer).first(set.stored);
    if (auto read = ReadExactly(*file_, set.at.value, stored, "compression set"); !read) {
      return read;
    }
    const auto decoded = DecodeSet(set, sets_.Rule(), stored, out);
    if (decoded) return {};
    Remember(i, decoded.error());
    return tl::unexpected<Error>(Damaged(i, decoded.error()));
  }

  Error Named(Error error) const {
    error.file = Name();
    error.decompressed = !file_->Verbatim();
    return error;
  }

  Error Damaged(std::size_t i, const SetFault& fault) const {
    const CompressionSet set = sets_.At(i);
    return Named({ErrorKind::kDamaged,
                  fmt::format("a compression set (method {}, {} bytes) cannot be decoded: {} (byte "
                              "{:#x}); its {} pages count as absent",
                              set.method, set.stored, fault.why, fault.at, set.pages),
                  Name(), set.at});
  }

  void Remember(std::size_t i, const SetFault& fault) const {
    const std::scoped_lock lock(mutex_);
    damaged_.emplace(i, fault);
  }
  std::optional<SetFault> KnownFault(std::size_t i) const {
    const std::scoped_lock lock(mutex_);
    const auto found = damaged_.find(i);
    return found == damaged_.end() ? std::nullopt : std::optional(found->second);
  }

  std::shared_ptr<const ByteSource> file_;
  SetTable sets_;
  mutable BlockCache cache_{kSetCacheBytes};
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::size_t, SetFault> damaged_;
};

}  // namespace

std::shared_ptr<const ByteSource> MakeSetSource(std::shared_ptr<const ByteSource> file,
                                                SetTable sets) {
  return std::make_shared<const SetSource>(std::move(file), std::move(sets));
}

}  // namespace v2p::hiberfil

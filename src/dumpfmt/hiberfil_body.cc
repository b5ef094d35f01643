// Looking at a hibernation file's bytes.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/hiberfil_body.h"

#include <algorithm>

namespace v2p::hiberfil {
namespace {

// Enough to keep a disk busy, little enough to be no loss when the walk ends.
constexpr std::uint64_t kWindow = std::uint64_t{8} << 20U;

}  // namespace

std::span<const std::byte> Peeker::At(std::uint64_t offset, std::size_t most) {
  if (fault_ || offset >= source_->Size()) return {};
  const auto want =
      static_cast<std::size_t>(std::min<std::uint64_t>(most, source_->Size() - offset));
  if (!view_.Holds(offset, want)) {
    auto block = source_->BlockAt(offset);
    if (!block) {
      fault_ = block.error();
      return {};
    }
    view_ = std::move(*block);
  }
  if (view_.Holds(offset, want)) {
    return view_.bytes.subspan(static_cast<std::size_t>(offset - view_.begin), want);
  }
  return Copy(offset, want);
}

std::span<const std::byte> Peeker::Copy(std::uint64_t offset, std::size_t want) {
  copy_.resize(want);
  const auto got = source_->ReadAt(offset, copy_);
  if (!got) fault_ = got.error();
  return std::span(copy_).first(got.value_or(0));
}

std::span<const std::byte> Peeker::Ahead(std::uint64_t offset, std::size_t most) {
  while (ahead_ < offset + 2 * kWindow && ahead_ < source_->Size()) {
    ahead_ = std::max(ahead_, offset);
    source_->Prefetch(ahead_, kWindow);
    ahead_ += kWindow;
  }
  if (fault_ || source_->Mapped().empty() || offset >= source_->Size()) return At(offset, most);
  return Copy(offset,
              static_cast<std::size_t>(std::min<std::uint64_t>(most, source_->Size() - offset)));
}

}  // namespace v2p::hiberfil

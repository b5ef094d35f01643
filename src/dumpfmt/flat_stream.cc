// Flattens memory: chunks where there are some, zeros between them.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/flat_stream.h"

#include <algorithm>

namespace v2p {

bool FlatStream::NextChunk() {
  if (batch_.empty()) batch_ = chunks_.Next();
  if (batch_.empty()) return false;
  seen_.Add(batch_.front());
  rest_ = batch_.front().bytes;
  rest_at_ = batch_.front().at.value;
  batch_ = batch_.subspan(1);
  return true;
}

Result<std::size_t> FlatStream::Read(std::span<std::byte> out) {
  out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), end_ - at_)));
  for (std::size_t done = 0; done < out.size();) {
    const auto room = out.subspan(done);
    if (rest_.empty() && more_) more_ = NextChunk();
    const std::uint64_t gap = rest_.empty() ? room.size() : rest_at_ - at_;
    const auto zeros = static_cast<std::size_t>(std::min<std::uint64_t>(gap, room.size()));
    std::fill_n(room.begin(), zeros, std::byte{0});
    const std::size_t data = std::min(room.size() - zeros, rest_.size());
    std::copy_n(rest_.begin(), data, room.begin() + static_cast<std::ptrdiff_t>(zeros));
    rest_ = rest_.subspan(data);
    rest_at_ += data;
    at_ += zeros + data;
    done += zeros + data;
  }
  return out.size();
}

}  // namespace v2p

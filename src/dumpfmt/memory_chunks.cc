// Fetching memory in order of address: batches are filled by threads and taken in order.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/memory_chunks.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/threads.h"
#include "codec/xxh64.h"

namespace v2p {
namespace {

// About a core's second-level cache: what is fetched is summed and written from there.
constexpr std::size_t kBatchBytes = 1U << 20U;

PhysAddr PageDown(PhysAddr pa) { return PhysAddr(pa.value & ~(kPageBytes - 1)); }

std::size_t WithinPage(PhysAddr at, std::size_t bytes) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(PageDown(at + kPageBytes) - at, bytes));
}

std::uint64_t Checksum(PhysAddr at, std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  while (!bytes.empty()) {
    const auto page = bytes.first(WithinPage(at, bytes.size()));
    sum += Xxh3(page, at.value);
    at = at + page.size();
    bytes = bytes.subspan(page.size());
  }
  return sum;
}

unsigned Threads(const MemoryChunks::Options& options) {
  return UsefulThreads(options.threads, std::numeric_limits<std::size_t>::max());
}

}  // namespace

MemoryChunks::MemoryChunks(const PhysicalMemory& memory, Options options)
    : memory_(memory),
      options_(std::move(options)),
      end_(memory.End()),
      in_flight_(std::size_t{4} * Threads(options_)),
      workers_(Threads(options_)) {}

// The next stretch without a hole, of at most a batch, ending on a page where it can.
std::optional<MemoryChunks::Piece> MemoryChunks::NextPiece() {
  while (const auto begin = memory_.FirstPresent(from_, end_)) {
    const PhysAddr limit = PageDown(*begin + kBatchBytes);
    PhysAddr to = *begin;
    while (to < limit) {
      const auto where = memory_.Find(to);
      if (!where) break;
      to = to + std::min<std::uint64_t>(where->bytes, limit - to);
    }
    from_ = to;
    if (!options_.whole_pages) return Piece{*begin, static_cast<std::size_t>(to - *begin)};
    const PhysAddr first = PageDown(*begin + (kPageBytes - 1));
    const PhysAddr last = PageDown(to);
    const std::uint64_t kept = first < last ? last - first : 0;
    partial_ += (to - *begin) - kept;
    if (kept != 0) return Piece{first, static_cast<std::size_t>(kept)};
  }
  return std::nullopt;
}

// Whole pieces: one that is cut cuts a compression set, which is then decoded for each part.
MemoryChunks::Batch MemoryChunks::Collect() {
  Batch batch;
  std::size_t bytes = 0;
  while (left_ || (left_ = NextPiece())) {
    if (left_->bytes > kBatchBytes - bytes) break;
    bytes += left_->bytes;
    batch.pieces.push_back(*std::exchange(left_, std::nullopt));
  }
  if (bytes != 0) batch.buffer = TakeBuffer();
  return batch;
}

MemoryChunks::Buffer MemoryChunks::TakeBuffer() {
  if (spare_.empty()) return std::make_unique_for_overwrite<std::byte[]>(kBatchBytes);
  Buffer buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void MemoryChunks::Keep(PhysAddr at, std::span<const std::byte> bytes, Batch& batch) const {
  batch.chunks.push_back({at, bytes, Checksum(at, bytes)});
  if (options_.fetched) options_.fetched(batch.chunks.back());
}

// Page by page, what can be read of a piece that cannot be read whole.
void MemoryChunks::FetchPages(PhysAddr at, std::span<std::byte> out, Batch& batch) const {
  while (!out.empty()) {
    const auto page = out.first(WithinPage(at, out.size()));
    if (memory_.Read(at, page) == page.size()) {
      Keep(at, page, batch);
    } else {
      batch.unreadable += page.size();
    }
    at = at + page.size();
    out = out.subspan(page.size());
  }
}

MemoryChunks::Batch MemoryChunks::Fetch(Batch batch) const {
  auto room = std::span(batch.buffer.get(), kBatchBytes);
  for (const Piece& piece : batch.pieces) {
    const auto out = room.first(piece.bytes);
    room = room.subspan(piece.bytes);
    if (memory_.Read(piece.at, out) == out.size()) {
      Keep(piece.at, out, batch);
    } else {
      FetchPages(piece.at, out, batch);
    }
  }
  return batch;
}

void MemoryChunks::Start() {
  while (on_the_way_.size() < in_flight_) {
    const auto batch = std::make_shared<Batch>(Collect());
    if (batch->pieces.empty()) return;
    const auto fetch = std::make_shared<std::packaged_task<Batch()>>(
        [this, batch] { return Fetch(std::move(*batch)); });
    on_the_way_.push_back(fetch->get_future());
    workers_.Run([fetch] { (*fetch)(); });
  }
}

std::span<const MemoryChunk> MemoryChunks::Next() {
  do {
    if (current_.buffer) spare_.push_back(std::move(current_.buffer));
    current_ = {};
    Start();
    if (on_the_way_.empty()) return {};
    current_ = on_the_way_.front().get();
    on_the_way_.pop_front();
    unreadable_ += current_.unreadable;
  } while (current_.chunks.empty());
  return current_.chunks;
}

}  // namespace v2p

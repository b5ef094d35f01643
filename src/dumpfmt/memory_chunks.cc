// Fetching memory in order of address: batches are filled by threads and taken in order.
// SPDX-License-Identifier: Apache-2.0
#include "dumpfmt/memory_chunks.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

namespace v2p {
namespace {

constexpr std::size_t kBatchBytes = 4U << 20U;

PhysAddr PageDown(PhysAddr pa) { return PhysAddr(pa.value & ~(kPageBytes - 1)); }

}  // namespace

MemoryChunks::MemoryChunks(const PhysicalMemory& memory, Options options)
    : memory_(memory),
      options_(options),
      end_(memory.End()),
      in_flight_(std::size_t{2} * std::max(1U, options.threads != 0
                                                   ? options.threads
                                                   : std::thread::hardware_concurrency())) {}

MemoryChunks::~MemoryChunks() {
  for (auto& batch : on_the_way_) batch.wait();
}

// The next stretch without a hole, of at most `most` bytes, ending on a page where it can.
std::optional<MemoryChunks::Piece> MemoryChunks::NextPiece(std::size_t most) {
  while (const auto begin = memory_.FirstPresent(from_, end_)) {
    const PhysAddr limit = PageDown(*begin + most);
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

MemoryChunks::Batch MemoryChunks::Collect() {
  Batch batch;
  std::size_t bytes = 0;
  while (kBatchBytes - bytes > 2 * kPageBytes) {
    const auto piece = NextPiece(kBatchBytes - bytes);
    if (!piece) break;
    bytes += piece->bytes;
    batch.pieces.push_back(*piece);
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

// Page by page, what can be read of a piece that cannot be read whole.
void MemoryChunks::FetchPages(const PhysicalMemory& memory, PhysAddr at, std::span<std::byte> out,
                              Batch& batch) {
  while (!out.empty()) {
    const auto want = std::min<std::uint64_t>(PageDown(at + kPageBytes) - at, out.size());
    const auto page = out.first(static_cast<std::size_t>(want));
    if (memory.Read(at, page) == page.size()) {
      batch.chunks.push_back({at, page});
    } else {
      batch.unreadable += page.size();
    }
    at = at + page.size();
    out = out.subspan(page.size());
  }
}

MemoryChunks::Batch MemoryChunks::Fetch(const PhysicalMemory& memory, Batch batch) {
  auto room = std::span(batch.buffer.get(), kBatchBytes);
  for (const Piece& piece : batch.pieces) {
    const auto out = room.first(piece.bytes);
    room = room.subspan(piece.bytes);
    if (memory.Read(piece.at, out) == out.size()) {
      batch.chunks.push_back({piece.at, out});
    } else {
      FetchPages(memory, piece.at, out, batch);
    }
  }
  return batch;
}

void MemoryChunks::Start() {
  while (on_the_way_.size() < in_flight_) {
    const auto batch = std::make_shared<Batch>(Collect());  // for either way of starting
    if (batch->pieces.empty()) return;
    const auto fetch = [this, batch] { return Fetch(memory_, std::move(*batch)); };
    try {
      on_the_way_.push_back(std::async(std::launch::async, fetch));
    } catch (const std::system_error&) {  // no more threads: done when it is asked for
      on_the_way_.push_back(std::async(std::launch::deferred, fetch));
    }
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

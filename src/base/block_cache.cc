// Least-recently-used blocks; one mutex, never held while a block is loaded.
// SPDX-License-Identifier: Apache-2.0
#include "base/block_cache.h"

#include <new>
#include <utility>

namespace v2p {

std::shared_ptr<Block> Block::Make(std::size_t size) {
  auto block = std::make_shared<Block>();
  block->data_.reset(new (std::nothrow) std::byte[size]);
  if (!block->data_) return nullptr;
  block->size_ = size;
  return block;
}

namespace {

// Whatever goes wrong is a result: others wait for it.
Result<BlockCache::BlockPtr> LoadOrFail(const BlockCache::Loader& load) {
  try {
    return load();
  } catch (const std::bad_alloc&) {
    return Fail(ErrorKind::kIo, "out of memory");
  } catch (...) {
    return Fail(ErrorKind::kIo, "load failed");
  }
}

}  // namespace

Result<BlockCache::BlockPtr> BlockCache::Get(std::uint64_t key, const Loader& load) {
  std::unique_lock lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) {
    newest_first_.splice(newest_first_.begin(), newest_first_, found->second.order);
    return found->second.block;
  }
  if (const auto found = flights_.find(key); found != flights_.end()) {
    const std::shared_ptr<Flight> flight = found->second;
    landed_.wait(lock, [&] { return flight->landed; });
    return flight->result;
  }
  const auto flight = std::make_shared<Flight>();
  flights_.emplace(key, flight);
  ++loads_;
  lock.unlock();

  Result<BlockPtr> loaded = LoadOrFail(load);

  lock.lock();
  flight->result = std::move(loaded);
  flight->landed = true;
  flights_.erase(key);
  landed_.notify_all();
  if (flight->result) Insert(key, *flight->result);
  return flight->result;
}

// Nothing is changed when memory runs out on the way.
void BlockCache::Insert(std::uint64_t key, BlockPtr block) {
  const std::size_t bytes = block->Bytes().size();
  std::list<std::uint64_t> order{key};
  entries_.insert_or_assign(key, Entry{std::move(block), order.begin()});
  newest_first_.splice(newest_first_.begin(), order);
  bytes_ += bytes;
  while (bytes_ > budget_ && newest_first_.size() > 1) {
    const auto oldest = entries_.find(newest_first_.back());
    bytes_ -= oldest->second.block->Bytes().size();
    entries_.erase(oldest);
    newest_first_.pop_back();
  }
}

std::size_t BlockCache::Bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

std::uint64_t BlockCache::Loads() const {
  const std::scoped_lock lock(mutex_);
  return loads_;
}

}  // namespace v2p

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

  Result<BlockPtr> loaded = load();

  lock.lock();
  flight->result = loaded;
  flight->landed = true;
  flights_.erase(key);
  if (loaded) Insert(key, *loaded);
  lock.unlock();
  landed_.notify_all();
  return loaded;
}

void BlockCache::Insert(std::uint64_t key, BlockPtr block) {
  bytes_ += block->Bytes().size();
  newest_first_.push_front(key);
  entries_[key] = {std::move(block), newest_first_.begin()};
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

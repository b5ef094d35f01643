// BlockCache: the most recently used blocks of a source that costs something to read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>

#include "base/result.h"

namespace v2p {

/// Bytes on the heap, not zeroed first: the loader is about to write them all.
class Block {
 public:
  /// `size` bytes, or null when there is no memory for them.
  static std::shared_ptr<Block> Make(std::size_t size);

  std::span<std::byte> Bytes() { return {data_.get(), size_}; }
  std::span<const std::byte> Bytes() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
};

/// Least-recently-used blocks within a budget of bytes. Safe to use from several threads: a block
/// that several want at once is loaded once, and loads of different blocks run side by side.
class BlockCache {
 public:
  using BlockPtr = std::shared_ptr<const Block>;
  using Loader = std::function<Result<BlockPtr>()>;

  /// The newest block is kept even when it alone exceeds the budget. Blocks that callers still
  /// hold do not count once they are evicted.
  explicit BlockCache(std::size_t budget_bytes) : budget_(budget_bytes) {}
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// The block `key`, from the cache or from `load`. A failed load is not remembered: everyone who
  /// waited for it gets its error, the next caller tries again. A load that throws has failed
  /// (kIo).
  Result<BlockPtr> Get(std::uint64_t key, const Loader& load);

  /// Bytes of the blocks in the cache now, and number of loads since the beginning.
  std::size_t Bytes() const;
  std::uint64_t Loads() const;

 private:
  struct Entry {
    BlockPtr block;
    std::list<std::uint64_t>::iterator order;  // place in newest_first_
  };
  struct Flight {
    bool landed = false;
    Result<BlockPtr> result;
  };

  void Insert(std::uint64_t key, BlockPtr block);

  mutable std::mutex mutex_;
  std::condition_variable landed_;
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Flight>> flights_;
  std::list<std::uint64_t> newest_first_;
  std::size_t budget_;
  std::size_t bytes_ = 0;
  std::uint64_t loads_ = 0;
};

}  // namespace v2p

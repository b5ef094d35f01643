// The block cache: budget, order of eviction, one load a block, failures.
// SPDX-License-Identifier: Apache-2.0
#include "base/block_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <new>
#include <thread>
#include <vector>

namespace v2p {
namespace {

BlockCache::BlockPtr MakeBlock(std::size_t size, int value) {
  auto block = Block::Make(size);
  for (std::byte& byte : block->Bytes()) byte = static_cast<std::byte>(value);
  return block;
}

BlockCache::BlockPtr Get(BlockCache& cache, std::uint64_t key, std::size_t size = 100) {
  const auto block = cache.Get(key, [&] { return MakeBlock(size, static_cast<int>(key)); });
  EXPECT_TRUE(block);
  return block ? *block : nullptr;
}

TEST(BlockCache, LoadsABlockOnce) {
  BlockCache cache(1000);
  EXPECT_EQ(Get(cache, 7), Get(cache, 7));
  EXPECT_EQ(cache.Loads(), 1U);
  EXPECT_EQ(cache.Bytes(), 100U);
}

TEST(BlockCache, StaysWithinItsBudget) {
  BlockCache cache(1000);
  for (std::uint64_t key = 0; key < 100; ++key) {
    Get(cache, key, 50 + key);
    EXPECT_LE(cache.Bytes(), 1000U);
  }
  EXPECT_GE(cache.Bytes(), 800U);
}

TEST(BlockCache, DropsTheLeastRecentlyUsed) {
  BlockCache cache(300);
  for (const std::uint64_t key : {1U, 2U, 3U, 1U, 4U}) Get(cache, key);  // 2 goes
  EXPECT_EQ(cache.Loads(), 4U);
  for (const std::uint64_t key : {1U, 3U, 4U}) Get(cache, key);
  EXPECT_EQ(cache.Loads(), 4U);
  Get(cache, 2);
  EXPECT_EQ(cache.Loads(), 5U);
}

TEST(BlockCache, KeepsTheNewestThoughItExceedsTheBudget) {
  BlockCache cache(300);
  Get(cache, 1);
  Get(cache, 2, 5000);
  Get(cache, 2, 5000);
  EXPECT_EQ(cache.Loads(), 2U);
  EXPECT_EQ(cache.Bytes(), 5000U);
  Get(cache, 3);
  EXPECT_EQ(cache.Bytes(), 100U);
}

TEST(BlockCache, EvictedBlocksLiveAsLongAsTheirUsers) {
  BlockCache cache(100);
  const auto held = Get(cache, 5);
  Get(cache, 6);
  EXPECT_EQ(held->Bytes()[99], std::byte{5});
}

TEST(BlockCache, ForgetsAFailedLoad) {
  BlockCache cache(1000);
  const auto failed = cache.Get(
      1, [] { return Result<BlockCache::BlockPtr>(Fail(ErrorKind::kCorrupt, "damaged")); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "damaged");
  EXPECT_EQ(cache.Bytes(), 0U);
  EXPECT_NE(Get(cache, 1), nullptr);
}

// A loader that runs out of memory: an error for all who wait, and the next caller tries again.
TEST(BlockCache, ALoadThatThrowsIsAnErrorForAllWhoWait) {
  BlockCache cache(1000);
  std::atomic<int> asking = 0;
  std::atomic<int> errors = 0;
  const auto ask = [&] {
    ++asking;
    const auto block = cache.Get(3, [&]() -> Result<BlockCache::BlockPtr> {
      while (asking < 3) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      throw std::bad_alloc();
    });
    if (!block && block.error().kind == ErrorKind::kIo && block.error().message == "out of memory")
      ++errors;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(ask);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(errors, 3);
  EXPECT_NE(Get(cache, 3), nullptr);
}

TEST(BlockCache, ThreadsThatWantTheSameBlockWaitForOneLoad) {
  BlockCache cache(1U << 20U);
  std::atomic<int> loads = 0;
  std::atomic<int> asking = 0;
  const auto ask = [&] {
    ++asking;
    const auto block = cache.Get(9, [&] {
      ++loads;
      while (asking < 4) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return MakeBlock(64, 9);
    });
    EXPECT_TRUE(block);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(ask);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(loads, 1);
}

// Each load waits for the other to have begun: with loads one after the other this never ends.
TEST(BlockCache, LoadsOfDifferentBlocksRunSideBySide) {
  BlockCache cache(1U << 20U);
  std::atomic<int> begun = 0;
  const auto ask = [&](std::uint64_t key) {
    const auto block = cache.Get(key, [&] {
      ++begun;
      while (begun < 2) std::this_thread::yield();
      return MakeBlock(64, 1);
    });
    EXPECT_TRUE(block);
  };
  std::thread other(ask, 1);
  ask(2);
  other.join();
  EXPECT_EQ(cache.Loads(), 2U);
}

TEST(BlockCache, ManyThreadsSeeTheRightBytes) {
  BlockCache cache(2000);
  const auto run = [&](unsigned seed) {
    for (unsigned i = 0; i < 5000; ++i) {
      const std::uint64_t key = (i * 7 + seed * 13 + i / 11) % 50;
      ASSERT_EQ(Get(cache, key)->Bytes()[50], static_cast<std::byte>(key));
    }
  };
  std::thread other(run, 1U);
  run(2);
  other.join();
  EXPECT_LE(cache.Bytes(), 2000U);
}

}  // namespace
}  // namespace v2p

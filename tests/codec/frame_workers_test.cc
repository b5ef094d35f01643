// Workers that run out of memory: an error in the job, not the end of the process.
// SPDX-License-Identifier: Apache-2.0
#include "codec/frame_workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

// While set, operator new fails on every thread but this one.
std::atomic<bool> g_others_fail{false};
thread_local bool g_mine = false;

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  if (g_others_fail && !g_mine) throw std::bad_alloc();
  void* at = std::malloc(size == 0 ? 1 : size);
  if (at == nullptr) throw std::bad_alloc();
  return at;
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, std::size_t /*size*/) noexcept {
  operator delete(at);
}

namespace v2p {
namespace {

TEST(FrameWorkers, AWorkerWithoutMemoryReportsIt) {
  g_mine = true;
  constexpr std::size_t kChunk = 64U << 10U;
  FrameWorkers workers(1, 1, kChunk);
  ASSERT_TRUE(workers.Running());
  for (const bool fails : {true, false}) {  // zeros: the worker wants to keep their frame
    auto job = workers.TakeEmpty();
    job->plain_bytes = kChunk;
    g_others_fail = fails;
    workers.Submit(std::move(job));
    job = workers.WaitForOldest();
    g_others_fail = false;
    EXPECT_EQ(job->status.has_value(), !fails);
    if (fails && !job->status) {
      EXPECT_EQ(job->status.error().kind, ErrorKind::kIo);
      EXPECT_EQ(job->status.error().message, "out of memory");
    }
    workers.Recycle(std::move(job));
  }
}

}  // namespace
}  // namespace v2p

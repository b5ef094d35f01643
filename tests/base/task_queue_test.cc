// Tasks run once each, before the queue ends, also when there is no thread for them.
// SPDX-License-Identifier: Apache-2.0
#include "base/task_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>

namespace v2p {
namespace {

TEST(TaskQueueTest, RunsEveryTaskOnceBeforeItEnds) {
  for (const unsigned threads : {0U, 1U, 4U}) {
    std::array<std::atomic<int>, 1000> runs{};
    {
      TaskQueue queue(threads);
      for (auto& count : runs) queue.Run([&count] { ++count; });
    }
    for (const auto& count : runs) ASSERT_EQ(count, 1) << threads;
  }
}

}  // namespace
}  // namespace v2p

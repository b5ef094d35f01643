// A deque of tasks and threads that wait for it.
// SPDX-License-Identifier: Apache-2.0
#include "base/task_queue.h"

#include <system_error>
#include <utility>

namespace v2p {

TaskQueue::TaskQueue(unsigned threads) {
  try {
    while (threads_.size() < threads) threads_.emplace_back([this] { Work(); });
  } catch (const std::system_error&) {  // no more threads: those there are will do
  }
}

TaskQueue::~TaskQueue() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void TaskQueue::Run(Task task) {
  if (threads_.empty()) return task();
  {
    const std::scoped_lock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void TaskQueue::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace v2p

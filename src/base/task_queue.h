// TaskQueue: threads that run tasks, beginning them in the order given.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace v2p {

/// Used from one thread. When no thread can be had, tasks run where they are given.
class TaskQueue {
 public:
  using Task = std::function<void()>;  ///< must not throw

  explicit TaskQueue(unsigned threads);
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;
  ~TaskQueue();  ///< runs what has been given

  void Run(Task task);

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace v2p

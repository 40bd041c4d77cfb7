// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kukeon::daemon {

// A fixed number of threads that run tasks in the order of their arrival. Fixed, because tasks
// block and each holds host resources; who posts bounds how many may wait.
class WorkerPool {
 public:
  explicit WorkerPool(int threads);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();  // drops what waits, joins what runs

  void post(std::function<void()> task);

  // Tasks that have not begun are dropped, and later ones too.
  void drop_waiting();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> waiting_;
  bool closed_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace kukeon::daemon

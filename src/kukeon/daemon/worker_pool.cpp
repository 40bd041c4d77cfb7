// SPDX-License-Identifier: Apache-2.0
#include "kukeon/daemon/worker_pool.h"

#include <algorithm>
#include <utility>

#include "kukeon/base/error.h"
#include "kukeon/base/log.h"

namespace kukeon::daemon {

WorkerPool::WorkerPool(int threads) {
  threads_.reserve(static_cast<std::size_t>(std::max(threads, 1)));
  for (int i = 0; i < std::max(threads, 1); ++i) threads_.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() {
  drop_waiting();
  threads_.clear();
}

void WorkerPool::post(std::function<void()> task) {
  {
    const std::lock_guard lock{mutex_};
    if (closed_) return;
    waiting_.push_back(std::move(task));
  }
  arrived_.notify_one();
}

void WorkerPool::drop_waiting() {
  std::deque<std::function<void()>> dropped;  // destroyed outside the lock
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    dropped.swap(waiting_);
  }
  arrived_.notify_all();
}

void WorkerPool::work() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock{mutex_};
      arrived_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      task = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      task();
    } catch (...) {
      log::error("worker task threw", {{"error", current_exception_text()}});
    }
  }
}

}  // namespace kukeon::daemon

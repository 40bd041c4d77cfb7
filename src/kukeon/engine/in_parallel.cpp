// SPDX-License-Identifier: Apache-2.0
#include "kukeon/engine/in_parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

namespace kukeon::engine {

void in_parallel(const std::vector<std::function<void()>>& tasks, std::size_t threads) {
  std::vector<std::exception_ptr> failures(tasks.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < tasks.size(); i = next++) {
      try {
        tasks[i]();
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(threads, tasks.size()); ++i) others.emplace_back(work);
    work();
  }
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace kukeon::engine

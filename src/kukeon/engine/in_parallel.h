// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace kukeon::engine {

// Runs the tasks in their order on at most `threads` threads, this one among them, and waits for
// all; the first failure, by the tasks' order, is thrown at the end.
void in_parallel(const std::vector<std::function<void()>>& tasks, std::size_t threads);

}  // namespace kukeon::engine

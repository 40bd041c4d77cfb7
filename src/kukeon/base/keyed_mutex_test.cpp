// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/keyed_mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <optional>
#include <thread>
#include <vector>

namespace kukeon {
namespace {

TEST(KeyedMutex, OneKeyHasOneHolderAtATime) {
  KeyedMutex locks;
  int holders = 0;  // guarded by the key; a second holder would be a data race too
  int most = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const auto lock = locks.lock("default/web");
        most = std::max(most, ++holders);
        --holders;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(most, 1);
}

TEST(KeyedMutex, OtherKeysDoNotWait) {
  KeyedMutex locks;
  const auto held = locks.lock("default/web");
  std::latch done{1};
  std::jthread other{[&] {
    const auto lock = locks.lock("default/db");
    done.count_down();
  }};
  done.wait();
}

TEST(KeyedMutex, AWaiterGetsTheKeyWhenTheHolderLeaves) {
  KeyedMutex locks;
  std::atomic<bool> released = false;
  std::atomic<bool> seen_released = false;
  std::latch started{1};
  std::optional<KeyedMutex::Lock> held{locks.lock("a")};
  std::jthread waiter{[&] {
    started.count_down();
    const auto lock = locks.lock("a");
    seen_released = released.load();
  }};
  started.wait();
  released = true;
  held.reset();
  waiter.join();
  EXPECT_TRUE(seen_released);
}

TEST(KeyedMutex, AMovedLockReleasesOnce) {
  KeyedMutex locks;
  {
    auto first = locks.lock("a");
    const auto second = std::move(first);
  }
  const auto again = locks.lock("a");
}

}  // namespace
}  // namespace kukeon

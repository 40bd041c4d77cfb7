// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string_view>
#include <type_traits>
#include <utility>

// Every effect outside of this process has a name: "runtime.start_task", "cgroup.create". Under it
// a test makes the effect fail, or ends the daemon just before or after it, and so finds what
// happens when power goes there. Without an observer a step costs one load.
namespace kukeon {

class StepObserver {
 public:
  virtual ~StepObserver() = default;
  // Called from any thread. What before() throws happens instead of the effect; after() is called,
  // and may throw, once the effect has happened.
  virtual void before(std::string_view name) = 0;
  virtual void after(std::string_view name) = 0;
};

// nullptr: none. Set while no step is under way.
void observe_steps(StepObserver* observer);

namespace detail {
extern std::atomic<StepObserver*> step_observer;
}

template <class Effect>
auto step(std::string_view name, Effect&& effect) -> std::invoke_result_t<Effect> {
  StepObserver* const observer = detail::step_observer.load(std::memory_order_acquire);
  if (observer == nullptr) return std::forward<Effect>(effect)();
  observer->before(name);
  if constexpr (std::is_void_v<std::invoke_result_t<Effect>>) {
    std::forward<Effect>(effect)();
    observer->after(name);
  } else {
    auto result = std::forward<Effect>(effect)();
    observer->after(name);
    return result;
  }
}

}  // namespace kukeon

// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/step.h"

namespace kukeon {

std::atomic<StepObserver*> detail::step_observer{nullptr};

void observe_steps(StepObserver* observer) {
  detail::step_observer.store(observer, std::memory_order_release);
}

}  // namespace kukeon

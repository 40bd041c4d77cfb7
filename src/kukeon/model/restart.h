// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "kukeon/base/timestamp.h"
#include "kukeon/model/container.h"

// When a workload that ended runs again. Pure, like derive.h: a spec and a status go in, a decision
// comes out.
namespace kukeon::model {

// The pauses of runtime.md 3.9.6, made exponential: the first restart comes at once, each further
// one doubles the pause from `floor` to the container's restartBackoffSeconds, else `cap`. A
// workload that ran for `stable` starts anew.
struct RestartPacing {
  std::chrono::milliseconds floor{100};
  std::chrono::milliseconds cap{30'000};
  std::chrono::milliseconds stable{10'000};
  std::int64_t max_retries = 5;  // of on-failure, where restartMaxRetries says nothing
};

struct RestartDecision {
  enum class Verdict {
    stays,     // its policy does not ask for more
    given_up,  // on-failure, and its retries are used up
    restarts,  // at `due`
  };

  Verdict verdict = Verdict::stays;
  Timestamp due{};
  std::int64_t attempt = 0;  // which restart it would be since it was last stable: 1 and up
};

// Of a workload that does not run any more. `status` is as it was seen ended; one whose end nobody
// saw (state Stopped or NotCreated) counts as failed.
RestartDecision decide_restart(const ContainerSpec& spec, const ContainerStatus& status,
                               const RestartPacing& pacing);

// Writes into a status that its `attempt`-th restart was tried at `now`, whether it succeeded or
// not; the one place that counts restarts (runtime.md lesson 20).
void count_restart(ContainerStatus& status, std::int64_t attempt, const Timestamp& now);

}  // namespace kukeon::model

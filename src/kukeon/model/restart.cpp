// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/restart.h"

#include <algorithm>

namespace kukeon::model {
namespace {

using std::chrono::milliseconds;

bool succeeded(const ContainerStatus& status) {
  return status.state == ContainerState::exited && status.exit_code == 0;
}

bool was_stable(const ContainerStatus& status, const RestartPacing& pacing) {
  return !status.start_time.is_zero() && !status.finish_time.is_zero() &&
         status.finish_time - status.start_time >= pacing.stable;
}

milliseconds pause_before(std::int64_t attempt, milliseconds cap, const RestartPacing& pacing) {
  if (attempt <= 1) return milliseconds{0};
  constexpr std::int64_t doublings = 40;  // beyond any cap, within 64 bits
  const milliseconds pause = pacing.floor * (std::int64_t{1} << std::min(attempt - 2, doublings));
  return std::clamp(pause, pacing.floor, std::max(cap, pacing.floor));
}

}  // namespace

RestartDecision decide_restart(const ContainerSpec& spec, const ContainerStatus& status,
                               const RestartPacing& pacing) {
  using Verdict = RestartDecision::Verdict;
  const bool on_failure = spec.restart_policy == "on-failure";
  if (spec.restart_policy != "always" && !on_failure) return {};
  if (on_failure && succeeded(status)) return {};

  const std::int64_t before = was_stable(status, pacing) ? 0 : status.restart_attempts;
  const std::int64_t attempt = before + 1;
  if (on_failure && before >= spec.restart_max_retries.value_or(pacing.max_retries)) {
    return {.verdict = Verdict::given_up, .due = {}, .attempt = before};
  }
  constexpr std::int64_t longest = 365 * 24 * 3600;  // keeps milliseconds within 64 bits
  const milliseconds cap =
      spec.restart_backoff_seconds
          ? std::chrono::seconds{std::min(*spec.restart_backoff_seconds, longest)}
          : pacing.cap;
  // A restart that failed has no end of its own: the pause counts from the try.
  const Timestamp last = std::max(status.finish_time, status.restart_time);
  return {.verdict = Verdict::restarts,
          .due = last + pause_before(attempt, cap, pacing),
          .attempt = attempt};
}

void count_restart(ContainerStatus& status, std::int64_t attempt, const Timestamp& now) {
  ++status.restart_count;
  status.restart_attempts = attempt;
  status.restart_time = now;
}

}  // namespace kukeon::model

// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/restart.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace kukeon::model {
namespace {

using namespace std::chrono_literals;
using Verdict = RestartDecision::Verdict;

const RestartPacing pacing;
const Timestamp started{.unix_seconds = 1'000'000};

ContainerSpec with_policy(const std::string& policy) {
  ContainerSpec spec;
  spec.id = "app";
  spec.restart_policy = policy;
  return spec;
}

ContainerStatus ended(ContainerState state, std::int64_t exit_code,
                      std::chrono::milliseconds ran = 50ms) {
  ContainerStatus status;
  status.state = state;
  status.exit_code = exit_code;
  status.start_time = started;
  status.finish_time = started + ran;
  return status;
}

TEST(Restart, PolicyAndEndingDecide) {
  const auto well = ended(ContainerState::exited, 0);
  const auto badly = ended(ContainerState::error, 3);
  const auto unseen = ended(ContainerState::stopped, 0);
  struct Row {
    std::string policy;
    Verdict after_success;
    Verdict after_failure;
    Verdict after_unseen;
  };
  const std::vector<Row> table{
      {"", Verdict::stays, Verdict::stays, Verdict::stays},
      {"never", Verdict::stays, Verdict::stays, Verdict::stays},
      {"whatever", Verdict::stays, Verdict::stays, Verdict::stays},
      {"on-failure", Verdict::stays, Verdict::restarts, Verdict::restarts},
      {"always", Verdict::restarts, Verdict::restarts, Verdict::restarts},
  };
  for (const Row& row : table) {
    const ContainerSpec spec = with_policy(row.policy);
    EXPECT_EQ(decide_restart(spec, well, pacing).verdict, row.after_success) << row.policy;
    EXPECT_EQ(decide_restart(spec, badly, pacing).verdict, row.after_failure) << row.policy;
    EXPECT_EQ(decide_restart(spec, unseen, pacing).verdict, row.after_unseen) << row.policy;
  }
}

TEST(Restart, FirstComesAtOnceAndEachPauseDoublesUpToTheCap) {
  ContainerSpec spec = with_policy("always");
  ContainerStatus status = ended(ContainerState::error, 1);
  const std::vector<std::chrono::milliseconds> pauses{
      0ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms, 30s, 30s};
  for (std::size_t i = 0; i < pauses.size(); ++i) {
    const RestartDecision next = decide_restart(spec, status, pacing);
    EXPECT_EQ(next.due, status.finish_time + pauses[i]) << i;
    EXPECT_EQ(next.attempt, static_cast<std::int64_t>(i + 1));
    count_restart(status, next.attempt, status.finish_time);
  }
  EXPECT_EQ(status.restart_count, static_cast<std::int64_t>(pauses.size()));

  spec.restart_backoff_seconds = 1;
  EXPECT_EQ(decide_restart(spec, status, pacing).due, status.finish_time + 1s);
  spec.restart_backoff_seconds = 0;
  EXPECT_EQ(decide_restart(spec, status, pacing).due, status.finish_time + pacing.floor);
  spec.restart_backoff_seconds = std::numeric_limits<std::int64_t>::max();
  status.restart_attempts = std::numeric_limits<std::int64_t>::max() / 2;
  EXPECT_GT(decide_restart(spec, status, pacing).due, status.finish_time + 24h);
}

TEST(Restart, PauseCountsFromTheLastTryWhereThatIsLater) {
  ContainerStatus status = ended(ContainerState::error, 1);
  count_restart(status, 1, started + 20s);  // it could not be started
  EXPECT_EQ(decide_restart(with_policy("always"), status, pacing).due, started + 20s + 100ms);
}

TEST(Restart, OneThatRanForAWhileStartsAnew) {
  ContainerStatus status = ended(ContainerState::error, 1, 10s);
  status.restart_attempts = 9;
  const RestartDecision next = decide_restart(with_policy("on-failure"), status, pacing);
  EXPECT_EQ(next.verdict, Verdict::restarts);
  EXPECT_EQ(next.attempt, 1);
  EXPECT_EQ(next.due, status.finish_time);
}

TEST(Restart, OnFailureIsGivenUpWhenItsRetriesAreUsedUp) {
  ContainerSpec spec = with_policy("on-failure");
  ContainerStatus status = ended(ContainerState::error, 1);
  status.restart_attempts = 4;
  EXPECT_EQ(decide_restart(spec, status, pacing).verdict, Verdict::restarts);
  status.restart_attempts = 5;
  EXPECT_EQ(decide_restart(spec, status, pacing).verdict, Verdict::given_up);
  spec.restart_max_retries = 6;
  EXPECT_EQ(decide_restart(spec, status, pacing).verdict, Verdict::restarts);
  spec = with_policy("always");
  EXPECT_EQ(decide_restart(spec, status, pacing).verdict, Verdict::restarts);
}

}  // namespace
}  // namespace kukeon::model

// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/derive.h"

#include <gtest/gtest.h>

#include "kukeon/model/defaults.h"

namespace kukeon::model {
namespace {

using Task = TaskObservation::State;

TaskObservation task(Task state, std::int64_t exit_code = 0) {
  return {.state = state, .exit_code = exit_code};
}

CellSpec spec_of(std::vector<std::string> workloads) {
  Cell cell;
  cell.metadata.name = "web";
  for (std::string& id : workloads) {
    ContainerSpec container;
    container.id = std::move(id);
    cell.spec.containers.push_back(container);
  }
  resolve_root(cell);
  return cell.spec;
}

struct Row {
  const char* what;
  Intent intent;
  TaskObservation root;
  std::vector<TaskObservation> workloads;  // a, b, …
  CellVerdict expected;
};

TEST(DeriveCell, FollowsTheTable) {
  const auto run = task(Task::running);
  const auto gone = task(Task::no_task);
  const auto none = task(Task::no_record);
  const auto made = task(Task::created);
  const auto lost = task(Task::unknown);
  const auto ok = task(Task::stopped);
  const auto bad = task(Task::stopped, 3);
  const auto killed = task(Task::stopped, 137);
  const CellVerdict ready{CellState::ready, "", ""};
  const CellVerdict pending{CellState::pending, "", ""};
  const CellVerdict stopped{CellState::stopped, "", ""};
  const CellVerdict exited{CellState::exited, "", ""};

  const std::vector<Row> table{
      {"everything runs", Intent::running, run, {run, run}, ready},
      {"paused counts as alive", Intent::running, run, {task(Task::paused)}, ready},
      {"pausing counts as alive", Intent::running, run, {task(Task::pausing)}, ready},
      {"one workload is done, one runs", Intent::running, run, {ok, run}, ready},
      {"one workload failed, one runs",
       Intent::running,
       run,
       {bad, run},
       {CellState::degraded, "WorkloadFailed", R"(container "a" exited with code 3)"}},
      {"all workloads are done", Intent::running, run, {ok, ok}, exited},
      {"all workloads are done, root too", Intent::running, ok, {ok, ok}, exited},
      {"a workload failed",
       Intent::running,
       run,
       {ok, bad},
       {CellState::error, "WorkloadFailed", R"(container "b" exited with code 3)"}},
      {"a workload was killed",
       Intent::running,
       ok,
       {killed},
       {CellState::error, "WorkloadFailed",
        R"(container "a" terminated by SIGKILL (exit code 137))"}},
      {"both failed",
       Intent::running,
       ok,
       {bad, killed},
       {CellState::error, "WorkloadFailed",
        R"(container "a" exited with code 3; container "b" terminated by SIGKILL (exit code 137))"}},
      {"stopped as asked", Intent::stopped, killed, {killed, bad}, stopped},
      {"stopped as asked, tasks reaped", Intent::stopped, gone, {gone}, stopped},
      {"stopped as asked, never made", Intent::stopped, none, {none}, stopped},
      {"asked to stop, still running", Intent::stopped, run, {run}, ready},
      {"nothing is made yet", Intent::running, none, {none, none}, pending},
      {"the root is up, workloads not made", Intent::running, run, {none, none}, pending},
      {"the root is up, workloads made", Intent::running, run, {gone, none}, pending},
      {"created and not started", Intent::running, run, {made}, pending},
      {"after a reboot",
       Intent::running,
       gone,
       {gone, gone},
       {CellState::stopped, "TasksMissing",
        "its tasks are gone, as after a reboot: start the cell"}},
      {"a task could not be read",
       Intent::running,
       run,
       {lost, ok},
       {CellState::unknown, "NotObserved", R"(the state of container "a" could not be read)"}},
      {"a task could not be read, another runs", Intent::running, run, {lost, run}, ready},
      {"the root could not be read",
       Intent::running,
       lost,
       {run},
       {CellState::unknown, "NotObserved", R"(the state of container "root" could not be read)"}},
      {"the root died first",
       Intent::running,
       killed,
       {run},
       {CellState::unknown, "RootNotRunning",
        R"(root container "root" terminated by SIGKILL (exit code 137) while container "a" runs)"}},
      {"the root has no task",
       Intent::running,
       gone,
       {run},
       {CellState::unknown, "RootNotRunning",
        R"(root container "root" is not running while container "a" runs)"}},
      {"a root alone runs", Intent::running, run, {}, ready},
      {"a root alone starts", Intent::running, made, {}, pending},
      {"a root alone is done", Intent::running, ok, {}, exited},
      {"a root alone failed",
       Intent::running,
       bad,
       {},
       {CellState::error, "WorkloadFailed", R"(container "root" exited with code 3)"}},
      {"a root alone could not be read",
       Intent::running,
       lost,
       {},
       {CellState::unknown, "NotObserved", R"(the state of container "root" could not be read)"}},
  };

  for (const Row& row : table) {
    std::vector<std::string> ids;
    CellObservation seen;
    for (const TaskObservation& workload : row.workloads) {
      ids.push_back(std::string(1, static_cast<char>('a' + ids.size())));
      seen.tasks[ids.back()] = workload;
    }
    seen.tasks["root"] = row.root;
    const CellVerdict verdict = derive_cell(spec_of(ids), row.intent, seen);
    EXPECT_EQ(reflect::label(verdict.state), reflect::label(row.expected.state)) << row.what;
    EXPECT_EQ(verdict.reason, row.expected.reason) << row.what;
    EXPECT_EQ(verdict.message, row.expected.message) << row.what;
  }
}

TEST(DeriveCell, IsDegradedWhileAWorkloadIsToBeRestarted) {
  CellObservation seen;
  seen.tasks = {{"root", task(Task::running)}, {"a", task(Task::stopped, 3)}};
  seen.restarting = {"a"};
  EXPECT_EQ(derive_cell(spec_of({"a"}), Intent::running, seen),
            (CellVerdict{CellState::degraded, "RestartPending",
                         R"(container "a" exited with code 3, is restarted)"}));
  seen.tasks["a"] = task(Task::no_task);
  EXPECT_EQ(derive_cell(spec_of({"a"}), Intent::running, seen).message,
            R"(container "a" does not run, is restarted)");
  seen.tasks["root"] = task(Task::no_task);  // the whole cell is
  EXPECT_EQ(derive_cell(spec_of({"a"}), Intent::running, seen).state, CellState::degraded);
  seen.tasks["root"] = task(Task::running);
  seen.tasks["b"] = task(Task::running);
  EXPECT_EQ(derive_cell(spec_of({"a", "b"}), Intent::running, seen).state, CellState::degraded);
}

TEST(DeriveCell, TellsOfAWorkloadThatWasGivenUp) {
  CellObservation seen;
  seen.tasks = {{"root", task(Task::running)}, {"a", task(Task::stopped, 3)}};
  seen.given_up = {"a"};
  EXPECT_EQ(derive_cell(spec_of({"a"}), Intent::running, seen),
            (CellVerdict{CellState::error, "WorkloadFailed",
                         R"(container "a" exited with code 3, given up after its restarts)"}));
}

TEST(DeriveCell, DoesNotBlameAWorkloadThatTheUserStopped) {
  CellObservation seen;
  seen.tasks = {{"root", task(Task::running)}, {"a", task(Task::stopped, 143)}};
  seen.halted = {"a"};
  EXPECT_EQ(derive_cell(spec_of({"a"}), Intent::running, seen).state, CellState::stopped);
  seen.tasks["b"] = task(Task::running);
  EXPECT_EQ(derive_cell(spec_of({"a", "b"}), Intent::running, seen).state, CellState::ready);
  seen.tasks["b"] = task(Task::stopped);
  EXPECT_EQ(derive_cell(spec_of({"a", "b"}), Intent::running, seen).state, CellState::exited);
}

TEST(DeriveCell, KeepsAFailureUntilItIsLifted) {
  CellObservation seen;
  seen.tasks["root"] = task(Task::running);
  const CellVerdict verdict =
      derive_cell(spec_of({}), Intent::running, seen, Failure{"StartCellFailed", "no  such\nfile"});
  EXPECT_EQ(verdict, (CellVerdict{CellState::failed, "StartCellFailed", "no such file"}));
}

TEST(DeriveCell, IsUnknownWithoutACgroup) {
  CellObservation seen{.tasks = {{"root", task(Task::running)}}, .cgroup_ready = false};
  EXPECT_EQ(derive_cell(spec_of({}), Intent::running, seen).state, CellState::unknown);
}

TEST(DeriveCell, IsUnknownWhenAWorkloadWasNotAskedFor) {
  CellObservation seen;
  seen.tasks["root"] = task(Task::running);
  seen.tasks["a"] = task(Task::running);
  EXPECT_EQ(derive_cell(spec_of({"a", "b"}), Intent::running, seen).reason, "NotObserved");
}

TEST(DeriveContainer, MapsTaskStates) {
  struct Expected {
    TaskObservation task;
    ContainerState wanted, stopped;  // by intent
  };
  const Expected table[] = {
      {task(Task::no_record), ContainerState::not_created, ContainerState::not_created},
      {task(Task::no_task), ContainerState::stopped, ContainerState::stopped},
      {task(Task::created), ContainerState::pending, ContainerState::pending},
      {task(Task::running), ContainerState::ready, ContainerState::ready},
      {task(Task::paused), ContainerState::paused, ContainerState::paused},
      {task(Task::pausing), ContainerState::pausing, ContainerState::pausing},
      {task(Task::stopped), ContainerState::exited, ContainerState::stopped},
      {task(Task::stopped, 143), ContainerState::error, ContainerState::stopped},
      {task(Task::unknown), ContainerState::unknown, ContainerState::unknown},
  };
  for (const auto& [seen, wanted, stopped] : table) {
    EXPECT_EQ(derive_container(seen, Intent::running), wanted);
    EXPECT_EQ(derive_container(seen, Intent::stopped), stopped);
  }
}

TEST(DeriveContainerStatus, RemembersAnExitAfterTheTaskIsGone) {
  const auto t1 = Timestamp::parse("2026-01-01T00:00:01Z");
  const auto t2 = Timestamp::parse("2026-01-01T00:00:02Z");
  const auto t3 = Timestamp::parse("2026-01-01T00:00:03Z");

  auto status = derive_container_status("app", task(Task::running), Intent::running, nullptr, t1);
  EXPECT_EQ(status.state, ContainerState::ready);
  EXPECT_EQ(status.start_time, t1);
  status = derive_container_status("app", task(Task::running), Intent::running, &status, t2);
  EXPECT_EQ(status.start_time, t1);

  status = derive_container_status("app", task(Task::stopped, 143), Intent::running, &status, t2);
  EXPECT_EQ(status.exit_signal, "SIGTERM");
  EXPECT_EQ(status.finish_time, t2);
  status = derive_container_status("app", task(Task::no_task), Intent::running, &status, t3);
  EXPECT_EQ(status.state, ContainerState::error);
  EXPECT_EQ(status.exit_code, 143);
  EXPECT_EQ(status.finish_time, t2);
  status = derive_container_status("app", task(Task::no_task), Intent::stopped, &status, t3);
  EXPECT_EQ(status.state, ContainerState::stopped);
  EXPECT_EQ(status.exit_code, 143);

  status = derive_container_status("app", task(Task::running), Intent::running, &status, t3);
  EXPECT_EQ(status.start_time, t3);
  EXPECT_TRUE(status.finish_time.is_zero());
  EXPECT_EQ(status.exit_code, 0);
  EXPECT_EQ(status.exit_signal, "");
}

TEST(ReadyObserved, IsALatch) {
  EXPECT_TRUE(latch_ready_observed(true, CellState::stopped, CellState::stopped));
  EXPECT_TRUE(latch_ready_observed(false, CellState::ready, CellState::stopped));
  EXPECT_TRUE(latch_ready_observed(false, CellState::pending, CellState::ready));
  EXPECT_TRUE(latch_ready_observed(false, CellState::pending, CellState::degraded));
  EXPECT_FALSE(latch_ready_observed(false, CellState::pending, CellState::exited));
  EXPECT_FALSE(latch_ready_observed(false, CellState::pending, CellState::stopped));
}

TEST(SignalOfExitCode, NamesOnlySignals) {
  EXPECT_EQ(signal_of_exit_code(137), "SIGKILL");
  EXPECT_EQ(signal_of_exit_code(1), "");
  EXPECT_EQ(signal_of_exit_code(128), "");
  EXPECT_EQ(signal_of_exit_code(255), "");
}

TEST(StatusMessage, IsOneLineOfAtMost256Bytes) {
  EXPECT_EQ(status_message("  a\n\n  b\t c "), "a b c");
  EXPECT_EQ(status_message(std::string(256, 'x')), std::string(256, 'x'));
  const std::string cut = status_message(std::string(252, 'x') + "ää and more");
  EXPECT_EQ(cut, std::string(252, 'x') + "...");
}

}  // namespace
}  // namespace kukeon::model

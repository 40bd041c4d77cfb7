// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "kukeon/base/timestamp.h"
#include "kukeon/model/cell.h"

// The one place where states come from. Pure: what was asked for and what was seen go in, a state
// comes out; create, start, get, refresh and reconcile all ask here.
namespace kukeon::model {

// What containerd said about one container's task.
struct TaskObservation {
  enum class State {
    no_record,  // containerd has no such container
    no_task,    // the container has no task
    created,
    running,
    paused,
    pausing,
    stopped,
    unknown,  // the question failed
  };

  State state = State::unknown;
  std::int64_t exit_code = 0;  // of a stopped task
  Timestamp exited_at{};       // of a stopped task, where known
};

struct CellObservation {
  std::map<std::string, TaskObservation, std::less<>> tasks{};  // by container id, root included
  bool cgroup_ready = true;
  // Workloads that ended and are not left at that: the user stopped them alone; they will be
  // restarted; they were restarted so often that they are given up.
  std::set<std::string, std::less<>> halted{};
  std::set<std::string, std::less<>> restarting{};
  std::set<std::string, std::less<>> given_up{};
};

// What the last verb asked for.
enum class Intent { running, stopped };

// A create or start that failed; it stands until the cell is started again or deleted.
struct Failure {
  std::string reason{};
  std::string message{};
};

struct CellVerdict {
  CellState state = CellState::unknown;
  std::string reason{};
  std::string message{};

  friend bool operator==(const CellVerdict&, const CellVerdict&) = default;
};

namespace reasons {
inline constexpr std::string_view create_cell_failed = "CreateCellFailed";
inline constexpr std::string_view start_cell_failed = "StartCellFailed";
inline constexpr std::string_view start_container_failed = "StartContainerFailed";
inline constexpr std::string_view workload_failed = "WorkloadFailed";
inline constexpr std::string_view root_not_running = "RootNotRunning";
inline constexpr std::string_view restart_pending = "RestartPending";
inline constexpr std::string_view cgroup_missing = "CgroupMissing";
inline constexpr std::string_view not_observed = "NotObserved";
inline constexpr std::string_view tasks_missing = "TasksMissing";
}  // namespace reasons

// What the user stopped is Stopped, whatever its exit code was.
ContainerState derive_container(const TaskObservation& task, Intent intent);

// Exit code, signal and times are kept after the task is gone and cleared when it runs again.
ContainerStatus derive_container_status(std::string_view id, const TaskObservation& task,
                                        Intent intent, const ContainerStatus* previous,
                                        const Timestamp& now);

CellVerdict derive_cell(const CellSpec& spec, Intent intent, const CellObservation& seen,
                        const std::optional<Failure>& failure = {});

// Whether a state counts as alive: Ready, Pending, Paused, Pausing.
bool is_active(ContainerState state);

// Whether it ran to an end that nobody asked for: Exited, Error.
bool ended_by_itself(ContainerState state);

// Whether a cell's workloads run, if not all of them: Ready, Degraded.
bool is_up(CellState state);

// The one-way latch (model.md 5.3).
bool latch_ready_observed(bool before, CellState previous, CellState now);

// Stamps a status that is about to be stored (model.md 3.7): createdAt and readyAt once, updatedAt
// each time. `before` is the stored status, or nullptr for a new object.
template <class Status>
void stamp_lifecycle(Status& status, const Status* before, const Timestamp& now) {
  if (before != nullptr && !before->created_at.is_zero()) status.created_at = before->created_at;
  if (before != nullptr && !before->ready_at.is_zero()) status.ready_at = before->ready_at;
  if (status.created_at.is_zero()) status.created_at = now;
  status.updated_at = now;
  using State = decltype(status.state);
  if (status.ready_at.is_zero() && status.state == State::ready) status.ready_at = now;
}

// "SIGKILL" for 137; empty for a code that no signal made.
std::string signal_of_exit_code(std::int64_t exit_code);

// A status message: one line, at most 256 bytes, cut on a UTF-8 boundary (model.md 3.7).
std::string status_message(std::string_view text);

}  // namespace kukeon::model

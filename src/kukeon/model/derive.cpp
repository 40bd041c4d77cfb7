// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/derive.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/strings.h"

namespace kukeon::model {
namespace {

using Task = TaskObservation::State;

bool is_alive(const TaskObservation& task) {
  return task.state == Task::running || task.state == Task::paused || task.state == Task::pausing;
}

// "exited with code 1", "terminated by SIGKILL (exit code 137)".
std::string ending(std::int64_t exit_code) {
  const std::string signal = signal_of_exit_code(exit_code);
  return signal.empty() ? fmt::format("exited with code {}", exit_code)
                        : fmt::format("terminated by {} (exit code {})", signal, exit_code);
}

struct Seen {
  const ContainerSpec& spec;
  const TaskObservation* task;  // nullptr: not observed
};

// `bad` with the endings of the workloads that ended badly, or `good` when none did. One that will
// be restarted makes the cell Degraded, however it ended.
CellVerdict judged(CellState good, CellState bad, const std::vector<Seen>& containers,
                   const CellObservation& seen) {
  std::vector<std::string> endings;
  bool restarting = false;
  for (const auto& [spec, task] : containers) {
    const bool restarts = seen.restarting.contains(spec.id);
    const bool failed = task->state == Task::stopped && task->exit_code != 0;
    if (seen.halted.contains(spec.id) || (!failed && !restarts)) continue;
    std::string text = fmt::format("container {} ", quote(spec.id));
    text += task->state == Task::stopped ? ending(task->exit_code) : "does not run";
    if (restarts) text += ", is restarted";
    if (seen.given_up.contains(spec.id)) text += ", given up after its restarts";
    endings.push_back(std::move(text));
    restarting = restarting || restarts;
  }
  if (endings.empty()) return {good, "", ""};
  const auto reason = restarting ? reasons::restart_pending : reasons::workload_failed;
  return {restarting ? CellState::degraded : bad, std::string{reason},
          status_message(join(endings, "; "))};
}

CellVerdict not_observed(const ContainerSpec& container) {
  return {CellState::unknown, std::string{reasons::not_observed},
          fmt::format("the state of container {} could not be read", quote(container.id))};
}

// A cell of which nothing lives and nothing is unknown.
CellVerdict at_rest(const std::vector<Seen>& containers, Intent intent, bool root_is_up,
                    const CellObservation& seen) {
  const bool all_halted = std::ranges::all_of(
      containers, [&](const Seen& one) { return seen.halted.contains(one.spec.id); });
  if (intent == Intent::stopped || all_halted) return {CellState::stopped, "", ""};
  if (!seen.restarting.empty()) {
    return judged(CellState::exited, CellState::error, containers, seen);
  }
  const auto all = [&](auto... states) {
    return std::ranges::all_of(
        containers, [&](const Seen& one) { return ((one.task->state == states) || ...); });
  };
  const bool any_created = std::ranges::any_of(
      containers, [](const Seen& one) { return one.task->state == Task::created; });
  // On the way up: made but not started, or not even made.
  if (any_created || all(Task::no_record)) return {CellState::pending, "", ""};
  if (all(Task::no_record, Task::no_task)) {
    if (root_is_up) return {CellState::pending, "", ""};
    return {CellState::stopped, std::string{reasons::tasks_missing},
            "its tasks are gone, as after a reboot: start the cell"};
  }
  return judged(CellState::exited, CellState::error, containers, seen);
}

}  // namespace

ContainerState derive_container(const TaskObservation& task, Intent intent) {
  switch (task.state) {
    case Task::created:
      return ContainerState::pending;
    case Task::running:
      return ContainerState::ready;
    case Task::paused:
      return ContainerState::paused;
    case Task::pausing:
      return ContainerState::pausing;
    case Task::no_record:
      return ContainerState::not_created;
    case Task::no_task:
      return ContainerState::stopped;
    case Task::stopped:
      if (intent == Intent::stopped) return ContainerState::stopped;
      return task.exit_code == 0 ? ContainerState::exited : ContainerState::error;
    case Task::unknown:
      break;
  }
  return ContainerState::unknown;
}

ContainerStatus derive_container_status(std::string_view id, const TaskObservation& task,
                                        Intent intent, const ContainerStatus* previous,
                                        const Timestamp& now) {
  ContainerStatus status = previous != nullptr ? *previous : ContainerStatus{};
  status.name = id;
  status.id = id;
  // How a task ended stays known after it was cleared away.
  if (task.state != Task::no_task || !ended_by_itself(status.state) || intent == Intent::stopped) {
    status.state = derive_container(task, intent);
  }
  if (status.state == ContainerState::ready) {
    if (status.start_time.is_zero() || !status.finish_time.is_zero()) status.start_time = now;
    status.finish_time = {};
    status.exit_code = 0;
    status.exit_signal.clear();
  } else if (task.state == Task::stopped) {
    if (!task.exited_at.is_zero()) {
      status.finish_time = task.exited_at;
    } else if (status.finish_time.is_zero()) {
      status.finish_time = now;
    }
    status.exit_code = task.exit_code;
    status.exit_signal = signal_of_exit_code(task.exit_code);
  }
  return status;
}

CellVerdict derive_cell(const CellSpec& spec, Intent intent, const CellObservation& seen,
                        const std::optional<Failure>& failure) {
  if (failure) return {CellState::failed, failure->reason, status_message(failure->message)};
  if (!seen.cgroup_ready) {
    return {CellState::unknown, std::string{reasons::cgroup_missing},
            "the cell's cgroup is not there"};
  }

  const auto observe = [&](const ContainerSpec& container) -> Seen {
    const auto found = seen.tasks.find(container.id);
    return {container, found == seen.tasks.end() ? nullptr : &found->second};
  };
  const ContainerSpec* const root_spec = root_of(spec);
  std::vector<Seen> containers;
  for (const ContainerSpec& container : spec.containers) {
    if (&container != root_spec) containers.push_back(observe(container));
  }
  const bool has_workloads = !containers.empty();
  // A cell without workloads follows its root.
  if (!has_workloads && root_spec != nullptr) containers.push_back(observe(*root_spec));
  if (containers.empty()) {
    return {intent == Intent::stopped ? CellState::stopped : CellState::ready, "", ""};
  }

  const auto is_unknown = [](const Seen& one) {
    return one.task == nullptr || one.task->state == Task::unknown;
  };
  for (const Seen& one : containers) {
    if (one.task == nullptr) return not_observed(one.spec);
  }
  const auto alive =
      std::ranges::find_if(containers, [](const Seen& one) { return is_alive(*one.task); });
  const bool root_is_up = root_spec != nullptr && observe(*root_spec).task != nullptr &&
                          is_alive(*observe(*root_spec).task);

  if (alive == containers.end()) {
    const auto unknown = std::ranges::find_if(containers, is_unknown);
    if (unknown != containers.end()) return not_observed(unknown->spec);
    return at_rest(containers, intent, root_is_up, seen);
  }

  if (has_workloads && !root_is_up) {
    if (root_spec == nullptr || is_unknown(observe(*root_spec))) {
      return root_spec == nullptr
                 ? CellVerdict{CellState::unknown, std::string{reasons::root_not_running},
                               "the cell has no root container"}
                 : not_observed(*root_spec);
    }
    const TaskObservation& root = *observe(*root_spec).task;
    return {CellState::unknown, std::string{reasons::root_not_running},
            fmt::format("root container {} {} while container {} runs", quote(root_spec->id),
                        root.state == Task::stopped ? ending(root.exit_code) : "is not running",
                        quote(alive->spec.id))};
  }
  return judged(CellState::ready, CellState::degraded, containers, seen);
}

bool is_active(ContainerState state) {
  return state == ContainerState::ready || state == ContainerState::pending ||
         state == ContainerState::paused || state == ContainerState::pausing;
}

bool ended_by_itself(ContainerState state) {
  return state == ContainerState::exited || state == ContainerState::error;
}

bool is_up(CellState state) { return state == CellState::ready || state == CellState::degraded; }

bool latch_ready_observed(bool before, CellState previous, CellState now) {
  return before || is_up(previous) || is_up(now);
}

std::string signal_of_exit_code(std::int64_t exit_code) {
  if (exit_code <= 128 || exit_code > 128 + 64) return "";
  const char* const name = ::sigabbrev_np(static_cast<int>(exit_code - 128));
  return name == nullptr ? std::string{} : fmt::format("SIG{}", name);
}

std::string status_message(std::string_view text) {
  constexpr std::size_t limit = 256;
  constexpr std::string_view ellipsis = "...";
  std::string line;
  for (const char c : to_valid_utf8(text)) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    if (!space) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  if (line.ends_with(' ')) line.pop_back();
  if (line.size() <= limit) return line;
  std::size_t end = limit - ellipsis.size();
  while ((static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
  line.resize(end);
  return line.append(ellipsis);
}

}  // namespace kukeon::model

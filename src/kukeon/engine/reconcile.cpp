// SPDX-License-Identifier: Apache-2.0
// What happens without anybody asking: events, repairs, and the end of what a killed daemon began.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/engine/engine.h"
#include "kukeon/engine/journal.h"
#include "kukeon/model/restart.h"

namespace kukeon::engine {
namespace {

using store::Intent;

// A cell that hangs in a call to the runtime holds one of these up until the call's deadline.
constexpr int reconcile_threads = 4;

// While somebody else works on a cell, it is looked at again after this.
constexpr std::chrono::milliseconds busy_pause{100};

// How often a cell that a killed daemon or a reboot left is tried before it is Failed: containerd
// may still be clearing away what that daemon had begun. A runtime that does not answer is waited
// for.
constexpr int recovery_attempts = 5;
constexpr std::chrono::milliseconds recovery_pause{200};
constexpr std::chrono::milliseconds longest_recovery_pause{10'000};

// What another try cannot mend: the document, or what it asks for, is wrong.
bool is_hopeless(const Error& error) {
  return error.is(kinds::invalid_argument) || error.is(kinds::validation_failed) ||
         error.is(kinds::pull_image) || error.is(kinds::image_not_found);
}

bool is_outage(const Error& error) {
  return error.is(kinds::connect_containerd) || error.is(kinds::unavailable);
}

bool is_alive(const model::TaskObservation& task) {
  using State = model::TaskObservation::State;
  return task.state == State::running || task.state == State::paused ||
         task.state == State::pausing;
}

bool root_lives(const model::Cell& cell, const model::CellObservation& seen) {
  const model::ContainerSpec* root = model::root_of(cell.spec);
  return root != nullptr && is_alive(seen.tasks.at(root->id));
}

// Exits that `before` does not know of.
void tell_of_endings(const model::CellStatus& before, const model::Cell& cell,
                     std::vector<store::Event>& events) {
  for (const model::ContainerStatus& status : cell.status.containers) {
    const auto* had = model::find_status(before, status.id);
    if (!model::ended_by_itself(status.state) ||
        (had != nullptr && had->state == status.state && had->finish_time == status.finish_time)) {
      continue;
    }
    model::Path path = cell.path();
    path.container = status.id;
    events.push_back(journal::exited(path, status.exit_code));
  }
}

// Whether the cell's document says of any workload that it runs, or is about to.
bool was_active(const model::Cell& cell) {
  return std::ranges::any_of(model::workloads_of(cell.spec), [&](const model::ContainerSpec* spec) {
    const auto* status = model::find_status(cell.status, spec->id);
    return status == nullptr || model::is_active(status->state) ||
           status->state == model::ContainerState::unknown;
  });
}

}  // namespace

void Engine::start() {
  // Nobody imports yet: what an import holds now belongs to a daemon that was killed.
  puller_.remove_leftovers();
  for (const auto& realm : store_.list<model::Realm>()) {
    try {
      images_.remove_leftovers(realm->value.spec.containerd_namespace);
    } catch (const Error& error) {
      log::warn("leftovers of imports stay",
                {{"realm", realm->value.metadata.name}, {"cause", error.what()}});
    }
  }
  events_ = std::jthread{[this](const std::stop_token& stop) { run_events(stop); }};
  for (int i = 0; i < reconcile_threads; ++i) {
    reconcilers_.emplace_back([this](const std::stop_token& stop) { run_reconciler(stop); });
  }
  timer_ = std::jthread{[this](const std::stop_token& stop) { run_timer(stop); }};
}

void Engine::stop() {
  cancel_pulls();
  for (std::jthread* thread : {&timer_, &events_}) {
    thread->request_stop();
    if (thread->joinable()) thread->join();
  }
  for (std::jthread& thread : reconcilers_) thread.request_stop();
  reconcilers_.clear();
}

// Events are hints: they name the cell to look at. Each time the stream stands anew, all cells are
// looked at, since events may have been missed (design D6).
void Engine::run_events(const std::stop_token& stop) {
  try {
    runtime_.watch(
        [this](const runtime::Event& event) {
          const auto cell = cell_of_container(event.ns, event.container_id);
          if (!cell) return;
          if (event.kind == runtime::EventKind::task_oom) tell_of_oom(*cell, event.container_id);
          mark_dirty(*cell);
        },
        [this] { mark_all_dirty(); }, stop);
  } catch (...) {
    log::error("events are not followed any more", {{"cause", current_exception_text()}});
  }
}

void Engine::tell_of_oom(const model::Path& path, const std::string& id) {
  const auto cell = store_.find<model::Cell>(path);
  if (!cell) return;
  const CellLayout at = layout_of(cell->value);
  for (const model::ContainerSpec& spec : cell->value.spec.containers) {
    if (at.container_id(spec) == id) store_.record(journal::oom(at.container_path(spec.id)));
  }
}

void Engine::run_timer(const std::stop_token& stop) {
  int failures = 0;  // passes in a row that did not do all
  const auto pass = [&] {
    bool whole = false;
    try {
      whole = reconcile_layers();
      {
        const std::lock_guard lock{dirty_mutex_};
        layers_looked_at_ = true;
      }
      // A pass that only repeats what failed leaves the cells alone.
      if (failures == 0) mark_all_dirty();
      whole = finish_deletions() && whole;
    } catch (...) {
      whole = false;
      log::warn("reconcile pass failed", {{"cause", current_exception_text()}});
    }
    failures = whole ? 0 : failures + 1;
  };
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock{mutex};
  while (!stop.stop_requested()) {
    pass();
    const auto retry = std::min(recovery_pause * failures, longest_recovery_pause);
    const auto interval = std::chrono::milliseconds{config_.reconcile_interval};
    if (failures == 0 && interval.count() <= 0) return;
    const auto pause = failures == 0          ? interval
                       : interval.count() > 0 ? std::min(retry, interval)
                                              : retry;
    never.wait_for(lock, stop, pause, [] { return false; });
  }
}

void Engine::run_reconciler(const std::stop_token& stop) {
  while (const auto cell = take_dirty(stop)) {
    int failures = 0;
    try {
      reconcile_cell(*cell);
    } catch (...) {
      log::warn("cell not reconciled",
                {{"cell", cell->key()}, {"cause", current_exception_text()}});
      const std::lock_guard lock{dirty_mutex_};
      failures = ++failed_looks_[*cell];
    }
    if (failures > 0) {
      mark_later(*cell, std::min(recovery_pause * failures, longest_recovery_pause));
    } else {
      const std::lock_guard lock{dirty_mutex_};
      failed_looks_.erase(*cell);
    }
  }
}

// The next cell to look at, or nothing when the engine stops.
std::optional<model::Path> Engine::take_dirty(const std::stop_token& stop) {
  std::unique_lock lock{dirty_mutex_};
  while (!stop.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    auto next = now + std::chrono::hours{1};
    for (auto one = later_.begin(); one != later_.end();) {
      if (one->second <= now) {
        dirty_.insert(one->first);
        one = later_.erase(one);
      } else {
        next = std::min(next, one->second);
        ++one;
      }
    }
    if (layers_looked_at_ && !dirty_.empty()) {
      const model::Path cell = *dirty_.begin();
      dirty_.erase(dirty_.begin());
      return cell;
    }
    // Also woken for an earlier time: then the wait is computed anew.
    const auto known = marks_;
    dirty_wakes_.wait_until(lock, stop, next, [&] { return marks_ != known; });
  }
  return std::nullopt;
}

void Engine::mark_dirty(const model::Path& cell) {
  {
    const std::lock_guard lock{dirty_mutex_};
    dirty_.insert(cell);
    ++marks_;
  }
  dirty_wakes_.notify_one();
}

void Engine::mark_later(const model::Path& cell, std::chrono::milliseconds pause) {
  {
    const std::lock_guard lock{dirty_mutex_};
    const auto at = std::chrono::steady_clock::now() + pause;
    const auto [known, fresh] = later_.try_emplace(cell, at);
    if (!fresh) known->second = std::min(known->second, at);
    ++marks_;
  }
  dirty_wakes_.notify_all();
}

void Engine::mark_all_dirty() {
  {
    const std::lock_guard lock{dirty_mutex_};
    for (const auto& cell : store_.list<model::Cell>()) dirty_.insert(cell->value.path());
    ++marks_;
  }
  dirty_wakes_.notify_all();
}

std::optional<model::Path> Engine::cell_of_container(const std::string& ns,
                                                     const std::string& id) const {
  for (const auto& cell : store_.list<model::Cell>()) {
    const model::Path path = cell->value.path();
    if (!id.starts_with(model::container_id_prefix(path.space, path.stack, cell->value.spec.id)))
      continue;
    const auto realm = store_.find<model::Realm>(path.up_to(model::Kind::realm));
    if (realm && realm->value.spec.containerd_namespace == ns) return path;
  }
  return std::nullopt;
}

// Children before parents: a stack can go only after its cells.
// Whether none is left.
bool Engine::finish_deletions() {
  bool whole = true;
  const auto attempt = [&](const model::Path& path, const std::function<void()>& body) {
    try {
      body();
    } catch (const Error& error) {
      whole = false;
      log::warn("deletion not finished yet", {{"path", path.key()}, {"cause", error.what()}});
    }
  };
  for (const auto& cell : store_.list<model::Cell>()) {
    const model::Path path = cell->value.path();
    if (cell->intent == Intent::deleted) attempt(path, [&] { delete_cell(path); });
  }
  for (const auto& stack : store_.list<model::Stack>()) {
    const model::Path path = stack->value.path();
    if (stack->intent == Intent::deleted) {
      attempt(path, [&] { delete_stack(path, {Cascade::yes, Force::no}); });
    }
  }
  for (const auto& space : store_.list<model::Space>()) {
    const model::Path path = space->value.path();
    if (space->intent == Intent::deleted) {
      attempt(path, [&] { delete_space(path, {Cascade::yes, Force::no}); });
    }
  }
  for (const auto& realm : store_.list<model::Realm>()) {
    const model::Path path = realm->value.path();
    if (realm->intent == Intent::deleted) {
      attempt(path, [&] { delete_realm(path.realm, {Cascade::yes, Force::no}); });
    }
  }
  return whole;
}

// A layer that a killed daemon left half made is made; what somebody removed from a whole one is
// put back.
// Whether all are as they should be.
bool Engine::reconcile_layers() {
  bool whole = true;
  const auto attempt = [&](const model::Path& path, const std::function<void()>& body) {
    try {
      body();
    } catch (const Error& error) {
      whole = false;
      log::warn("layer not repaired", {{"path", path.key()}, {"cause", error.what()}});
    }
  };
  for (const auto& realm : store_.list<model::Realm>()) {
    if (realm->intent == Intent::deleted) continue;
    attempt(realm->value.path(), [&] { create_realm(realm->value, IfMissing::skip); });
  }
  for (const auto& space : store_.list<model::Space>()) {
    if (space->intent == Intent::deleted) continue;
    attempt(space->value.path(), [&] { create_space(space->value, IfMissing::skip); });
  }
  for (const auto& stack : store_.list<model::Stack>()) {
    if (stack->intent == Intent::deleted) continue;
    attempt(stack->value.path(), [&] { create_stack(stack->value, IfMissing::skip); });
  }
  return whole;
}

// After a start of ours that failed: looks at the cell again after a pause, or marks it Failed.
void Engine::try_again(const model::Path& path, const Error& error) {
  int tries = 0;
  {
    const std::lock_guard lock{dirty_mutex_};
    tries = ++recoveries_[path];
  }
  if (is_hopeless(error) || (tries >= recovery_attempts && !is_outage(error))) {
    {
      const std::lock_guard lock{dirty_mutex_};
      recoveries_.erase(path);
    }
    mark_failed(path, model::reasons::start_cell_failed, error);
    throw error;
  }
  log::info("cell is tried again", {{"cell", path.key()}, {"cause", error.what()}});
  mark_later(path, std::min(recovery_pause * tries, longest_recovery_pause));
}

// Starts a cell that should run and does not, without the containers of `leave_out`.
void Engine::bring_back(const model::Cell& cell, Names leave_out,
                        std::vector<store::Event> events) {
  const model::Path path = cell.path();
  log::info("cell is brought back", {{"cell", path.key()}});
  try {
    model::Cell next = cell;
    run(next, {.leave_out = std::move(leave_out), .keep_pending = true});
    events.push_back(journal::started(path));
    put_cell(next, Intent::running, std::move(events));
  } catch (const Error& error) {
    try_again(path, error);
    return;
  }
  const std::lock_guard lock{dirty_mutex_};
  recoveries_.erase(path);
}

void Engine::reconcile_cell(const model::Path& path) {
  const auto held = locks_.try_lock(path.key());
  if (!held.is_held()) {
    mark_later(path, busy_pause);
    return;
  }
  const auto stored = store_.find<model::Cell>(path);
  if (!stored || stored->intent == Intent::deleted) return;
  // A failed one stands until it is started again or deleted.
  if (stored->value.status.state == model::CellState::failed) return;
  const CellLayout at = layout_of(stored->value);
  // Also of one that ended before anybody saw it Ready.
  if (stored->value.status.state != model::CellState::pending && !cgroups_.exists(at.cgroup)) {
    log::info("cgroup is made again", {{"cell", path.key()}});
    make_cgroup(stored->value, at);
    store_.record(journal::repaired(path, "cgroup"));
  }
  if (stored->intent == Intent::running) {
    keep_running(*stored, at);
  } else {
    finish_stop(stored->value, at);
  }
}

void Engine::finish_stop(model::Cell cell, const CellLayout& at) {
  const model::CellStatus before = cell.status;
  model::CellObservation seen = look(cell, at, Intent::stopped);
  const bool alive = std::ranges::any_of(seen.tasks, [](const auto& task) {
    return is_alive(task.second) || task.second.state == model::TaskObservation::State::created;
  });
  if (alive || at.pins.exists()) {
    log::info("stop is finished", {{"cell", at.path.key()}});
    bring_down(cell, at, Signal::term, Keep::records, config_.stop_grace);
    seen = look(cell, at, Intent::stopped);
  }
  take(cell, seen, Intent::stopped);
  if (!(cell.status == before)) put_cell(cell, Intent::stopped);
}

void Engine::keep_running(const store::Stored<model::Cell>& stored, const CellLayout& at) {
  model::Cell cell = stored.value;
  const bool interrupted = cell.status.state == model::CellState::pending;
  model::CellObservation seen = look(cell, at, Intent::running);
  if (!root_lives(cell, seen)) {
    revive(stored, at, std::move(seen));
    return;
  }
  std::vector<store::Event> events;
  if (!restart_workloads(cell, at, seen, events)) return;
  take(cell, seen, Intent::running);
  if (interrupted && !model::is_up(cell.status.state) &&
      cell.status.state != model::CellState::exited &&
      cell.status.state != model::CellState::error) {
    bring_back(stored.value, seen.halted, std::move(events));
    return;
  }
  settle_cell(cell, stored.value.status, std::move(events));
}

// Stores what a look came to, where it is new; a cell that is done may delete itself.
void Engine::settle_cell(const model::Cell& cell, const model::CellStatus& before,
                         std::vector<store::Event> events) {
  if (cell.spec.auto_delete && cell.status.ready_observed &&
      cell.status.state == model::CellState::exited) {
    log::info("cell deletes itself", {{"cell", cell.path().key()}});
    put_cell(cell, Intent::deleted, std::move(events));
    finish_delete(cell);
  } else if (!(cell.status == before)) {
    put_cell(cell, Intent::running, std::move(events));
  }
}

// Starts workloads that ended and whose policies ask for it, now or later, and those whose start a
// killed daemon had begun. What it did and will do goes into `seen` and the cell's status; false:
// leave the cell as it is stored.
bool Engine::restart_workloads(model::Cell& cell, const CellLayout& at,
                               model::CellObservation& seen, std::vector<store::Event>& events) {
  using Verdict = model::RestartDecision::Verdict;
  using State = model::TaskObservation::State;
  const model::CellStatus before = cell.status;
  take(cell, seen, Intent::running);
  tell_of_endings(before, cell, events);
  for (const model::ContainerSpec* spec : model::workloads_of(cell.spec)) {
    model::TaskObservation& task = seen.tasks.at(spec->id);
    const auto* had = model::find_status(before, spec->id);
    const bool wanted = had == nullptr || had->state == model::ContainerState::pending;
    // Of a daemon that was killed before it could replace it.
    const bool outdated = is_alive(task) && wanted && !runs_as_wanted(*spec, cell, at);
    if ((is_alive(task) && !outdated) || task.state == State::unknown ||
        seen.halted.contains(spec->id)) {
      continue;
    }
    // Its start is not known to have come about: one that ended meanwhile runs once more.
    const bool begun = outdated || wanted || task.state == State::created;
    model::ContainerStatus& status = *model::find_status(cell.status, spec->id);
    const Timestamp now = Timestamp::now();
    model::RestartDecision next = model::decide_restart(*spec, status, config_.restarts);
    if (begun || (next.verdict == Verdict::restarts && next.due <= now)) {
      log::info("container is started again",
                {{"cell", at.path.key()}, {"container", spec->id}, {"attempt", next.attempt}});
      if (!begun) model::count_restart(status, next.attempt, now);
      try {
        if (outdated) stop_one(*spec, at, Signal::term, config_.stop_grace);
        start_one(*spec, cell, at);
        task = observation_of(runtime_.find_task(at.ns, at.container_id(*spec)));
        events.push_back(begun ? journal::started(at.container_path(spec->id))
                               : journal::restarted(at.container_path(spec->id), next.attempt));
        continue;
      } catch (const Error& error) {
        log::warn("container not started",
                  {{"cell", at.path.key()}, {"container", spec->id}, {"cause", error.what()}});
        if (begun) {  // as stored it is still to be started
          try_again(at.path, error);
          return false;
        }
        next = model::decide_restart(*spec, status, config_.restarts);
      }
    }
    if (next.verdict == Verdict::given_up) seen.given_up.insert(spec->id);
    if (next.verdict == Verdict::restarts) {
      seen.restarting.insert(spec->id);
      mark_later(at.path, std::max(next.due - now, std::chrono::milliseconds{1}));
    }
  }
  return true;
}

// A cell that should run and whose root does not: begun by a killed daemon, lost with the host's
// memory, or ended.
void Engine::revive(const store::Stored<model::Cell>& stored, const CellLayout& at,
                    model::CellObservation seen) {
  using Verdict = model::RestartDecision::Verdict;
  using State = model::TaskObservation::State;
  model::Cell cell = stored.value;
  const bool active = was_active(cell);
  const bool interrupted = cell.status.state == model::CellState::pending;
  // Where it ran is gone: nobody in it ended by itself.
  const bool lost = !at.host_network && !at.pins.exists();
  const bool ended = active && !interrupted && !lost;
  if (ended) {
    log::warn("root container ended, cell is wound down", {{"cell", at.path.key()}});
    // Nothing may go on in namespaces whose owner is gone.
    bring_down(cell, at, Signal::kill, Keep::records, config_.stop_grace);
    for (auto& [id, task] : seen.tasks) {
      const auto* status = model::find_status(cell.status, id);
      const bool ran = is_alive(task) || (task.state == State::no_task && status != nullptr &&
                                          model::is_active(status->state));
      if (ran) {
        task = {.state = State::stopped, .exit_code = 128 + SIGKILL, .exited_at = Timestamp::now()};
      }
    }
  }
  std::vector<store::Event> events;
  if (!interrupted && !(active && lost)) {
    take(cell, seen, Intent::running);
    tell_of_endings(stored.value.status, cell, events);
  }

  Names leave_out = seen.halted;
  Names due;
  std::optional<Timestamp> next;
  const Timestamp now = Timestamp::now();
  for (const model::ContainerSpec* spec : model::workloads_of(cell.spec)) {
    model::ContainerStatus* status = model::find_status(cell.status, spec->id);
    if (seen.halted.contains(spec->id)) continue;
    if (status == nullptr || model::is_active(status->state) ||
        status->state == model::ContainerState::unknown) {
      due.insert(spec->id);  // it was to run, and nobody saw it end
      continue;
    }
    const auto decision = model::decide_restart(*spec, *status, config_.restarts);
    if (decision.verdict == Verdict::given_up) seen.given_up.insert(spec->id);
    if (decision.verdict != Verdict::restarts) {
      leave_out.insert(spec->id);
      continue;
    }
    seen.restarting.insert(spec->id);
    if (decision.due <= now) due.insert(spec->id);
    next = next ? std::min(*next, decision.due) : decision.due;
  }

  if (!due.empty()) {
    for (const std::string& id : seen.restarting) {
      model::ContainerStatus& status = *model::find_status(cell.status, id);
      const auto* spec = model::find_container(cell.spec, id);
      const auto attempt = model::decide_restart(*spec, status, config_.restarts).attempt;
      model::count_restart(status, attempt, now);
      events.push_back(journal::restarted(at.container_path(id), attempt));
    }
    bring_back(cell, std::move(leave_out), std::move(events));
    return;
  }
  if (next) mark_later(at.path, std::max(*next - now, std::chrono::milliseconds{1}));
  take(cell, seen, Intent::running);
  if (ended && seen.restarting.empty()) {
    cell.status.reason = model::reasons::root_not_running;
    cell.status.message =
        fmt::format("the root container ended; start it again: kuke start cell {}", at.path.cell);
  }
  settle_cell(cell, stored.value.status, std::move(events));
}

}  // namespace kukeon::engine

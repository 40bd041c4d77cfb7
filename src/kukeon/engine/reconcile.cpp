// SPDX-License-Identifier: Apache-2.0
// What happens without anybody asking: events, repairs, and the end of what a killed daemon began.
#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/engine/engine.h"

namespace kukeon::engine {
namespace {

using store::Intent;

// Cells are brought back side by side; more than this gains nothing on the disks and cores we know.
constexpr int reconcile_threads = 2;

// How often a cell that a killed daemon left is tried before it is Failed: containerd may still be
// clearing away what that daemon had begun.
constexpr int recovery_attempts = 5;
constexpr std::chrono::milliseconds recovery_pause{200};

// What another try cannot mend: the document, or what it asks for, is wrong.
bool is_hopeless(const Error& error) {
  return error.is(kinds::invalid_argument) || error.is(kinds::validation_failed) ||
         error.is(kinds::pull_image) || error.is(kinds::image_not_found);
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
          if (const auto cell = cell_of_container(event.ns, event.container_id)) mark_dirty(*cell);
        },
        [this] { mark_all_dirty(); }, stop);
  } catch (...) {
    log::error("events are not followed any more", {{"cause", current_exception_text()}});
  }
}

void Engine::run_timer(const std::stop_token& stop) {
  const auto pass = [this] {
    try {
      finish_deletions();
      reconcile_layers();
      mark_all_dirty();
    } catch (...) {
      log::warn("reconcile pass failed", {{"cause", current_exception_text()}});
    }
  };
  pass();
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock{mutex};
  while (!stop.stop_requested() && config_.reconcile_interval.count() > 0) {
    never.wait_for(lock, stop, config_.reconcile_interval, [] { return false; });
    if (!stop.stop_requested()) pass();
  }
}

void Engine::run_reconciler(const std::stop_token& stop) {
  while (true) {
    model::Path cell;
    {
      std::unique_lock lock{dirty_mutex_};
      if (!dirty_wakes_.wait(lock, stop, [this] { return !dirty_.empty(); })) return;
      cell = *dirty_.begin();
      dirty_.erase(dirty_.begin());
    }
    try {
      reconcile_cell(cell, stop);
    } catch (...) {
      log::warn("cell not reconciled", {{"cell", cell.key()}, {"cause", current_exception_text()}});
    }
  }
}

void Engine::mark_dirty(const model::Path& cell) {
  {
    const std::lock_guard lock{dirty_mutex_};
    dirty_.insert(cell);
  }
  dirty_wakes_.notify_one();
}

void Engine::mark_all_dirty() {
  {
    const std::lock_guard lock{dirty_mutex_};
    for (const auto& cell : store_.list<model::Cell>()) dirty_.insert(cell->value.path());
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
void Engine::finish_deletions() {
  const auto attempt = [](const model::Path& path, const std::function<void()>& body) {
    try {
      body();
    } catch (const Error& error) {
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
}

// A layer that a killed daemon left half made is made; what somebody removed from a whole one is
// put back.
void Engine::reconcile_layers() {
  const auto attempt = [](const model::Path& path, const std::function<void()>& body) {
    try {
      body();
    } catch (const Error& error) {
      log::warn("layer not repaired", {{"path", path.key()}, {"cause", error.what()}});
    }
  };
  for (const auto& realm : store_.list<model::Realm>()) {
    const model::RealmState state = realm->value.status.state;
    if (realm->intent == Intent::deleted || state == model::RealmState::failed) continue;
    attempt(realm->value.path(), [&] { create_realm(realm->value); });
  }
  for (const auto& space : store_.list<model::Space>()) {
    const model::SpaceState state = space->value.status.state;
    if (space->intent == Intent::deleted || state == model::SpaceState::failed) continue;
    attempt(space->value.path(), [&] { create_space(space->value); });
  }
  for (const auto& stack : store_.list<model::Stack>()) {
    const model::StackState state = stack->value.status.state;
    if (stack->intent == Intent::deleted || state == model::StackState::failed) continue;
    attempt(stack->value.path(), [&] { create_stack(stack->value); });
  }
}

void Engine::bring_back(const model::Cell& cell, const std::stop_token& stop) {
  log::info("cell is brought back", {{"cell", cell.path().key()}});
  for (int attempt = 1;; ++attempt) {
    try {
      ensure_cell(cell);
      return;
    } catch (const Error& error) {
      if (is_hopeless(error) || attempt == recovery_attempts || stop.stop_requested()) throw;
      log::info("cell is tried again", {{"cell", cell.path().key()}, {"cause", error.what()}});
    }
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock{mutex};
    never.wait_for(lock, stop, recovery_pause * attempt, [] { return false; });
  }
}

void Engine::reconcile_cell(const model::Path& path, const std::stop_token& stop) {
  const auto held = lock(path);
  const auto stored = store_.find<model::Cell>(path);
  if (!stored || stored->intent == Intent::deleted) return;
  model::Cell cell = stored->value;
  const CellLayout at = layout_of(cell);
  if (cell.status.state == model::CellState::failed)
    return;  // stands until started again or deleted

  observe(cell, at, stored->intent);
  const bool wanted = stored->intent == Intent::running;
  const bool root_lives = root_runs(cell);
  // Begun by a daemon that was killed; or its namespaces are gone, as after a reboot.
  const bool interrupted = stored->value.status.state == model::CellState::pending;
  const bool lost = !root_lives && !at.host_network && !at.pins.exists();
  if (wanted && ((interrupted && !model::is_up(cell.status.state)) || lost)) {
    bring_back(cell, stop);
    return;
  }
  if (!wanted && root_lives) {
    log::info("stop is finished", {{"cell", path.key()}});
    bring_down(cell, at, Signal::term, Keep::records, config_.stop_grace);
    observe(cell, at, stored->intent);
  } else if (wanted && !root_lives && model::is_up(stored->value.status.state)) {
    // Nothing may go on in namespaces whose owner is gone.
    log::warn("root container ended, cell is wound down", {{"cell", path.key()}});
    bring_down(cell, at, Signal::kill, Keep::records, config_.stop_grace);
    observe(cell, at, Intent::stopped);
    cell.status.reason = model::reasons::root_not_running;
    cell.status.message = "the root container ended; start the cell again";
    put_cell(cell, Intent::stopped);
    return;
  }
  if (!(cell.status == stored->value.status)) put_cell(cell, stored->intent);
}

}  // namespace kukeon::engine

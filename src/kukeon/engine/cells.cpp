// SPDX-License-Identifier: Apache-2.0
// Cells and their containers: create, start, stop, delete.
#include <algorithm>
#include <csignal>
#include <exception>
#include <future>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/base/rollback.h"
#include "kukeon/base/strings.h"
#include "kukeon/engine/container_spec.h"
#include "kukeon/engine/engine.h"
#include "kukeon/engine/in_parallel.h"
#include "kukeon/engine/journal.h"
#include "kukeon/engine/wrap.h"
#include "kukeon/model/defaults.h"
#include "kukeon/model/derive.h"
#include "kukeon/model/validate.h"
#include "kukeon/network/subnet_pool.h"
#include "kukeon/runtime/containers.h"

namespace kukeon::engine {
namespace {

using std::chrono::milliseconds;
using store::Changes;
using store::Intent;

model::Intent observed_intent(Intent intent) {
  return intent == Intent::running ? model::Intent::running : model::Intent::stopped;
}

// The root file system of every default root container: nothing but mount points and the pause
// program's place. Shared and read-only, so a cell costs no snapshot for it.
fs::path pause_rootfs(const Config& config) {
  const fs::path root = config.run_path / "pause";
  for (const char* directory : {"proc", "sys", "dev", "run", "etc", ".kukeon/bin"}) {
    make_directories(root / directory, 0755);
  }
  for (const char* file : {"etc/hosts", "etc/hostname", ".kukeon/bin/kukepause"}) {
    if (!fs::exists(root / file)) write_file_in_place(root / file, "", 0755);
  }
  return root;
}

void require_no_running_container(const model::Cell& cell) {
  for (const model::ContainerStatus& status : cell.status.containers) {
    const model::ContainerSpec* spec = model::find_container(cell.spec, status.id);
    const bool root = spec != nullptr && model::is_root(cell.spec, *spec);
    const bool only_root = cell.spec.containers.size() == 1;
    if (status.state == model::ContainerState::ready && (!root || only_root)) {
      throw Error{kinds::failed_precondition,
                  fmt::format("cell {} has running containers and must first be stopped",
                              quote(cell.metadata.name))};
    }
  }
}

}  // namespace

// --- the pieces ---

void Engine::lease_address(const model::Path& path, Changes& changes) const {
  if (store_.address_of(path)) return;
  const network::SpaceNetwork net = network_of(path);
  std::vector<network::Address> used;
  for (const std::string& address : store_.leased_addresses(path.up_to(model::Kind::space))) {
    used.push_back(network::Address::parse(address));
  }
  changes.lease_address(path, network::pick_address(net.subnet, used).to_string());
}

model::Cell Engine::put_cell(const model::Cell& cell, Intent intent,
                             std::vector<store::Event> events) {
  store_.write([&](Changes& changes) {
    changes.put(cell, intent);
    for (store::Event& event : events) changes.record(std::move(event));
  });
  return store_.find<model::Cell>(cell.path())->value;
}

model::TaskObservation Engine::observation_of(const std::optional<runtime::Task>& task) {
  using State = model::TaskObservation::State;
  if (!task) return {.state = State::no_task};
  model::TaskObservation seen{.state = State::unknown,
                              .exit_code = static_cast<std::int64_t>(task->exit_code),
                              .exited_at = task->exited_at};
  switch (task->state) {
    case runtime::TaskState::created:
      seen.state = State::created;
      break;
    case runtime::TaskState::running:
      seen.state = State::running;
      break;
    case runtime::TaskState::paused:
      seen.state = State::paused;
      break;
    case runtime::TaskState::pausing:
      seen.state = State::pausing;
      break;
    case runtime::TaskState::stopped:
      seen.state = State::stopped;
      break;
    case runtime::TaskState::unknown:
      break;
  }
  return seen;
}

// What runs, as the runtime says it now. How a workload ended is remembered by the cell's status
// when its task is gone: cleared away for a restart, or lost with the host's memory.
model::CellObservation Engine::look(const model::Cell& cell, const CellLayout& at,
                                    Intent intent) const {
  using State = model::TaskObservation::State;
  model::CellObservation seen;
  seen.halted = store_.halted_containers(at.path);
  for (const model::ContainerSpec& spec : cell.spec.containers) {
    const std::string id = at.container_id(spec);
    auto& task = seen.tasks[spec.id] = observation_of(runtime_.find_task(at.ns, id));
    if (task.state != State::no_task) continue;
    const auto* before = model::find_status(cell.status, spec.id);
    if (intent == Intent::running && before != nullptr && model::ended_by_itself(before->state)) {
      task = {.state = State::stopped,
              .exit_code = before->exit_code,
              .exited_at = before->finish_time};
    } else if (!runtime::container_exists(runtime_, at.ns, id)) {
      task.state = State::no_record;
    }
  }
  seen.cgroup_ready = cgroups_.exists(at.cgroup);
  return seen;
}

void Engine::observe(model::Cell& cell, const CellLayout& at, Intent intent) {
  take(cell, look(cell, at, intent), intent);
}

void Engine::take(model::Cell& cell, const model::CellObservation& seen, Intent intent) {
  const auto now = Timestamp::now();
  const model::CellStatus before = cell.status;
  reflect::List<model::ContainerStatus> statuses =
      reflect::List<model::ContainerStatus>::empty_list();
  for (const model::ContainerSpec& spec : cell.spec.containers) {
    const Intent own = seen.halted.contains(spec.id) ? Intent::stopped : intent;
    statuses.push_back(model::derive_container_status(spec.id, seen.tasks.at(spec.id),
                                                      observed_intent(own),
                                                      model::find_status(before, spec.id), now));
  }
  const auto verdict = model::derive_cell(cell.spec, observed_intent(intent), seen);
  cell.status.containers = std::move(statuses);
  cell.status.state = verdict.state;
  // Why a cell came to a stop stays said for as long as it rests.
  const bool rests = verdict.state == before.state && !model::is_up(verdict.state);
  const bool told_before =
      rests && ((verdict.reason.empty() && verdict.state == model::CellState::stopped) ||
                before.reason == model::reasons::root_not_running);
  if (!told_before) {
    cell.status.reason = verdict.reason;
    cell.status.message = model::status_message(verdict.message);
  }
  cell.status.cgroup_ready = seen.cgroup_ready;
  cell.status.ready_observed =
      model::latch_ready_observed(before.ready_observed, before.state, verdict.state);
}

void Engine::mark_failed(const model::Path& path, std::string_view reason, const Error& error) {
  const auto stored = store_.find<model::Cell>(path);
  if (!stored) return;
  model::Cell cell = stored->value;
  cell.status.containers = reflect::List<model::ContainerStatus>::empty_list();
  cell.status.state = model::CellState::failed;
  cell.status.reason = reason;
  cell.status.message = model::status_message(error.what());
  try {
    put_cell(cell, stored->intent, {journal::failed(path, reason, cell.status.message)});
  } catch (const Error& second) {
    log::error("failed cell not recorded", {{"cell", path.key()}, {"cause", second.what()}});
  }
}

// The record of a container as its document wants it; its image is unpacked then.
runtime::ContainerRecord Engine::wanted_record(const model::ContainerSpec& spec,
                                               const model::Cell& cell, const CellLayout& at) {
  const bool pause = model::is_default_root(spec);
  image::UnpackedImage image;
  oci::AccountFiles accounts;
  if (!pause) {
    image = images_.unpack(at.ns, spec.image);
    accounts = images_.account_files(at.ns, image);
  }
  const bool cgroup_v2 = cgroups_.layout().kind() == kernel::CgroupLayout::Kind::unified;
  const ContainerFacts facts{.config = config_,
                             .cell = cell,
                             .at = at,
                             .image = image,
                             .accounts = accounts,
                             .cgroup_v2 = cgroup_v2};
  runtime::ContainerRecord record{.id = at.container_id(spec),
                                  .image = image.name,
                                  .snapshotter = {},
                                  .snapshot_key = {},
                                  .spec_json = make_oci_spec(spec, facts),
                                  .labels = container_labels(spec, cell)};
  if (!pause) {
    record.snapshotter = runtime_.snapshotter();
    record.snapshot_key = record.id;
    record.labels[std::string{chain_label}] = image.chain_id;
  }
  return record;
}

bool Engine::runs_as_wanted(const model::ContainerSpec& spec, const model::Cell& cell,
                            const CellLayout& at) {
  const auto record = runtime_.find_container(at.ns, at.container_id(spec));
  return record && record->spec_json == wanted_record(spec, cell, at).spec_json;
}

void Engine::start_one(const model::ContainerSpec& spec, const model::Cell& cell,
                       const CellLayout& at, const StartHooks& hooks) {
  during(fmt::format("container {}", quote(spec.id)), [&] {
    const runtime::ContainerRecord record = wanted_record(spec, cell, at);
    const std::string& id = record.id;
    const bool pause = model::is_default_root(spec);
    const auto chain_of = [](const runtime::ContainerRecord& one) {
      const auto label = one.labels.find(std::string{chain_label});
      return label == one.labels.end() ? std::string{} : label->second;
    };
    runtime_.delete_task(at.ns, id);
    bool snapshot_there = false;
    bool record_there = false;
    if (const auto had = runtime_.find_container(at.ns, id)) {
      // The writable layer lives as long as the image below it stays the same (runtime.md lesson
      // 17).
      snapshot_there = !pause && had->snapshot_key == id && !chain_of(*had).empty() &&
                       chain_of(*had) == chain_of(record) && runtime_.snapshot_exists(at.ns, id);
      record_there = had->spec_json == record.spec_json && (pause || snapshot_there);
      if (!record_there) runtime_.delete_container(at.ns, id);
    }
    if (!pause && !snapshot_there)
      runtime_.remove_snapshot(at.ns, id);  // of a killed daemon, or an old image

    runtime::TaskOptions options;
    if (pause) {
      options.rootfs = {
          {.type = "bind", .source = pause_rootfs(config_).string(), .options = {"rbind", "ro"}}};
    } else {
      options.rootfs = snapshot_there
                           ? runtime_.snapshot_mounts(at.ns, id)
                           : runtime_.prepare_snapshot(at.ns, id, chain_of(record), {}, "");
      make_directories(at.container_directory(spec.id), 02750);
      options.log_path = at.log_of(spec.id).string();
    }
    if (!record_there) runtime_.create_container(at.ns, record);
    if (hooks.before_start) hooks.before_start();
    options.on_created = hooks.on_created;
    runtime_.start_task(at.ns, id, options);
  });
}

void Engine::start_containers(model::Cell& cell, const CellLayout& at,
                              const std::vector<const model::ContainerSpec*>& which) {
  // The root anchors the shim of the cell: the others are prepared beside it, and started once its
  // task is made.
  std::promise<void> anchored;
  const std::shared_future<void> anchor = anchored.get_future().share();
  std::vector<std::function<void()>> tasks;
  const auto root = std::ranges::find_if(
      which, [&](const model::ContainerSpec* spec) { return model::is_root(cell.spec, *spec); });
  if (root == which.end()) {
    anchored.set_value();
  } else {
    tasks.push_back([&, spec = *root] {
      bool made = false;
      try {
        start_one(*spec, cell, at, {.on_created = [&] {
          made = true;
          anchored.set_value();
        }});
      } catch (...) {
        if (!made) anchored.set_exception(std::current_exception());
        throw;
      }
    });
  }
  for (const model::ContainerSpec* spec : which) {
    if (root != which.end() && spec == *root) continue;
    tasks.push_back(
        [&, spec] { start_one(*spec, cell, at, {.before_start = [&] { anchor.get(); }}); });
  }
  in_parallel(tasks, tasks.size());
}

// With its controllers, which are answered, and its limits.
std::vector<std::string> Engine::make_cgroup(const model::Cell& cell, const CellLayout& at) {
  cgroups_.create(at.cgroup);
  auto controllers = cgroups_.enable_controllers(at.cgroup, cell.spec.nested_cgroup_runtime
                                                                ? cgroups_.available_controllers()
                                                                : layer_controllers);
  set_limits(at.path, cell.spec.resources);
  return controllers;
}

// Everything of the cell on the host, from nothing to running. A failure undoes what this call
// made. Of a new cell nothing can be there; an old one keeps its writable layers.
void Engine::bring_up(model::Cell& cell, const CellLayout& at, const Start& how) {
  Rollback undo;
  model::Cell started = cell;
  std::erase_if(started.spec.containers,
                [&](const model::ContainerSpec& spec) { return how.leave_out.contains(spec.id); });
  for (const model::ContainerSpec& spec : started.spec.containers) {
    model::throw_if_any(model::missing_on_host(spec));
  }
  require_images(started, at);
  const Keep keep = how.fresh == Fresh::yes ? Keep::nothing : Keep::records;
  // A killed daemon may have left any part of an old one.
  if (how.gently) {
    bring_down(cell, at, Signal::term, keep, config_.stop_grace);
  } else if (how.fresh == Fresh::no) {
    bring_down(cell, at, Signal::kill, keep, milliseconds{0});
  }

  undo.add([this, cell, at, keep] { bring_down(cell, at, Signal::kill, keep, milliseconds{0}); });
  cell.status.cgroup_path = at.cgroup;
  cell.status.subtree_controllers = make_cgroup(cell, at);

  std::string address;
  if (!at.host_network) {
    address = store_.address_of(at.path).value_or("");
    at.pins.create(cell.metadata.name);
    network_.ensure_space(at.network);
    network_.attach({.space = at.network,
                     .netns = at.pins.net(),
                     .cell_key = at.host_key(),
                     .address = network::Address::parse(address)});
    cell.status.network.bridge_name = at.network.bridge;
    cell.status.network.address = address;
  }
  make_directories(at.directory, 02750);
  write_file_in_place(at.hosts_file(), render_hosts(cell.metadata.name, address), 0644);
  write_file_in_place(at.hostname_file(), cell.metadata.name + "\n", 0644);

  std::vector<const model::ContainerSpec*> which;
  for (const model::ContainerSpec& spec : started.spec.containers) which.push_back(&spec);
  start_containers(cell, at, which);
  undo.commit();
}

void Engine::stop_one(const model::ContainerSpec& spec, const CellLayout& at, Signal signal,
                      milliseconds grace) {
  runtime::stop_task(runtime_, at.ns, at.container_id(spec),
                     {.signal = signal == Signal::term ? SIGTERM : SIGKILL,
                      .grace = grace,
                      .kill_wait = config_.kill_wait});
}

void Engine::remove_one(const std::string& container_id, const CellLayout& at) {
  runtime_.delete_container(at.ns, container_id);
  runtime_.remove_snapshot(at.ns, container_id);
}

// Everything of the cell on the host, gone; safe to repeat. Workloads end before the root. With
// Keep::records containers and their writable layers stay for the next start.
void Engine::bring_down(const model::Cell& cell, const CellLayout& at, Signal signal, Keep keep,
                        milliseconds grace) {
  std::vector<std::function<void()>> workloads;
  std::vector<const model::ContainerSpec*> roots;
  for (const model::ContainerSpec& spec : cell.spec.containers) {
    if (model::is_root(cell.spec, spec)) {
      roots.push_back(&spec);
      continue;
    }
    workloads.push_back([this, &spec, &at, signal, grace] {
      stop_one(spec, at, signal, grace);
      runtime_.delete_task(at.ns, at.container_id(spec));
    });
  }
  in_parallel(workloads, workloads.size());
  for (const model::ContainerSpec* root : roots) {
    stop_one(*root, at, signal, grace);
    runtime_.delete_task(at.ns, at.container_id(*root));
  }

  if (keep == Keep::nothing) {
    // By prefix, so that what an older spec made goes too (runtime.md 3.7).
    const std::string prefix = model::container_id_prefix(at.path.space, at.path.stack, at.cell_id);
    for (const auto& container : runtime_.list_containers(at.ns)) {
      if (!container.id.starts_with(prefix)) continue;
      runtime_.delete_task(at.ns, container.id);
      remove_one(container.id, at);
      remove_staged_secrets(config_, at.ns, container.id);
    }
    // A snapshot without its container: the daemon was killed between the two.
    for (const model::ContainerSpec& spec : cell.spec.containers) {
      runtime_.remove_snapshot(at.ns, at.container_id(spec));
    }
  }
  if (!at.host_network) {
    const auto address = store_.address_of(at.path);
    network_.detach({.space = at.network,
                     .netns = at.pins.net(),
                     .cell_key = at.host_key(),
                     .address = address ? network::Address::parse(*address) : network::Address{}});
  }
  at.pins.remove();
  if (keep == Keep::nothing) cgroups_.remove(at.cgroup);
}

// --- create and start ---

CellOutcome Engine::create_cell(const model::Cell& wanted) {
  model::Cell cell = wanted;
  const model::Path path = model::check_names(cell.path());
  cell.metadata.name = path.cell;
  cell.spec.realm_name = path.realm;
  cell.spec.space_name = path.space;
  cell.spec.stack_name = path.stack;
  for (const model::ContainerSpec& container : cell.spec.containers) {
    model::check_name(model::Kind::container, container.id);
  }
  const auto held = lock(path);
  return ensure_cell(std::move(cell));
}

// A new cell's document with all that its author may leave out: ids, labels, space defaults, a
// root.
void Engine::complete(model::Cell& cell) const {
  const model::Path path = cell.path();
  stack_of(path);
  const auto space = space_of(path);
  model::fill_in(cell);
  model::inject_labels(cell);
  for (model::ContainerSpec& container : cell.spec.containers) {
    model::apply_space_defaults_to_container(space->value, container);
  }
  model::resolve_root(cell);
  model::throw_if_any(model::validate(cell));
  require_limits(cell.path(), cell.spec.resources);
  const CellLayout at = layout_of(cell);
  for (model::ContainerSpec& container : cell.spec.containers) {
    container.containerd_id = at.container_id(container);
    model::check_containerd_identifier("containerd id", container.containerd_id);
    container.cni_config_path = space->value.spec.cni_config_path;
  }
  cell.status.cgroup_path = at.cgroup;
}

// From a document to running containers: stored as Pending first, Failed with the cause if it
// cannot be.
void Engine::run(model::Cell& cell, const Start& how) {
  const model::Path path = cell.path();
  const CellLayout at = layout_of(cell);
  const bool fresh = how.fresh == Fresh::yes;
  cell.status.state = model::CellState::pending;
  cell.status.reason.clear();
  cell.status.message.clear();
  for (model::ContainerStatus& status : cell.status.containers) {
    if (!how.leave_out.contains(status.id)) status.state = model::ContainerState::pending;
  }
  {
    // Stub and address in one commit: a daemon killed from here on finds both and goes on.
    const std::lock_guard leasing{leasing_};
    store_.write([&](Changes& changes) {
      changes.put(cell, Intent::running, fresh ? std::optional<std::int64_t>{0} : std::nullopt);
      if (!at.host_network) lease_address(path, changes);
      for (const std::string& id : store_.halted_containers(path)) {
        if (!how.leave_out.contains(id)) changes.set_halted(at.container_path(id), false);
      }
      if (fresh) changes.record(journal::created(path));
    });
  }
  try {
    bring_up(cell, at, how);
  } catch (const Error& error) {
    if (how.keep_pending) throw;
    Error told = error;
    if (fresh) told.add_context(std::string{kinds::create_cell.text});
    mark_failed(
        path, fresh ? model::reasons::create_cell_failed : model::reasons::start_cell_failed, told);
    throw;
  }
  observe(cell, at, Intent::running);
  log::info("cell started", {{"cell", path.key()}, {"state", reflect::label(cell.status.state)}});
}

// Of a cell that failed while some of its containers run.
void Engine::start_the_rest(model::Cell& cell, const CellLayout& at) {
  std::vector<const model::ContainerSpec*> which;
  const Names halted = store_.halted_containers(at.path);
  for (const model::ContainerSpec& spec : cell.spec.containers) {
    const auto* status = model::find_status(cell.status, spec.id);
    const bool active = status != nullptr && model::is_active(status->state);
    if (halted.contains(spec.id) || (active && runs_as_wanted(spec, cell, at))) continue;
    which.push_back(&spec);
  }
  try {
    require_images(cell, at);
    for (const model::ContainerSpec* spec : which) {
      stop_one(*spec, at, Signal::term, config_.stop_grace);
    }
    start_containers(cell, at, which);
  } catch (const Error& error) {
    mark_failed(at.path, model::reasons::start_container_failed, error);
    throw;
  }
  observe(cell, at, Intent::running);
}

CellOutcome Engine::ensure_cell(model::Cell cell) {
  const model::Path path = cell.path();
  const auto stored = existing<model::Cell>(path);
  CellOutcome outcome;
  if (!stored) {
    wrapping(kinds::create_cell, [&] {
      complete(cell);
      run(cell, {.fresh = Fresh::yes});
    });
    outcome.cell = put_cell(cell, Intent::running, {journal::started(path)});
    return outcome;
  }

  cell = stored->value;
  outcome.document_existed = true;
  outcome.cgroup_existed = cgroups_.exists(cgroup_of(path));
  for (const model::ContainerSpec& spec : cell.spec.containers) {
    outcome.containers_existed.insert(spec.id);
  }
  const CellLayout at = layout_of(cell);
  observe(cell, at, Intent::running);
  outcome.root_existed = root_runs(cell);
  std::vector<store::Event> events;
  if (!model::is_up(cell.status.state)) {
    for (model::ContainerStatus& status : cell.status.containers) status.restart_attempts = 0;
    during("failed to start cell containers", [&] { run(cell, {}); });
    events.push_back(journal::started(path));
  } else if (stored->value.status.state == model::CellState::failed) {
    during("failed to start cell containers", [&] { start_the_rest(cell, at); });
    events.push_back(journal::started(path));
  }
  // What was started is Pending in the store, whatever it was before.
  const bool as_stored =
      events.empty() && stored->intent == Intent::running && cell.status == stored->value.status;
  outcome.cell = as_stored ? cell : put_cell(cell, Intent::running, std::move(events));
  return outcome;
}

model::Cell Engine::start_cell(const model::Path& path) {
  const auto held = lock(path);
  const auto stored = stored_cell(path);
  require_no_running_container(stored->value);
  return ensure_cell(stored->value).cell;
}

// --- stop, kill, delete ---

model::Cell Engine::halt_cell(const model::Path& path, Signal signal) {
  const auto held = lock(path);
  model::Cell cell = stored_cell(path)->value;
  const CellLayout at = layout_of(cell);
  // Intent first: a daemon killed in the middle goes on stopping.
  put_cell(cell, Intent::stopped);
  const bool was_up = model::is_up(cell.status.state);
  bring_down(cell, at, signal, Keep::records, config_.stop_grace);
  observe(cell, at, Intent::stopped);
  log::info("cell stopped", {{"cell", path.key()}});
  std::vector<store::Event> events;
  if (was_up) events.push_back(journal::stopped(path, first_signal(signal)));
  return put_cell(cell, Intent::stopped, std::move(events));
}

model::Cell Engine::stop_cell(const model::Path& path) { return halt_cell(path, Signal::term); }
model::Cell Engine::kill_cell(const model::Path& path) { return halt_cell(path, Signal::kill); }

// Stop and start under one lock (runtime.md 6). The intent stays what it was, "running": a daemon
// killed between the two brings the cell back.
model::Cell Engine::restart_cell(const model::Path& path) {
  const auto held = lock(path);
  const auto stored = stored_cell(path);
  model::Cell cell = stored->value;
  const CellLayout at = layout_of(cell);
  observe(cell, at, stored->intent);
  if (stored->value.status.state == model::CellState::pending ||
      cell.status.state == model::CellState::unknown) {
    throw Error{kinds::failed_precondition,
                fmt::format("cell {} is {} and cannot be restarted; if it stays so, delete it: kuke"
                            " delete cell {}",
                            quote(path.cell),
                            cell.status.state == model::CellState::unknown ? "Unknown" : "Pending",
                            path.cell)};
  }
  if (!model::is_up(cell.status.state)) return ensure_cell(stored->value).cell;
  for (model::ContainerStatus& status : cell.status.containers) status.restart_attempts = 0;
  during("failed to start cell containers", [&] { run(cell, {.gently = true}); });
  return put_cell(cell, Intent::running,
                  {journal::stopped(path, first_signal(Signal::term)), journal::started(path)});
}

Deletion<model::Cell> Engine::delete_cell(const model::Path& path) {
  const auto held = lock(path);
  const auto stored = store_.find<model::Cell>(path);
  if (!stored) stored_cell(path);
  return during("failed to delete cell", [&] {
    Deletion<model::Cell> deletion{stored->value, {}};
    store_.write([&](Changes& changes) { changes.put(deletion.value, Intent::deleted); });
    finish_delete(deletion.value);
    return deletion;
  });
}

// From the tombstone to nothing; also run by the reconciler after a crash.
void Engine::finish_delete(const model::Cell& cell) {
  const CellLayout at = layout_of(cell);
  bring_down(cell, at, Signal::term, Keep::nothing, config_.delete_grace);
  for (const model::ContainerSpec& spec : cell.spec.containers) {
    fs::remove_all(at.container_directory(spec.id));
  }
  fs::remove(at.hosts_file());
  fs::remove(at.hostname_file());
  store_.write([&](Changes& changes) { changes.erase(at.path).record(journal::deleted(at.path)); });
  log::info("cell deleted", {{"cell", at.path.key()}});
}

// --- single containers ---

namespace {

const model::ContainerSpec& container_in(const model::Cell& cell, const std::string& id) {
  const model::ContainerSpec* spec = model::find_container(cell.spec, id);
  if (spec == nullptr) {
    throw Error{kinds::container_not_found, fmt::format("container {} not found in cell {}",
                                                        quote(id), quote(cell.metadata.name))};
  }
  return *spec;
}

void refuse_root(const model::Cell& cell, const model::ContainerSpec& spec, std::string_view verb) {
  if (!model::is_root(cell.spec, spec)) return;
  throw Error{
      kinds::failed_precondition,
      fmt::format("container {} is the root of cell {} and cannot be {} alone; use the cell",
                  quote(spec.id), quote(cell.metadata.name), verb)};
}

}  // namespace

void Engine::require_root(const CellLayout& at) {
  const auto root = runtime_.find_task(at.ns, at.root_id);
  if (root && root->state == runtime::TaskState::running) return;
  throw Error{kinds::failed_precondition,
              fmt::format("cell {} does not run; start it first: kuke start cell {}",
                          quote(at.path.cell), at.path.cell)};
}

model::Container Engine::start_container(const model::Path& path) {
  const auto held = lock(path.up_to(model::Kind::cell));
  return start_in_cell(path);
}

model::Container Engine::restart_container(const model::Path& path) {
  const model::Path cell_path = path.up_to(model::Kind::cell);
  const auto held = lock(cell_path);
  const auto stored = stored_cell(cell_path);
  model::Cell cell = stored->value;
  const model::ContainerSpec& spec = container_in(cell, path.container);
  refuse_root(cell, spec, "restarted");
  const CellLayout at = layout_of(cell);
  require_root(at);
  // Pending before it ends: a daemon killed in the middle goes on starting it.
  if (auto* status = model::find_status(cell.status, spec.id)) {
    status->state = model::ContainerState::pending;
  }
  store_.write(
      [&](Changes& changes) { changes.put(cell, stored->intent).set_halted(path, false); });
  if (runtime_.find_task(at.ns, at.container_id(spec))) {
    stop_one(spec, at, Signal::term, config_.stop_grace);
    runtime_.delete_task(at.ns, at.container_id(spec));
    store_.record(journal::stopped(path, first_signal(Signal::term)));
  }
  return start_in_cell(path);
}

model::Container Engine::start_in_cell(const model::Path& path) {
  const model::Path cell_path = path.up_to(model::Kind::cell);
  const auto stored = stored_cell(cell_path);
  model::Cell cell = stored->value;
  const model::ContainerSpec& spec = container_in(cell, path.container);
  refuse_root(cell, spec, "started");
  const CellLayout at = layout_of(cell);
  require_root(at);
  // What the user wants first: a daemon killed in the middle goes on starting.
  for (model::ContainerStatus& status : cell.status.containers) {
    if (status.id != spec.id) continue;
    status.restart_attempts = 0;
    if (!model::is_active(status.state)) status.state = model::ContainerState::pending;
  }
  store_.write(
      [&](Changes& changes) { changes.put(cell, stored->intent).set_halted(path, false); });
  const auto task = runtime_.find_task(at.ns, at.container_id(spec));
  std::vector<store::Event> events;
  if (!task || task->state != runtime::TaskState::running) {
    model::Cell one = cell;
    std::erase_if(one.spec.containers,
                  [&](const model::ContainerSpec& other) { return other.id != spec.id; });
    require_images(one, at);
    start_one(spec, cell, at);
    events.push_back(journal::started(path));
  }
  observe(cell, at, stored->intent);
  put_cell(cell, stored->intent, std::move(events));
  return get_container(path);
}

model::Container Engine::halt_container(const model::Path& path, Signal signal) {
  const model::Path cell_path = path.up_to(model::Kind::cell);
  const auto held = lock(cell_path);
  const auto stored = stored_cell(cell_path);
  model::Cell cell = stored->value;
  const model::ContainerSpec& spec = container_in(cell, path.container);
  refuse_root(cell, spec, "stopped");
  const CellLayout at = layout_of(cell);
  // Intent first: from here on no policy restarts it, not even for a daemon that starts now.
  store_.write([&](Changes& changes) { changes.set_halted(path, true); });
  stop_one(spec, at, signal, config_.stop_grace);
  observe(cell, at, stored->intent);
  put_cell(cell, stored->intent, {journal::stopped(path, first_signal(signal))});
  return get_container(path);
}

model::Container Engine::stop_container(const model::Path& path) {
  return halt_container(path, Signal::term);
}
model::Container Engine::kill_container(const model::Path& path) {
  return halt_container(path, Signal::kill);
}

ContainerOutcome Engine::create_container(const model::Container& wanted) {
  model::ContainerSpec spec = wanted.spec;
  if (spec.id.empty()) spec.id = wanted.metadata.name;
  spec.id = model::check_name(model::Kind::container, spec.id);
  const model::Path cell_path = model::check_names(spec.path()).up_to(model::Kind::cell);
  if (trim(spec.image).empty())
    throw Error{kinds::invalid_image, std::string{kinds::invalid_image.text}};

  ContainerOutcome outcome;
  bool runs = false;
  {
    const auto held = lock(cell_path);
    const auto stored = store_.find<model::Cell>(cell_path);
    if (!stored || stored->intent == Intent::deleted) {
      throw Error{kinds::cell_not_found, fmt::format("cell {} not found", quote(cell_path.cell))};
    }
    model::Cell cell = stored->value;
    outcome.existed = model::find_container(cell.spec, spec.id) != nullptr;
    if (!outcome.existed) {
      const CellLayout at = layout_of(cell);
      spec.containerd_id = at.container_id(spec);
      model::check_containerd_identifier("containerd id", spec.containerd_id);
      const auto space = space_of(cell_path);
      spec.cni_config_path = space->value.spec.cni_config_path;
      model::apply_space_defaults_to_container(space->value, spec);
      model::Cell one = cell;
      one.spec.containers = {spec};
      model::throw_if_any(model::missing_on_host(spec));
      wrapping(kinds::create_cell, [&] { require_images(one, at); });
      cell.spec.containers.push_back(spec);
      model::throw_if_any(model::validate(cell));
      put_cell(cell, stored->intent, {journal::created(spec.path())});
    }
    runs = stored->intent == Intent::running;
  }
  // In a cell that its user stopped it waits for the cell's start.
  outcome.container = runs ? start_container(spec.path()) : get_container(spec.path());
  return outcome;
}

Deletion<model::Container> Engine::delete_container(const model::Path& path) {
  const model::Path cell_path = path.up_to(model::Kind::cell);
  const auto held = lock(cell_path);
  const auto stored = stored_cell(cell_path);
  model::Cell cell = stored->value;
  refuse_root(cell, container_in(cell, path.container), "deleted");
  const Deletion<model::Container> deletion{get_container(path), {"container", "task"}};
  drop_container(cell, layout_of(cell), path.container);
  observe(cell, layout_of(cell), stored->intent);
  store_.write([&](Changes& changes) {
    changes.put(cell, stored->intent).set_halted(path, false).record(journal::deleted(path));
  });
  return deletion;
}

// Stops and removes one workload, and takes it out of `cell`.
void Engine::drop_container(model::Cell& cell, const CellLayout& at, const std::string& container) {
  const model::ContainerSpec* spec = model::find_container(cell.spec, container);
  if (spec == nullptr) return;
  const std::string id = at.container_id(*spec);
  stop_one(*spec, at, Signal::term, config_.delete_grace);
  runtime_.delete_task(at.ns, id);
  remove_one(id, at);
  remove_staged_secrets(config_, at.ns, id);
  cgroups_.remove(at.cgroup + "/" + id);
  fs::remove_all(at.container_directory(container));
  std::erase_if(cell.spec.containers,
                [&](const model::ContainerSpec& one) { return one.id == container; });
}

}  // namespace kukeon::engine

// SPDX-License-Identifier: Apache-2.0
// A plan, carried out.
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/rollback.h"
#include "kukeon/base/strings.h"
#include "kukeon/engine/container_spec.h"
#include "kukeon/engine/engine.h"
#include "kukeon/engine/in_parallel.h"
#include "kukeon/engine/journal.h"
#include "kukeon/engine/prune.h"
#include "kukeon/model/defaults.h"
#include "kukeon/model/validate.h"

namespace kukeon::engine {
namespace {

using store::Changes;
using store::Intent;

// Cells of one apply that are worked on at a time. One of them may hang until its deadlines, and
// the others go on; more gain nothing on the disks and cores we know.
constexpr std::size_t apply_threads = 4;

[[noreturn]] void throw_stale(const model::Path& path, std::int64_t planned, std::int64_t now) {
  throw Error{
      kinds::stale_resource,
      fmt::format("{} {} changed since the plan was made (generation {}, now {}); nothing of"
                  " it was done; plan again",
                  model::lower_word_of(path.kind()), path.key(), planned, now)};
}

template <class T>
void require_generation(const store::Snapshot<T>& stored, const model::Path& path,
                        std::int64_t planned) {
  const std::int64_t now = stored == nullptr ? 0 : stored->generation;
  if (now != planned) throw_stale(path, planned, now);
}

std::string describe(const reflect::Difference& field) {
  if (field.before == "\"\"" || field.before == "null" || field.before == "[]") {
    return fmt::format("set to {}", field.after);
  }
  return fmt::format("changed from {} to {}", field.before, field.after);
}

void report_fields(const Change& change, ApplyResult& result) {
  for (const reflect::Difference& field : change.fields) {
    result.changes.push_back(field.path);
    result.details[field.path] =
        field.path == "metadata.labels" ? "labels changed" : describe(field);
  }
}

std::vector<std::string> changed_fields(const ContainerChange& container) {
  std::vector<std::string> names;
  for (const reflect::Difference& field : container.fields) {
    std::string name = container_field(field);
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

void report_container(const ContainerChange& container, ApplyResult& result) {
  using Action = ContainerChange::Action;
  switch (container.action) {
    case Action::add:
      result.changes.push_back(fmt::format("container \"{}\" added", container.id));
      break;
    case Action::remove:
      result.changes.push_back(fmt::format("container \"{}\" removed", container.id));
      break;
    case Action::restart:
      break;  // nothing of its own changed; the root's line says it all
    case Action::recreate:
    case Action::live:
      result.changes.push_back(fmt::format("container \"{}\" updated: {}", container.id,
                                           join(changed_fields(container), ", ")));
      for (const reflect::Difference& field : container.fields) {
        result.details[fmt::format("containers[{}].{}", container.id, field.path)] =
            describe(field);
      }
      break;
  }
}

}  // namespace

// Gives a layer its new spec; `generation` is what the plan was made from.
template <class T>
void Engine::update_layer(const T& desired, std::int64_t generation) {
  const model::Path path = desired.path();
  require_limits(path, desired.spec.resources);
  const auto held = lock(path);
  const auto stored = store_.find<T>(path);
  require_generation(stored, path, generation);
  T next = desired;
  next.status = stored->value.status;
  Rollback undo;
  change_limits(path, stored->value.spec.resources, desired.spec.resources, undo);
  store_.write([&](Changes& changes) {
    changes.put(next, Intent::running, generation).record(journal::updated(path, {}));
  });
  undo.commit();
}

// A limit that the kernel refuses leaves the old ones, and the document as it was.
void Engine::change_limits(const model::Path& path,
                           const std::optional<model::CgroupResources>& before,
                           const std::optional<model::CgroupResources>& wanted, Rollback& undo) {
  if (before == wanted || !cgroups_.exists(cgroup_of(path))) return;
  undo.add([this, path, before, wanted] { set_limits(path, before, wanted); });
  set_limits(path, wanted, before);
}

// Layers in their order; then cells side by side, each followed by its containers; then removals,
// bottom up.
std::vector<ApplyResult> Engine::execute(const Plan& plan, const std::stop_token& stop) {
  using Indices = std::vector<std::size_t>;
  std::vector<ApplyResult> results(plan.changes.size());
  std::vector<Indices> cells;
  std::map<model::Path, std::size_t> cell_at;
  Indices removals;
  for (std::size_t i = 0; i < plan.changes.size(); ++i) {
    const Change& change = plan.changes[i];
    const model::Path path = path_of(change.desired);
    if (change.action == Change::Action::remove) {
      removals.push_back(i);
    } else if (path.kind() < model::Kind::cell) {
      results[i] = execute_one(change, stop, nullptr);
    } else {
      const auto [at, is_new] = cell_at.try_emplace(path.up_to(model::Kind::cell), cells.size());
      if (is_new) cells.emplace_back();
      cells[at->second].push_back(i);
    }
  }

  std::vector<std::function<void()>> tasks;
  for (const Indices& cell : cells) {
    tasks.push_back([&, this] {
      CellProgress progress;
      for (const std::size_t i : cell) {
        results[i] = execute_one(plan.changes[i], stop, &progress);
      }
    });
  }
  in_parallel(tasks, apply_threads);

  const bool all_done = std::ranges::none_of(results, [&](const ApplyResult& result) {
    return result.action == "failed" && result.index != Change::implied;
  });
  execute_removals(plan, removals, all_done, stop, results);
  remember_declared(plan, store_);

  // A parent nobody wrote down is not reported; if it cannot be made, its child says so.
  std::vector<ApplyResult> told;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Change& change = plan.changes[i];
    const bool parent_made = change.index == Change::implied &&
                             change.action != Change::Action::remove &&
                             change.action != Change::Action::refuse;
    if (!parent_made) told.push_back(std::move(results[i]));
  }
  return told;
}

// Of one depth at a time: nothing goes before what it holds.
void Engine::execute_removals(const Plan& plan, const std::vector<std::size_t>& removals,
                              bool all_done, const std::stop_token& stop,
                              std::vector<ApplyResult>& results) {
  for (auto kind = model::all_kinds.rbegin(); kind != model::all_kinds.rend(); ++kind) {
    std::vector<std::function<void()>> tasks;
    for (const std::size_t i : removals) {
      const Change& change = plan.changes[i];
      if (kind_of(change.desired) != *kind) continue;
      if (!all_done) {
        results[i] = result_of(change);
        results[i].action = "failed";
        results[i].error = "not deleted, because other documents failed; apply again";
        continue;
      }
      tasks.push_back(
          [this, &results, &change, &stop, i] { results[i] = execute_one(change, stop, nullptr); });
    }
    in_parallel(tasks, apply_threads);
  }
}

ApplyResult Engine::execute_one(const Change& change, const std::stop_token& stop,
                                CellProgress* progress) {
  using Action = Change::Action;
  ApplyResult result = result_of(change);
  try {
    if (change.action == Action::refuse) {
      throw Error{kinds::failed_precondition, change.refusal};
    }
    if (change.action != Action::none && stop.stop_requested()) {
      throw Error{kinds::cancelled, "not begun: the client has hung up"};
    }
    // Its own earlier changes are not somebody else's.
    Change current = change;
    if (progress != nullptr && progress->generation) current.generation = *progress->generation;
    switch (change.action) {
      case Action::refuse:
        break;
      case Action::none:
        result.action = "unchanged";
        break;
      case Action::create:
        create(current);
        result.action = "created";
        break;
      case Action::update:
      case Action::restart:
        update(current, result);
        result.action = "updated";
        break;
      case Action::remove:
        remove(current);
        result.action = "deleted";
        break;
    }
    if (progress != nullptr && result.action != "unchanged") {
      const auto cell = store_.find<model::Cell>(path_of(change.desired).up_to(model::Kind::cell));
      if (cell) progress->generation = cell->generation;
    }
  } catch (...) {
    result.action = "failed";
    result.error = current_exception_text();
    result.changes.clear();
    result.details.clear();
  }
  return result;
}

ApplyResult Engine::result_of(const Change& change) {
  ApplyResult result;
  result.index = change.index;
  result.kind = kind_of(change.desired);
  result.name = path_of(change.desired).name();
  return result;
}

// What the plan found nowhere; for a parent that nobody wrote down another may have come first.
void Engine::create(const Change& change) {
  const model::Path path = path_of(change.desired);
  const bool implied = change.index == Change::implied;
  const auto refuse_existing = [&](bool existed, std::int64_t generation) {
    if (existed && !implied) throw_stale(path, change.generation, generation);
  };
  const auto layer = [&](const auto& document, auto&& make) {
    using T = std::remove_cvref_t<decltype(document)>;
    if (const auto had = existing<T>(path)) refuse_existing(true, had->generation);
    refuse_existing(make().document_existed, 1);
  };
  if (const auto* realm = std::get_if<model::Realm>(&change.desired)) {
    layer(*realm, [&] { return create_realm(*realm); });
  } else if (const auto* space = std::get_if<model::Space>(&change.desired)) {
    layer(*space, [&] { return create_space(*space); });
  } else if (const auto* stack = std::get_if<model::Stack>(&change.desired)) {
    layer(*stack, [&] { return create_stack(*stack); });
  } else if (const auto* cell = std::get_if<model::Cell>(&change.desired)) {
    layer(*cell, [&] { return create_cell(*cell); });
  } else {
    const model::Path cell_path = path.up_to(model::Kind::cell);
    const auto stored = stored_cell(cell_path);
    // A cell of the same plan that was made a moment ago stands at its first generation.
    if (change.generation != 0) require_generation(stored, cell_path, change.generation);
    if (create_container(std::get<model::Container>(change.desired)).existed) {
      throw_stale(path, change.generation, stored->generation);
    }
  }
}

template <class T, class Delete>
void Engine::remove_layer(const Change& change, const Delete& remove) {
  const model::Path path = path_of(change.desired);
  require_generation(store_.find<T>(path), path, change.generation);
  remove(path);
}

void Engine::remove(const Change& change) {
  switch (kind_of(change.desired)) {
    case model::Kind::realm:
      return remove_layer<model::Realm>(
          change, [this](const model::Path& path) { delete_realm(path.realm, {}); });
    case model::Kind::space:
      return remove_layer<model::Space>(
          change, [this](const model::Path& path) { delete_space(path, {}); });
    case model::Kind::stack:
      return remove_layer<model::Stack>(
          change, [this](const model::Path& path) { delete_stack(path, {}); });
    case model::Kind::cell:
      return remove_layer<model::Cell>(change,
                                       [this](const model::Path& path) { delete_cell(path); });
    case model::Kind::container:
      delete_container(path_of(change.desired));
  }
}

void Engine::update(const Change& change, ApplyResult& result) {
  report_fields(change, result);
  // A layer that was not whole is made so, with its new limits.
  const bool repairs = change.start || change.action == Change::Action::restart;
  const auto layer = [&](const auto& document) {
    if (change.action == Change::Action::update) update_layer(document, change.generation);
  };
  if (const auto* realm = std::get_if<model::Realm>(&change.desired)) {
    layer(*realm);
    if (repairs) create_realm(*realm);
  } else if (const auto* space = std::get_if<model::Space>(&change.desired)) {
    require_enforceable(*space);
    layer(*space);
    if (repairs) create_space(*space);
  } else if (const auto* stack = std::get_if<model::Stack>(&change.desired)) {
    layer(*stack);
    if (repairs) create_stack(*stack);
  } else if (const auto* cell = std::get_if<model::Cell>(&change.desired)) {
    update_cell(*cell, change, result);
  } else {
    const auto& container = std::get<model::Container>(change.desired);
    const model::Path cell_path = container.path().up_to(model::Kind::cell);
    model::Cell whole = stored_cell(cell_path)->value;
    if (auto* had = model::find_container(whole.spec, container.spec.id)) {
      const model::ContainerSpec before = *had;
      *had = container.spec;
      had->containerd_id = before.containerd_id;
      had->cni_config_path = before.cni_config_path;
      had->root = before.root;
      // As planned: what the document leaves out is the space's.
      model::apply_space_defaults_to_container(space_of(cell_path)->value, *had);
    }
    ApplyResult inner;
    update_cell(whole, change, inner);
    for (const ContainerChange& one : change.containers) {
      for (const std::string& name : changed_fields(one)) result.changes.push_back(name);
      for (const auto& field : one.fields) result.details[field.path] = describe(field);
    }
  }
  if (repairs && path_of(change.desired).kind() < model::Kind::cell) {
    result.changes.emplace_back("runtime incomplete: made again");
  }
}

// What an old root or a container that is no more leaves behind would be taken up by the next of
// its containerd id.
void Engine::drop_outdated(const model::Cell& before, const CellLayout& had,
                           const model::Cell& wanted, const CellLayout& at) {
  for (const model::ContainerSpec& old : before.spec.containers) {
    const std::string id = had.container_id(old);
    const auto same = std::ranges::find_if(
        wanted.spec.containers,
        [&](const model::ContainerSpec& one) { return at.container_id(one) == id; });
    if (same != wanted.spec.containers.end() && same->id == old.id &&
        model::is_default_root(*same) == model::is_default_root(old)) {
      continue;
    }
    remove_one(id, had);
    remove_staged_secrets(config_, had.ns, id);
  }
}

// Brings a cell to its new document: only what changed is touched, unless the root did.
void Engine::update_cell(const model::Cell& desired, const Change& change, ApplyResult& result) {
  using Action = ContainerChange::Action;
  const model::Path path = desired.path();
  const auto held = lock(path);
  const auto stored = stored_cell(path);
  require_generation(stored, path, change.generation);
  model::Cell cell = stored->value;
  const CellLayout before = layout_of(cell);

  if (change.action == Change::Action::restart) {
    ensure_cell(cell);
    result.changes.emplace_back("runtime stopped: containers re-materialized");
    for (const model::ContainerSpec& spec : cell.spec.containers) {
      if (model::is_root(cell.spec, spec)) continue;
      result.changes.push_back(fmt::format("container \"{}\" re-materialized", spec.id));
    }
    return;
  }

  for (const ContainerChange& one : change.containers) {
    const bool added_or_replaced = one.action == Action::add || one.action == Action::recreate;
    if (const auto* wanted = model::find_container(desired.spec, one.id);
        added_or_replaced && wanted) {
      model::throw_if_any(model::missing_on_host(*wanted));
    }
  }
  model::Cell wanted = desired;
  wanted.status = cell.status;
  require_limits(path, wanted.spec.resources);
  require_images(wanted, before);
  Rollback undo_limits;
  change_limits(path, cell.spec.resources, wanted.spec.resources, undo_limits);

  const CellLayout at = layout_of(wanted);
  if (change.recreate_root) {
    result.changes.emplace_back("root container recreated");
    bring_down(cell, before, Signal::term, Keep::records, config_.stop_grace);
    drop_outdated(stored->value, before, wanted, at);
  }
  for (const ContainerChange& one : change.containers) {
    report_container(one, result);
    if (one.action == Action::remove) drop_container(cell, before, one.id);
  }
  cell = wanted;
  for (model::ContainerSpec& container : cell.spec.containers) {
    container.containerd_id = at.container_id(container);
    container.cni_config_path = space_of(path)->value.spec.cni_config_path;
  }
  // Pending until they are replaced: a daemon killed in the middle goes on there.
  for (const ContainerChange& one : change.containers) {
    auto* status = model::find_status(cell.status, one.id);
    if (one.action == Action::recreate && status != nullptr) {
      status->state = model::ContainerState::pending;
    }
  }
  // Nothing of it runs now; a daemon killed from here on finds it so, and goes on.
  if (change.recreate_root) cell.status.state = model::CellState::pending;
  const Intent intent = stored->intent;
  store_.write([&](Changes& changes) {
    changes.put(cell, intent, change.generation).record(journal::updated(path, result.changes));
    for (const ContainerChange& one : change.containers) {
      if (one.action == Action::remove) changes.set_halted(at.container_path(one.id), false);
    }
  });

  undo_limits.commit();
  const bool runs = model::is_up(stored->value.status.state) && intent == Intent::running;
  if (change.recreate_root || !runs) {
    ensure_cell(cell);
    return;
  }
  try {
    std::vector<const model::ContainerSpec*> start;
    const Names halted = store_.halted_containers(path);
    for (const ContainerChange& one : change.containers) {
      if (one.action != Action::add && one.action != Action::recreate) continue;
      if (halted.contains(one.id)) continue;  // started as it is then, when its user does
      const model::ContainerSpec* spec = model::find_container(cell.spec, one.id);
      if (one.action == Action::recreate) {
        stop_one(*spec, at, Signal::term, config_.stop_grace);
        runtime_.delete_task(at.ns, at.container_id(*spec));
      }
      start.push_back(spec);
    }
    start_containers(cell, at, start);
  } catch (const Error& error) {
    mark_failed(path, model::reasons::start_container_failed, error);
    throw;
  }
  observe(cell, at, intent);
  put_cell(cell, intent);
  // Nothing may be left but what its user had stopped: what is applied runs.
  if (cell.status.state == model::CellState::stopped) ensure_cell(cell);
}

}  // namespace kukeon::engine

// SPDX-License-Identifier: Apache-2.0
// A plan, carried out.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/rollback.h"
#include "kukeon/base/strings.h"
#include "kukeon/engine/engine.h"
#include "kukeon/engine/journal.h"
#include "kukeon/model/validate.h"

namespace kukeon::engine {
namespace {

using store::Changes;
using store::Intent;

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
  T next = desired;
  if (stored) next.status = stored->value.status;
  Rollback undo;
  change_limits(path, stored ? stored->value.spec.resources : std::nullopt, desired.spec.resources,
                undo);
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

std::vector<ApplyResult> Engine::execute(const Plan& plan) {
  std::vector<ApplyResult> results;
  for (const Change& change : plan.changes) {
    ApplyResult result = execute_one(change);
    // A parent nobody wrote down is not reported; if it cannot be made, its child says so.
    if (change.index != Change::implied) results.push_back(std::move(result));
  }
  return results;
}

ApplyResult Engine::execute_one(const Change& change) {
  using Action = Change::Action;
  ApplyResult result;
  result.index = change.index;
  result.kind = kind_of(change.desired);
  result.name = path_of(change.desired).name();
  try {
    switch (change.action) {
      case Action::refuse:
        throw Error{kinds::failed_precondition, change.refusal};
      case Action::none:
        result.action = "unchanged";
        break;
      case Action::create:
        std::visit([this](const auto& document) { create(document); }, change.desired);
        result.action = "created";
        break;
      case Action::update:
      case Action::restart:
        update(change, result);
        result.action = "updated";
        break;
    }
  } catch (const Error& error) {
    result.action = "failed";
    result.error = error.what();
    result.changes.clear();
    result.details.clear();
  }
  return result;
}

void Engine::create(const model::Realm& realm) { create_realm(realm); }
void Engine::create(const model::Space& space) { create_space(space); }
void Engine::create(const model::Stack& stack) { create_stack(stack); }
void Engine::create(const model::Cell& cell) { create_cell(cell); }
void Engine::create(const model::Container& container) { create_container(container); }

void Engine::update(const Change& change, ApplyResult& result) {
  report_fields(change, result);
  if (const auto* realm = std::get_if<model::Realm>(&change.desired)) {
    update_layer(*realm, change.generation);
  } else if (const auto* space = std::get_if<model::Space>(&change.desired)) {
    require_enforceable(*space);
    update_layer(*space, change.generation);
  } else if (const auto* stack = std::get_if<model::Stack>(&change.desired)) {
    update_layer(*stack, change.generation);
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
    }
    ApplyResult inner;
    update_cell(whole, change, inner);
    for (const ContainerChange& one : change.containers) {
      for (const std::string& name : changed_fields(one)) result.changes.push_back(name);
      for (const auto& field : one.fields) result.details[field.path] = describe(field);
    }
  }
}

// Brings a cell to its new document: only what changed is touched, unless the root did.
void Engine::update_cell(const model::Cell& desired, const Change& change, ApplyResult& result) {
  using Action = ContainerChange::Action;
  const model::Path path = desired.path();
  const auto held = lock(path);
  const auto stored = stored_cell(path);
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

  if (change.recreate_root) {
    result.changes.emplace_back("root container recreated");
    bring_down(cell, before, Signal::term, Keep::nothing, config_.stop_grace);
  }
  for (const ContainerChange& one : change.containers) {
    report_container(one, result);
    if (one.action == Action::remove && !change.recreate_root) drop_container(cell, before, one.id);
  }
  cell = wanted;
  const CellLayout at = layout_of(cell);
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
  const Intent intent = stored->intent;
  store_.write([&](Changes& changes) {
    changes.put(cell, intent, change.generation).record(journal::updated(path, result.changes));
  });

  undo_limits.commit();
  const bool runs = model::is_up(stored->value.status.state);
  if (change.recreate_root || !runs) {
    ensure_cell(cell);
    return;
  }
  try {
    std::vector<const model::ContainerSpec*> start;
    for (const ContainerChange& one : change.containers) {
      if (one.action != Action::add && one.action != Action::recreate) continue;
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
}

}  // namespace kukeon::engine

// SPDX-License-Identifier: Apache-2.0
// Purge: delete, whatever fails meanwhile, and then everything that the object's name leads to on
// the host (runtime.md 3.7).
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/base/strings.h"
#include "kukeon/engine/container_spec.h"
#include "kukeon/engine/engine.h"
#include "kukeon/engine/journal.h"
#include "kukeon/runtime/containers.h"

namespace kukeon::engine {
namespace {

using store::Changes;
using store::Intent;

// The parts of a containerd id or of a pin's name: space, stack, cell id, container.
constexpr std::size_t parts_of_an_id = 4;

// What a namespace of BuildKit's history is called, after the realm's own.
constexpr std::string_view history_suffix = "_history";

void require_no_children(const model::Path& path, std::size_t count, std::string_view child,
                         const DeleteOptions& options) {
  if (count == 0 || options.cascade == Cascade::yes || options.force == Force::yes) return;
  throw Error{kinds::resource_has_dependencies,
              fmt::format("{}: {} {} has {} {}(s). Use --cascade to purge them or --force to skip"
                          " validation",
                          kinds::resource_has_dependencies.text, model::lower_word_of(path.kind()),
                          quote(path.name()), count, child)};
}

// A delete that a purge begins with: what it cannot do, the sweep after it tries again.
void try_to(const model::Path& path, const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    log::info("purge goes on after a failed delete",
              {{"path", path.key()}, {"cause", error.what()}});
  }
}

}  // namespace

// One step after the other, whatever becomes of each.
class Engine::Sweep {
 public:
  void step(const std::function<void()>& body) {
    try {
      body();
    } catch (const Error& error) {
      failures_.emplace_back(error.what());
    } catch (const fs::filesystem_error& error) {
      failures_.emplace_back(error.what());
    }
  }
  // A child's own purge.
  void step_of(const model::Path& child, const std::string& error) {
    if (!error.empty()) failures_.push_back(fmt::format("{}: {}", child.key(), error));
  }
  void saw(bool something) { found_ = found_ || something; }

  bool clean() const { return failures_.empty(); }
  bool found() const { return found_; }
  std::string error() const { return join(failures_, "; "); }

 private:
  std::vector<std::string> failures_;
  bool found_ = false;  // something that the purged object alone can have made
};

std::string Engine::namespace_by_name(const std::string& realm) const {
  const auto stored = store_.find<model::Realm>({.realm = realm});
  return stored ? stored->value.spec.containerd_namespace
                : model::containerd_namespace(realm, config_.namespace_suffix);
}

// A container's record, task, snapshot and staged secrets, whichever of them there are.
void Engine::sweep_container(const std::string& ns, const std::string& id, Sweep& sweep) {
  sweep.step([&] { runtime_.delete_task(ns, id); });
  sweep.step([&] { runtime_.delete_container(ns, id); });
  sweep.step([&] { runtime_.remove_snapshot(ns, id); });
  sweep.step([&] { remove_staged_secrets(config_, ns, id); });
}

// All containers, pins, links, cgroups and files below a path, by their names. `prefix` is what the
// ids of its containers start with (runtime.md 1.2); names hold no `_`, so it is exact.
void Engine::sweep_below(const model::Path& path, const std::string& ns, const std::string& prefix,
                         Sweep& sweep) {
  std::set<std::string> ids;
  sweep.step([&] {
    if (!runtime_.namespace_exists(ns)) return;
    for (const auto& container : runtime_.list_containers(ns)) ids.insert(container.id);
    for (const std::string& key : runtime_.list_snapshots(ns)) ids.insert(key);
  });
  std::error_code none;
  for (const auto& staged : fs::directory_iterator{config_.runtime_dir / "secrets" / ns, none}) {
    ids.insert(staged.path().filename().string());
  }
  std::set<std::string>
      roots;  // names of pins; also of those that are gone while their link is not
  for (const std::string& name : kernel::list_pinned(pins_of_realm(ns))) {
    if (name.starts_with(prefix)) roots.insert(name);
  }
  sweep.saw(!roots.empty());
  for (const std::string& id : ids) {
    const auto parts = split(id, '_');
    if (!id.starts_with(prefix) || parts.size() != parts_of_an_id) continue;
    sweep.saw(true);
    roots.insert(model::root_container_id(parts[0], parts[1], parts[2]));
    sweep_container(ns, id, sweep);
  }
  for (const std::string& root : roots) {
    const auto parts = split(root, '_');
    const kernel::PinnedNamespaces pins{pins_of_realm(ns) / root};
    sweep.step([&] { pins.remove(); });
    sweep.step([&] {
      network_.detach({.space = network_of({.realm = path.realm, .space = parts[0]}),
                       .netns = pins.net(),
                       .cell_key = ns + "/" + root,
                       .address = {}});
    });
  }
  sweep_group(cgroup_of(path), sweep);
  const fs::path directory = store_.directory_of(path);
  sweep.saw(fs::exists(directory));
  sweep.step([&] { fs::remove_all(directory); });
}

void Engine::sweep_group(const std::string& group, Sweep& sweep) {
  sweep.saw(cgroups_.exists(group));
  sweep.step([&] {
    cgroups_.kill(group, config_.kill_wait);
    cgroups_.remove(group);
  });
}

// The document goes last: while something is left, the next purge still knows whose it is.
void Engine::forget(const model::Path& path, const Sweep& sweep) {
  if (!sweep.clean()) return;
  store_.write([&](Changes& changes) { changes.erase(path).record(journal::deleted(path)); });
}

Purge<model::Cell> Engine::purge_cell(const model::Path& given) {
  const model::Path path = model::check_names(given);
  const auto held = lock(path);
  const auto stored = store_.find<model::Cell>(path);
  Purge<model::Cell> purge;
  std::string cell_id = path.cell;
  if (stored) {
    purge.value = stored->value;
    purge.had_document = true;
    cell_id = stored->value.spec.id;
    store_.write([&](Changes& changes) { changes.put(stored->value, Intent::deleted); });
    try_to(path, [&] { finish_delete(stored->value); });
  }
  const std::string ns = namespace_by_name(path.realm);
  Sweep sweep;
  sweep_below(path, ns, model::container_id_prefix(path.space, path.stack, cell_id), sweep);
  // Its link, where nothing else is left to tell of it.
  const std::string root = model::root_container_id(path.space, path.stack, cell_id);
  sweep.step([&] {
    network_.detach({.space = network_of(path),
                     .netns = pins_of_realm(ns) / root / "net",
                     .cell_key = ns + "/" + root,
                     .address = {}});
  });
  if (!stored && !sweep.found() && sweep.clean()) stored_cell(path);  // throws that there is none
  if (store_.find<model::Cell>(path)) forget(path, sweep);
  purge.error = sweep.error();
  log::info("cell purged", {{"cell", path.key()}, {"error", purge.error}});
  return purge;
}

Purge<model::Stack> Engine::purge_stack(const model::Path& given, const DeleteOptions& options) {
  const model::Path path = model::check_names(given);
  const auto held = lock(path);
  const auto stored = store_.find<model::Stack>(path);
  Purge<model::Stack> purge;
  Sweep sweep;
  const auto cells = store_.list<model::Cell>(path);
  if (stored) {
    purge.value = stored->value;
    purge.had_document = true;
    sweep.step([&] { require_no_children(path, cells.size(), "cell", options); });
    purge.error = sweep.error();
    if (!sweep.clean()) return purge;
    store_.write([&](Changes& changes) { changes.put(stored->value, Intent::deleted); });
  }
  for (const auto& cell : cells) {
    const model::Path child = cell->value.path();
    sweep.step_of(child, purge_cell(child).error);
    if (options.cascade == Cascade::yes) purge.deleted.push_back("cell:" + child.cell);
  }
  sweep_below(path, namespace_by_name(path.realm), fmt::format("{}_{}_", path.space, path.stack),
              sweep);
  if (!stored && !sweep.found() && sweep.clean()) stack_of(path);
  if (stored) {
    forget(path, sweep);
    purge.deleted.insert(purge.deleted.end(), {"metadata", "cgroup"});
  }
  purge.error = sweep.error();
  return purge;
}

Purge<model::Space> Engine::purge_space(const model::Path& given, const DeleteOptions& options) {
  const model::Path path = model::check_names(given);
  const auto held = lock(path);
  const auto stored = store_.find<model::Space>(path);
  Purge<model::Space> purge;
  Sweep sweep;
  const auto stacks = store_.list<model::Stack>(path);
  if (stored) {
    purge.value = stored->value;
    purge.had_document = true;
    sweep.step([&] { require_no_children(path, stacks.size(), "stack", options); });
    purge.error = sweep.error();
    if (!sweep.clean()) return purge;
    store_.write([&](Changes& changes) { changes.put(stored->value, Intent::deleted); });
  }
  for (const auto& stack : stacks) {
    const model::Path child = stack->value.path();
    sweep.step_of(child, purge_stack(child, {Cascade::yes, Force::no}).error);
    if (options.cascade == Cascade::yes) purge.deleted.push_back("stack:" + child.stack);
  }
  sweep_below(path, namespace_by_name(path.realm), path.space + "_", sweep);
  const network::SpaceNetwork network = network_of(path);
  sweep.step([&] { sweep.saw(network_.space_exists(network)); });
  sweep.step([&] { network_.remove_space(network); });
  if (!stored && !sweep.found() && sweep.clean()) space_of(path);
  if (stored) {
    forget(path, sweep);
    purge.deleted.insert(purge.deleted.end(), {"metadata", "cgroup", "network"});
  }
  purge.error = sweep.error();
  return purge;
}

// Works without a document: then the namespace is the one that the name would have had.
Purge<model::Realm> Engine::purge_realm(const std::string& name, const DeleteOptions& options) {
  const model::Path path = model::check_names({.realm = name});
  return during("failed to purge realm", [&]() -> Purge<model::Realm> {
    const auto held = lock(path);
    const auto stored = store_.find<model::Realm>(path);
    Purge<model::Realm> purge;
    Sweep sweep;
    const auto spaces = store_.list<model::Space>(path);
    if (stored) {
      purge.value = stored->value;
      purge.had_document = true;
      require_no_children(path, spaces.size(), "space", options);
      store_.write([&](Changes& changes) { changes.put(stored->value, Intent::deleted); });
    }
    for (const auto& space : spaces) {
      const model::Path child = space->value.path();
      sweep.step_of(child, purge_space(child, {Cascade::yes, Force::no}).error);
      if (options.cascade == Cascade::yes) purge.deleted.push_back("space:" + child.space);
    }
    const std::string ns = namespace_by_name(path.realm);
    // Networks of spaces that only their directories still tell of.
    std::error_code none;
    for (const auto& space : fs::directory_iterator{store_.directory_of(path), none}) {
      if (!space.is_directory(none)) continue;
      const model::Path child{.realm = path.realm, .space = space.path().filename().string()};
      sweep.step([&] { network_.remove_space(network_of(child)); });
    }
    sweep_below(path, ns, "", sweep);
    for (const std::string& one : {ns, ns + std::string{history_suffix}}) {
      sweep.step([&] {
        if (!runtime_.namespace_exists(one)) return;
        sweep.saw(true);
        runtime::empty_namespace(runtime_, one);
        runtime_.delete_namespace(one);
      });
    }
    sweep.step([&] { fs::remove_all(config_.runtime_dir / "secrets" / ns); });
    sweep.step([&] { fs::remove(pins_of_realm(ns)); });
    if (!sweep.clean()) throw Error{kinds::unknown, sweep.error()};
    if (!stored && !sweep.found()) realm_of(path);
    if (stored) {
      forget(path, sweep);
      purge.deleted.insert(purge.deleted.end(), {"metadata", "cgroup", "namespace"});
    }
    return purge;
  });
}

ContainerPurge Engine::purge_container(const model::Path& given) {
  const model::Path path = model::check_names(given);
  const model::Path cell_path = path.up_to(model::Kind::cell);
  const auto held = lock(cell_path);
  const auto stored = store_.find<model::Cell>(cell_path);
  const model::ContainerSpec* spec =
      stored ? model::find_container(stored->value.spec, path.container) : nullptr;
  ContainerPurge purge;
  purge.cell_had_document = stored != nullptr;
  if (spec != nullptr) {
    if (model::is_root(stored->value.spec, *spec)) {
      throw Error{kinds::failed_precondition,
                  fmt::format("container {} is the root of cell {} and cannot be purged alone; use"
                              " the cell",
                              quote(path.container), quote(path.cell))};
    }
    purge.container = get_container(path);
    purge.deleted = {"container", "task"};
  }
  const std::string ns = namespace_by_name(path.realm);
  const std::string id = model::container_id(
      path.space, path.stack, stored ? stored->value.spec.id : path.cell, path.container);
  model::Cell cell = stored ? stored->value : model::Cell{};
  if (spec != nullptr) {
    try_to(path, [&] { drop_container(cell, layout_of(stored->value), path.container); });
  }
  Sweep sweep;
  sweep.step([&] {
    sweep.saw(runtime_.find_container(ns, id).has_value() || runtime_.snapshot_exists(ns, id));
  });
  sweep_container(ns, id, sweep);
  sweep_group(cgroup_of(cell_path) + "/" + id, sweep);
  const fs::path directory = store_.directory_of(cell_path) / path.container;
  sweep.saw(fs::exists(directory));
  sweep.step([&] { fs::remove_all(directory); });
  if (!stored && !sweep.found() && sweep.clean()) stored_cell(cell_path);
  if (spec != nullptr && sweep.clean()) {
    std::erase_if(cell.spec.containers,
                  [&](const model::ContainerSpec& one) { return one.id == path.container; });
    sweep.step([&] {
      observe(cell, layout_of(cell), stored->intent);
      store_.write([&](Changes& changes) {
        changes.put(cell, stored->intent).set_halted(path, false).record(journal::deleted(path));
      });
    });
  }
  purge.error = sweep.error();
  return purge;
}

}  // namespace kukeon::engine

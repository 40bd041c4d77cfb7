// SPDX-License-Identifier: Apache-2.0
// Realms, spaces and stacks: create, repair, delete.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "kukeon/engine/engine.h"
#include "kukeon/engine/journal.h"
#include "kukeon/engine/wrap.h"
#include "kukeon/model/defaults.h"
#include "kukeon/model/derive.h"
#include "kukeon/model/validate.h"
#include "kukeon/network/conflist.h"
#include "kukeon/network/subnet_pool.h"
#include "kukeon/runtime/containers.h"

namespace kukeon::engine {
namespace {

using store::Changes;
using store::Intent;

std::string children_error(model::Kind kind, const std::string& name, std::size_t count,
                           std::string_view child) {
  return fmt::format(
      "{0}: {1} \"{2}\" has {3} {4}(s). Use --cascade to delete them or --force to skip validation",
      kinds::resource_has_dependencies.text, model::lower_word_of(kind), name, count, child);
}

template <class T>
void mark(T& value, std::string_view reason, std::string_view message,
          decltype(value.status.state) state) {
  value.status.state = state;
  value.status.reason = reason;
  value.status.message = message;
}

struct Part {
  const char* name;
  bool existed;
};

std::string names_of_missing(const std::vector<Part>& parts) {
  std::vector<std::string> names;
  for (const Part& part : parts) {
    if (!part.existed) names.emplace_back(part.name);
  }
  return join(names, ", ");
}

}  // namespace

void require_enforceable(const model::Space& space) {
  const auto& network = space.spec.network;
  if (!network || !network->egress) return;
  if (!network->egress->denies() && network->egress->allow.empty()) return;
  throw Error{
      kinds::failed_precondition,
      fmt::format("space {}: spec.network.egress cannot be enforced by this kukeond; leave it"
                  " out, or the space would be open while its document says it is not",
                  quote(space.metadata.name))};
}

// Limits of a layer are files of its cgroup v2 group, so the host must hand out the controllers.
void Engine::require_limits(const model::Path& path,
                            const std::optional<model::CgroupResources>& wanted) const {
  if (!wanted) return;
  const auto available = cgroups_.available_controllers();
  for (const std::string& controller : model::controllers_of(model::cgroup_settings(*wanted))) {
    if (std::ranges::find(available, controller) != available.end()) continue;
    throw Error{
        kinds::failed_precondition,
        fmt::format("{} {}: spec.resources needs the cgroup v2 controller {}, which this host ({}"
                    " cgroups) does not hand out; limit the containers instead, or boot with"
                    " systemd.unified_cgroup_hierarchy=1",
                    model::lower_word_of(path.kind()), quote(path.name()), controller,
                    kernel::to_string(cgroups_.layout().kind()))};
  }
}

// What `before` limited and `wanted` does not is lifted.
void Engine::set_limits(const model::Path& path,
                        const std::optional<model::CgroupResources>& wanted,
                        const std::optional<model::CgroupResources>& before) {
  const auto settings = model::cgroup_settings(wanted.value_or(model::CgroupResources{}),
                                               before.value_or(model::CgroupResources{}));
  if (settings.empty()) return;
  const std::string group = cgroup_of(path);
  // A group has the interface files of what its parent hands on.
  cgroups_.enable_controllers(fs::path{group}.parent_path().string(),
                              model::controllers_of(settings));
  for (const model::CgroupSetting& setting : settings) {
    cgroups_.write(group, setting.file, setting.text);
  }
}

// Makes a layer's host side: then it is Ready, or Failed with the cause. `missing` names what was
// not there before; where that is nothing, nothing is written for a layer that was Ready.
template <class T>
void Engine::settle(T& layer, std::string_view failed_reason, const std::string& missing,
                    const std::function<void()>& make_host) {
  using State = decltype(layer.status.state);
  const bool was_ready = layer.status.state == State::ready;
  try {
    make_host();
    layer.status.subtree_controllers =
        cgroups_.enable_controllers(cgroup_of(layer.path()), layer_controllers);
    set_limits(layer.path(), layer.spec.resources);
  } catch (const Error& error) {
    // Tried again at each pass: the same failure is not written again.
    const auto before = layer.status;
    mark(layer, failed_reason, model::status_message(error.what()), State::failed);
    if (layer.status == before) throw;
    store_.write([&](Changes& changes) {
      changes.put(layer, Intent::running)
          .record(journal::failed(layer.path(), failed_reason, layer.status.message));
    });
    throw;
  }
  if (missing.empty() && was_ready) return;
  layer.status.cgroup_ready = true;
  mark(layer, "", "", State::ready);
  store_.write([&](Changes& changes) {
    changes.put(layer, Intent::running);
    if (was_ready) changes.record(journal::repaired(layer.path(), missing));
  });
}

// --- realms ---

void Engine::ensure_realm_host(const model::Realm& realm) {
  runtime_.create_namespace(realm.spec.containerd_namespace, {});
  make_directories(pins_of_realm(realm.spec.containerd_namespace), 0755);
  cgroups_.create(cgroup_of(realm.path()));
}

RealmOutcome Engine::create_realm(const model::Realm& wanted, IfMissing if_missing) {
  model::Realm realm = wanted;
  realm.metadata.name = model::check_name(model::Kind::realm, realm.metadata.name);
  const model::Path path = realm.path();
  const auto held = lock(path);
  RealmOutcome outcome;
  if (const auto stored = existing<model::Realm>(path)) {
    realm = stored->value;
    outcome.document_existed = true;
    outcome.cgroup_existed = cgroups_.exists(cgroup_of(path));
    outcome.namespace_existed = runtime_.namespace_exists(realm.spec.containerd_namespace);
  } else if (if_missing == IfMissing::skip) {
    return outcome;
  } else {
    model::throw_if_any(model::validate(realm));
    require_limits(path, realm.spec.resources);
    model::fill_in(realm, config_.namespace_suffix);
    model::check_containerd_identifier("containerd namespace", realm.spec.containerd_namespace);
    model::inject_labels(realm);
    realm.status.cgroup_path = cgroup_of(path);
    mark(realm, "", "", model::RealmState::creating);
    store_.write([&](Changes& changes) {
      changes.put(realm, Intent::running, 0).record(journal::created(path));
    });
  }
  const std::string missing = names_of_missing(
      {{"cgroup", outcome.cgroup_existed}, {"namespace", outcome.namespace_existed}});
  wrapping(kinds::create_realm, [&] {
    settle(realm, "CreateRealmFailed", missing, [&] {
      ensure_realm_host(realm);
      realm.status.containerd_namespace_ready = true;
    });
  });
  outcome.realm = store_.find<model::Realm>(path)->value;
  return outcome;
}

Deletion<model::Realm> Engine::delete_realm(const std::string& name, const DeleteOptions& options) {
  const model::Path path{.realm = name};
  return during("failed to delete realm", [&]() -> Deletion<model::Realm> {
    const auto held = lock(path);
    const auto stored = store_.find<model::Realm>(path);
    if (!stored) realm_of(path);
    Deletion<model::Realm> deletion{stored->value, {}};
    const auto spaces = store_.list<model::Space>(path);
    if (!spaces.empty() && options.cascade == Cascade::no && options.force == Force::no) {
      throw Error{kinds::resource_has_dependencies,
                  children_error(model::Kind::realm, name, spaces.size(), "space")};
    }
    // The tombstone stands before anything goes: no child can be made from here on.
    store_.write([&](Changes& changes) { changes.put(deletion.value, Intent::deleted); });
    for (const auto& space : spaces) {
      delete_space(space->value.path(), {Cascade::yes, Force::no});
      if (options.cascade == Cascade::yes) {
        deletion.deleted.push_back("space:" + space->value.metadata.name);
      }
    }
    const std::string& ns = deletion.value.spec.containerd_namespace;
    runtime::empty_namespace(runtime_, ns);
    cgroups_.remove(cgroup_of(path));
    runtime_.delete_namespace(ns);
    std::error_code gone;
    fs::remove(pins_of_realm(ns), gone);
    store_.write([&](Changes& changes) { changes.erase(path).record(journal::deleted(path)); });
    deletion.deleted.insert(deletion.deleted.end(), {"metadata", "cgroup", "namespace"});
    return deletion;
  });
}

// --- spaces ---

std::string Engine::pick_subnet() const {
  std::vector<network::Subnet> used;
  for (const std::string& cidr : store_.leased_subnets())
    used.push_back(network::Subnet::parse(cidr));
  return network::pick_subnet(config_.pod_subnet, used).to_string();
}

void Engine::ensure_space_host(const model::Space& space) {
  const model::Path path = space.path();
  const network::SpaceNetwork net = network_of(path);
  const fs::path directory = store_.directory_of(path);
  network_.ensure_space(net);
  if (admission_ != nullptr) admission_->ensure();
  make_directories(directory, 02750);
  if (!fs::exists(directory / network::conflist_file)) {
    write_file_atomically(directory / network::conflist_file, network::write_conflist(net), 0600);
    write_file_atomically(directory / network::subnet_file, network::write_subnet_file(net.subnet),
                          0600);
  }
  cgroups_.create(cgroup_of(path));
}

SpaceOutcome Engine::create_space(const model::Space& wanted, IfMissing if_missing) {
  model::Space space = wanted;
  model::Path path = model::check_names(space.path());
  space.metadata.name = path.space;
  space.spec.realm_name = path.realm;
  const auto held = lock(path);
  SpaceOutcome outcome;
  return wrapping(kinds::create_space, [&] {
    if (const auto stored = existing<model::Space>(path)) {
      space = stored->value;
      outcome.document_existed = true;
      outcome.cgroup_existed = cgroups_.exists(cgroup_of(path));
      outcome.network_existed = network_.space_exists(network_of(path));
    } else if (if_missing == IfMissing::skip) {
      return outcome;
    } else {
      realm_of(path);
      model::throw_if_any(model::validate(space));
      require_enforceable(space);
      require_limits(path, space.spec.resources);
      model::inject_labels(space);
      if (space.spec.cni_config_path.empty()) {
        space.spec.cni_config_path = (store_.directory_of(path) / network::conflist_file).string();
      }
      space.status.cgroup_path = cgroup_of(path);
      mark(space, "", "", model::SpaceState::creating);
      const std::lock_guard leasing{leasing_};
      const std::string subnet = pick_subnet();
      store_.write([&](Changes& changes) {
        changes.put(space, Intent::running, 0).lease_subnet(path, subnet);
        changes.record(journal::created(path));
      });
    }
    const std::string missing = names_of_missing(
        {{"cgroup", outcome.cgroup_existed}, {"network", outcome.network_existed}});
    settle(space, "CreateSpaceFailed", missing, [&] { ensure_space_host(space); });
    outcome.space = store_.find<model::Space>(path)->value;
    return outcome;
  });
}

void Engine::remove_space_host(const model::Path& path) {
  network_.remove_space(network_of(path));
  std::error_code ignored;
  fs::remove(store_.directory_of(path) / network::conflist_file, ignored);
  fs::remove(store_.directory_of(path) / network::subnet_file, ignored);
  cgroups_.remove(cgroup_of(path));
}

Deletion<model::Space> Engine::delete_space(const model::Path& path, const DeleteOptions& options) {
  return during("failed to delete space", [&]() -> Deletion<model::Space> {
    const auto held = lock(path);
    const auto stored = store_.find<model::Space>(path);
    if (!stored) space_of(path);
    Deletion<model::Space> deletion{stored->value, {}};
    const auto stacks = store_.list<model::Stack>(path);
    if (!stacks.empty() && options.cascade == Cascade::no && options.force == Force::no) {
      throw Error{kinds::resource_has_dependencies,
                  children_error(model::Kind::space, path.space, stacks.size(), "stack")};
    }
    store_.write([&](Changes& changes) { changes.put(deletion.value, Intent::deleted); });
    for (const auto& stack : stacks) {
      delete_stack(stack->value.path(), {Cascade::yes, Force::no});
      if (options.cascade == Cascade::yes) {
        deletion.deleted.push_back("stack:" + stack->value.metadata.name);
      }
    }
    remove_space_host(path);
    store_.write([&](Changes& changes) { changes.erase(path).record(journal::deleted(path)); });
    deletion.deleted.insert(deletion.deleted.end(), {"metadata", "cgroup", "network"});
    return deletion;
  });
}

// --- stacks ---

StackOutcome Engine::create_stack(const model::Stack& wanted, IfMissing if_missing) {
  model::Stack stack = wanted;
  const model::Path path = model::check_names(stack.path());
  stack.metadata.name = path.stack;
  stack.spec.realm_name = path.realm;
  stack.spec.space_name = path.space;
  const auto held = lock(path);
  StackOutcome outcome;
  return wrapping(kinds::create_stack, [&] {
    if (const auto stored = existing<model::Stack>(path)) {
      stack = stored->value;
      outcome.document_existed = true;
      outcome.cgroup_existed = cgroups_.exists(cgroup_of(path));
    } else if (if_missing == IfMissing::skip) {
      return outcome;
    } else {
      space_of(path);
      model::throw_if_any(model::validate(stack));
      require_limits(path, stack.spec.resources);
      model::fill_in(stack);
      model::inject_labels(stack);
      stack.status.cgroup_path = cgroup_of(path);
      mark(stack, "", "", model::StackState::pending);
      store_.write([&](Changes& changes) {
        changes.put(stack, Intent::running, 0).record(journal::created(path));
      });
    }
    const std::string missing = names_of_missing({{"cgroup", outcome.cgroup_existed}});
    settle(stack, "CreateStackFailed", missing, [&] { cgroups_.create(cgroup_of(path)); });
    outcome.stack = store_.find<model::Stack>(path)->value;
    return outcome;
  });
}

Deletion<model::Stack> Engine::delete_stack(const model::Path& path, const DeleteOptions& options) {
  return during("failed to delete stack", [&]() -> Deletion<model::Stack> {
    const auto held = lock(path);
    const auto stored = store_.find<model::Stack>(path);
    if (!stored) stack_of(path);
    Deletion<model::Stack> deletion{stored->value, {}};
    const auto cells = store_.list<model::Cell>(path);
    if (!cells.empty() && options.cascade == Cascade::no && options.force == Force::no) {
      throw Error{kinds::resource_has_dependencies,
                  children_error(model::Kind::stack, path.stack, cells.size(), "cell")};
    }
    store_.write([&](Changes& changes) { changes.put(deletion.value, Intent::deleted); });
    for (const auto& cell : cells) {
      delete_cell(cell->value.path());
      if (options.cascade == Cascade::yes) {
        deletion.deleted.push_back("cell:" + cell->value.metadata.name);
      }
    }
    cgroups_.remove(cgroup_of(path));
    store_.write([&](Changes& changes) { changes.erase(path).record(journal::deleted(path)); });
    deletion.deleted.insert(deletion.deleted.end(), {"metadata", "cgroup"});
    return deletion;
  });
}

// --- everything ---

std::vector<TeardownRow> Engine::teardown() {
  std::vector<TeardownRow> rows;
  for (const auto& realm : store_.list<model::Realm>()) {
    TeardownRow row{realm->value.metadata.name, realm->value.spec.containerd_namespace, {}};
    try {
      if (realm->intent == Intent::deleted) {
        finish_deletions();
      } else {
        delete_realm(row.realm, {Cascade::yes, Force::no});
      }
    } catch (const Error& error) {
      row.error = error.what();
    }
    rows.push_back(std::move(row));
  }
  // Namespaces with our suffix that no document speaks of: a run path was removed by hand.
  for (const std::string& ns : runtime_.list_namespaces()) {
    if (!model::is_our_namespace(ns, config_.namespace_suffix)) continue;
    TeardownRow row{ns.substr(0, ns.size() - config_.namespace_suffix.size() - 1), ns, {}};
    if (std::ranges::any_of(rows, [&](const TeardownRow& one) { return one.ns == ns; })) continue;
    try {
      runtime::empty_namespace(runtime_, ns);
      runtime_.delete_namespace(ns);
    } catch (const Error& error) {
      row.error = error.what();
    }
    rows.push_back(std::move(row));
  }
  for (const auto& pins : pinned()) pins.remove();
  network_.remove_shared();
  if (admission_ != nullptr) admission_->remove();
  cgroups_.remove(config_.cgroup_root);
  return rows;
}

}  // namespace kukeon::engine

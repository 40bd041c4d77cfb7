// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/defaults.h"

#include <algorithm>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/model/validate.h"

namespace kukeon::model {
namespace {

// A list that is copied from a default is nil when empty (model.md 5.1).
template <class T>
reflect::List<T> nil_if_empty(reflect::List<T> list) {
  if (list.empty()) list.set_null(true);
  return list;
}

void add_if_absent(reflect::Labelset& labels, std::string_view key, const std::string& value) {
  labels.try_emplace(std::string{key}, value);
}

void trim_in_place(std::string& text) { text = std::string{trim(text)}; }

bool any_on_host_network(const CellSpec& spec) {
  return std::ranges::any_of(spec.containers, &ContainerSpec::host_network);
}

}  // namespace

void apply_space_defaults_to_container(const Space& space, ContainerSpec& container) {
  if (!space.spec.defaults || !space.spec.defaults->container || is_default_root(container)) return;
  const SpaceContainerDefaults& defaults = *space.spec.defaults->container;

  if (container.user.empty()) container.user = defaults.user;
  if (!container.read_only_root_filesystem && defaults.read_only_root_filesystem) {
    container.read_only_root_filesystem = *defaults.read_only_root_filesystem;
  }
  if (!container.capabilities && defaults.capabilities) {
    container.capabilities = {.drop = nil_if_empty(defaults.capabilities->drop),
                              .add = nil_if_empty(defaults.capabilities->add)};
  }
  if (container.security_opts.empty() && !defaults.security_opts.empty()) {
    container.security_opts = defaults.security_opts;
  }
  if (container.tmpfs.empty() && !defaults.tmpfs.empty()) {
    container.tmpfs = defaults.tmpfs;
    for (auto& mount : container.tmpfs) mount.options = nil_if_empty(mount.options);
  }
  if (!container.resources && defaults.resources) container.resources = defaults.resources;
}

void inject_labels(Realm& realm) {
  add_if_absent(realm.metadata.labels, labels::realm, realm.spec.containerd_namespace);
}

void inject_labels(Space& space) {
  add_if_absent(space.metadata.labels, labels::realm, space.spec.realm_name);
  add_if_absent(space.metadata.labels, labels::space, space.metadata.name);
}

void inject_labels(Stack& stack) {
  add_if_absent(stack.metadata.labels, labels::realm, stack.spec.realm_name);
  add_if_absent(stack.metadata.labels, labels::space, stack.spec.space_name);
  add_if_absent(stack.metadata.labels, labels::stack, stack.metadata.name);
}

void inject_labels(Cell& cell) {
  add_if_absent(cell.metadata.labels, labels::realm, cell.spec.realm_name);
  add_if_absent(cell.metadata.labels, labels::space, cell.spec.space_name);
  add_if_absent(cell.metadata.labels, labels::stack, cell.spec.stack_name);
  add_if_absent(cell.metadata.labels, labels::cell, cell.metadata.name);
}

void fill_in(Realm& realm, std::string_view namespace_suffix) {
  trim_in_place(realm.metadata.name);
  if (realm.spec.containerd_namespace.empty()) {
    realm.spec.containerd_namespace = containerd_namespace(realm.metadata.name, namespace_suffix);
  }
}

void fill_in(Space& space) {
  trim_in_place(space.metadata.name);
  trim_in_place(space.spec.realm_name);
}

void fill_in(Stack& stack) {
  trim_in_place(stack.metadata.name);
  trim_in_place(stack.spec.realm_name);
  trim_in_place(stack.spec.space_name);
  if (stack.spec.id.empty()) stack.spec.id = stack.metadata.name;
}

void fill_in(Cell& cell) {
  trim_in_place(cell.metadata.name);
  trim_in_place(cell.spec.id);
  trim_in_place(cell.spec.realm_name);
  trim_in_place(cell.spec.space_name);
  trim_in_place(cell.spec.stack_name);
  if (cell.spec.id.empty()) cell.spec.id = cell.metadata.name;
  for (ContainerSpec& container : cell.spec.containers) {
    trim_in_place(container.id);
    container.realm_name = cell.spec.realm_name;
    container.space_name = cell.spec.space_name;
    container.stack_name = cell.spec.stack_name;
    container.cell_name = cell.metadata.name;
  }
}

void fill_in(Container& container) {
  ContainerSpec& spec = container.spec;
  trim_in_place(container.metadata.name);
  for (std::string* const part :
       {&spec.id, &spec.realm_name, &spec.space_name, &spec.stack_name, &spec.cell_name}) {
    trim_in_place(*part);
  }
  if (spec.id.empty()) spec.id = container.metadata.name;
}

ContainerSpec default_root_container(std::string_view realm, std::string_view space,
                                     std::string_view stack, std::string_view cell_name,
                                     std::string_view cell_id) {
  ContainerSpec root;
  root.id = root_container_name;
  root.containerd_id = root_container_id(space, stack, cell_id);
  root.realm_name = realm;
  root.space_name = space;
  root.stack_name = stack;
  root.cell_name = cell_name;
  root.root = true;
  root.image = default_root_image;
  root.command = pause_program;
  return root;
}

bool is_default_root(const ContainerSpec& container) {
  return container.root && container.id == root_container_name &&
         container.command == pause_program && container.image == default_root_image;
}

void resolve_root(Cell& cell) {
  CellSpec& spec = cell.spec;
  if (const Problems problems = root_problems(spec); !problems.empty()) {
    throw Error{kinds::conversion_failed, problems.front().text};
  }
  const ContainerSpec* declared = root_of(spec);
  if (declared == nullptr) {
    spec.containers.push_back(default_root_container(spec.realm_name, spec.space_name,
                                                     spec.stack_name, cell.metadata.name, spec.id));
    declared = &spec.containers.back();
  }
  spec.root_container_id = declared->id;

  ContainerSpec& root = *find_container(spec, spec.root_container_id);
  if (root.host_network || !any_on_host_network(spec)) return;
  if (!is_default_root(root)) {
    throw Error{kinds::invalid_argument, std::string{host_network_root_text}};
  }
  root.host_network = true;
}

}  // namespace kukeon::model

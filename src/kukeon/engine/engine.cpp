// SPDX-License-Identifier: Apache-2.0
#include "kukeon/engine/engine.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "kukeon/kernel/namespaces.h"
#include "kukeon/model/defaults.h"

namespace kukeon::engine {
namespace {

fs::path scratch_directory(const Config& config) {
  const fs::path path = config.run_path / "scratch";
  make_directories(path, 0700);
  return path;
}

template <class T>
std::vector<T> values_of(const std::vector<store::Snapshot<T>>& stored) {
  std::vector<T> values;
  values.reserve(stored.size());
  for (const auto& one : stored) {
    if (one->intent != store::Intent::deleted) values.push_back(one->value);
  }
  return values;
}

template <class T>
bool is_there(const store::Snapshot<T>& stored) {
  return stored && stored->intent != store::Intent::deleted;
}

}  // namespace

Engine::Engine(Config config, store::Store& store, runtime::Runtime& runtime,
               network::Network& network, firewall::ForwardAdmission* admission,
               kernel::Cgroups cgroups)
    : config_{std::move(config)},
      store_{store},
      runtime_{runtime},
      network_{network},
      admission_{admission},
      images_{runtime, scratch_directory(config_)},
      puller_{images_, runtime, scratch_directory(config_) / "pulls", config_.pulls},
      cgroups_{std::move(cgroups)} {
  validate(config_);
}

Engine::~Engine() { stop(); }

// --- names ---

store::Snapshot<model::Realm> Engine::realm_of(const model::Path& path) const {
  auto realm = store_.find<model::Realm>(path.up_to(model::Kind::realm));
  if (!is_there(realm)) {
    throw Error{kinds::realm_not_found, fmt::format("realm {} not found", quote(path.realm))};
  }
  return realm;
}

store::Snapshot<model::Space> Engine::space_of(const model::Path& path) const {
  realm_of(path);
  auto space = store_.find<model::Space>(path.up_to(model::Kind::space));
  if (!is_there(space)) {
    throw Error{kinds::space_not_found, fmt::format("space {} not found in realm {}",
                                                    quote(path.space), quote(path.realm))};
  }
  return space;
}

store::Snapshot<model::Stack> Engine::stack_of(const model::Path& path) const {
  space_of(path);
  auto stack = store_.find<model::Stack>(path.up_to(model::Kind::stack));
  if (!is_there(stack)) {
    throw Error{kinds::stack_not_found,
                fmt::format("stack {} not found in realm {}, space {}", quote(path.stack),
                            quote(path.realm), quote(path.space))};
  }
  return stack;
}

store::Snapshot<model::Cell> Engine::stored_cell(const model::Path& path) const {
  auto cell = store_.find<model::Cell>(path.up_to(model::Kind::cell));
  if (!is_there(cell)) {
    throw Error{kinds::cell_not_found,
                fmt::format("cell {} not found in realm {}, space {}, stack {}", quote(path.cell),
                            quote(path.realm), quote(path.space), quote(path.stack))};
  }
  return cell;
}

std::string Engine::cgroup_of(const model::Path& path) const {
  return model::cgroup_group(config_.cgroup_root, path);
}

network::SpaceNetwork Engine::network_of(const model::Path& space) const {
  const std::string name = model::network_name(space.realm, space.space);
  const auto cidr = store_.subnet_of(space.up_to(model::Kind::space));
  return {.name = name,
          .bridge = model::bridge_name(name),
          .subnet = cidr ? network::Subnet::parse(*cidr) : network::Subnet{}};
}

CellLayout Engine::layout_of(const model::Cell& cell) const {
  const model::Path path = cell.path();
  const std::string& id = cell.spec.id;
  // Also of a realm that is being deleted: its cells go through here.
  const auto realm = store_.find<model::Realm>(path.up_to(model::Kind::realm));
  if (!realm) realm_of(path);
  const std::string& ns = realm->value.spec.containerd_namespace;
  const std::string root_id = model::root_container_id(path.space, path.stack, id);
  const model::ContainerSpec* root = model::root_of(cell.spec);
  return {.path = path,
          .ns = ns,
          .cell_id = id,
          .root_name = root != nullptr ? root->id : std::string{model::root_container_name},
          .root_id = root_id,
          .cgroup = cgroup_of(path),
          .host_network = root != nullptr && root->host_network,
          .network = network_of(path),
          // The namespace is part of it: two realms may hold cells of the same names.
          .pins = kernel::PinnedNamespaces{pins_of_realm(ns) / root_id},
          .directory = store_.directory_of(path)};
}

std::string Engine::namespace_of(const std::string& realm) const {
  if (trim(realm).empty()) {
    throw Error{kinds::realm_name_required, std::string{kinds::realm_name_required.text}};
  }
  const auto stored = store_.find<model::Realm>({.realm = std::string{trim(realm)}});
  if (!is_there(stored)) {
    throw Error{kinds::realm_not_found,
                fmt::format("{}: {}", kinds::realm_not_found.text, trim(realm))};
  }
  return stored->value.spec.containerd_namespace;
}

fs::path Engine::pins_of_realm(const std::string& ns) const {
  return config_.runtime_dir / "ns" / ns;
}

std::vector<kernel::PinnedNamespaces> Engine::pinned() const {
  std::vector<kernel::PinnedNamespaces> out;
  const fs::path root = config_.runtime_dir / "ns";
  std::error_code none;
  for (const auto& ns : fs::directory_iterator{root, none}) {
    for (const std::string& name : kernel::list_pinned(ns.path()))
      out.emplace_back(ns.path() / name);
  }
  return out;
}

// The stored document, or null for a new one; of one that is being deleted nothing more can be
// made.
template <class T>
store::Snapshot<T> Engine::existing(const model::Path& path) const {
  auto stored = store_.find<T>(path);
  if (stored && stored->intent == store::Intent::deleted) {
    throw Error{kinds::failed_precondition,
                fmt::format("{} {} is being deleted", model::lower_word_of(path.kind()),
                            quote(path.name()))};
  }
  return stored;
}

template store::Snapshot<model::Realm> Engine::existing(const model::Path&) const;
template store::Snapshot<model::Space> Engine::existing(const model::Path&) const;
template store::Snapshot<model::Stack> Engine::existing(const model::Path&) const;
template store::Snapshot<model::Cell> Engine::existing(const model::Path&) const;

// --- reads ---

std::optional<RealmView> Engine::get_realm(const std::string& name) {
  const model::Path path{.realm = name};
  const auto stored = store_.find<model::Realm>(path);
  if (!is_there(stored)) return std::nullopt;
  return RealmView{stored->value, cgroups_.exists(cgroup_of(path)),
                   runtime_.namespace_exists(stored->value.spec.containerd_namespace)};
}

std::optional<SpaceView> Engine::get_space(const model::Path& path) {
  const auto stored = store_.find<model::Space>(path);
  if (!is_there(stored)) return std::nullopt;
  return SpaceView{stored->value, cgroups_.exists(cgroup_of(path)),
                   network_.space_exists(network_of(path))};
}

std::optional<StackView> Engine::get_stack(const model::Path& path) {
  const auto stored = store_.find<model::Stack>(path);
  if (!is_there(stored)) return std::nullopt;
  return StackView{stored->value, cgroups_.exists(cgroup_of(path))};
}

std::optional<CellView> Engine::get_cell(const model::Path& path) {
  const auto stored = store_.find<model::Cell>(path);
  if (!is_there(stored)) return std::nullopt;
  return CellView{stored->value, cgroups_.exists(cgroup_of(path)), root_runs(stored->value)};
}

model::Container Engine::get_container(const model::Path& path) {
  const auto stored = store_.find<model::Cell>(path.up_to(model::Kind::cell));
  if (!is_there(stored)) {
    throw Error{kinds::cell_not_found, fmt::format("failed to get cell {}: {}", quote(path.cell),
                                                   kinds::cell_not_found.text)};
  }
  const model::ContainerSpec* spec = model::find_container(stored->value.spec, path.container);
  if (spec == nullptr) {
    throw Error{
        kinds::container_not_found,
        fmt::format("container {} not found in cell {} at run-path {}", quote(path.container),
                    quote(path.cell), quote(config_.run_path.string()))};
  }
  model::Container container{
      .metadata = {.name = spec->id, .labels = {}}, .spec = *spec, .status = {}};
  if (const auto* status = model::find_status(stored->value.status, spec->id)) {
    container.status = *status;
  }
  return container;
}

std::vector<model::Realm> Engine::list_realms() { return values_of(store_.list<model::Realm>()); }

std::vector<model::Space> Engine::list_spaces(const model::Path& filter) {
  return values_of(store_.list<model::Space>(filter));
}

std::vector<model::Stack> Engine::list_stacks(const model::Path& filter) {
  return values_of(store_.list<model::Stack>(filter));
}

std::vector<model::Cell> Engine::list_cells(const model::Path& filter) {
  return values_of(store_.list<model::Cell>(filter));
}

std::vector<model::ContainerSpec> Engine::list_containers(const model::Path& filter) {
  std::vector<model::ContainerSpec> out;
  for (const auto& cell : store_.list<model::Cell>(filter)) {
    if (!is_there(cell)) continue;
    for (model::ContainerSpec spec : cell->value.spec.containers) {
      spec.root = model::is_root(cell->value.spec, spec);
      out.push_back(std::move(spec));
    }
  }
  return out;
}

LogPaths Engine::log_paths(const model::Path& path) {
  const model::Container container = get_container(path);
  const fs::path directory = store_.directory_of(path.up_to(model::Kind::cell)) / container.spec.id;
  // A container with a terminal has a capture; one that was started without has a log like any
  // other.
  const fs::path capture = directory / "tty" / "capture";
  if (container.spec.attachable && fs::exists(capture)) return {.capture = capture, .log = {}};
  return {.capture = {}, .log = directory / "log"};
}

Census Engine::census() const {
  Census census;
  census.realms = store_.list<model::Realm>().size();
  census.spaces = store_.list<model::Space>().size();
  census.stacks = store_.list<model::Stack>().size();
  for (const auto& cell : store_.list<model::Cell>()) {
    ++census.cells;
    census.containers += cell->value.spec.containers.size();
  }
  return census;
}

std::vector<std::string> Engine::inventory() {
  std::vector<std::string> objects = network_.inventory();
  if (admission_ != nullptr) {
    for (std::string& rule : admission_->inventory()) objects.push_back(std::move(rule));
  }
  for (const auto& pins : pinned()) objects.push_back("namespaces " + pins.directory().string());
  for (const std::string& group : cgroups_.list(config_.cgroup_root)) {
    objects.push_back("cgroup " + group);
  }
  for (const std::string& ns : runtime_.list_namespaces()) {
    if (!model::is_our_namespace(ns, config_.namespace_suffix)) continue;
    objects.push_back("containerd namespace " + ns);
    for (const auto& container : runtime_.list_containers(ns)) {
      objects.push_back(fmt::format("container {}/{}", ns, container.id));
    }
  }
  return objects;
}

}  // namespace kukeon::engine

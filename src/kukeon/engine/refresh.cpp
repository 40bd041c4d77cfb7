// SPDX-License-Identifier: Apache-2.0
// Refresh: looks at everything and stores what state it is in (runtime.md 3.8). Nothing but status
// changes, and nothing is repaired: that is the reconciler's.
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/engine/engine.h"
#include "kukeon/network/conflist.h"

namespace kukeon::engine {
namespace {

using store::Changes;
using store::Intent;

// A layer is what it is on the host: Ready, or nobody knows.
template <class T>
void judge(T& layer, bool cgroup, bool rest) {
  using State = decltype(layer.status.state);
  layer.status.cgroup_ready = cgroup;
  if (!cgroup || !rest) {
    layer.status.state = State::unknown;
  } else if (layer.status.state != State::ready) {
    layer.status.state = State::ready;
    layer.status.reason.clear();
    layer.status.message.clear();
  }
}

}  // namespace

// Under the lock and with the document as it stands there: a stale copy would undo what another
// call did meanwhile (runtime.md lesson 1).
template <class T>
void Engine::refresh_layer(const model::Path& path, Refreshed::Names& names,
                           std::vector<std::string>& errors,
                           const std::function<void(T&)>& look_at) {
  try {
    const auto held = lock(path);
    const auto stored = store_.find<T>(path);
    if (!stored || stored->intent == Intent::deleted) return;
    names.found.push_back(path.name());
    T layer = stored->value;
    look_at(layer);
    if (layer.status == stored->value.status) return;
    store_.write([&](Changes& changes) { changes.put(layer, stored->intent); });
    names.updated.push_back(path.name());
  } catch (const Error& error) {
    errors.push_back(
        fmt::format("{} {}: {}", model::lower_word_of(path.kind()), path.key(), error.what()));
  }
}

Refreshed Engine::refresh_all() {
  Refreshed result;
  for (const auto& realm : store_.list<model::Realm>()) {
    refresh_layer<model::Realm>(
        realm->value.path(), result.realms, result.errors, [&](model::Realm& layer) {
          const bool ns = runtime_.namespace_exists(layer.spec.containerd_namespace);
          judge(layer, cgroups_.exists(cgroup_of(layer.path())), ns);
          layer.status.containerd_namespace_ready = ns;
        });
  }
  for (const auto& space : store_.list<model::Space>()) {
    refresh_layer<model::Space>(
        space->value.path(), result.spaces, result.errors, [&](model::Space& layer) {
          const model::Path path = layer.path();
          const bool network = network_.space_exists(network_of(path)) &&
                               fs::exists(store_.directory_of(path) / network::conflist_file);
          judge(layer, cgroups_.exists(cgroup_of(path)), network);
        });
  }
  for (const auto& stack : store_.list<model::Stack>()) {
    refresh_layer<model::Stack>(
        stack->value.path(), result.stacks, result.errors,
        [&](model::Stack& layer) { judge(layer, cgroups_.exists(cgroup_of(layer.path())), true); });
  }
  for (const auto& cell : store_.list<model::Cell>()) refresh_cell(cell->value.path(), result);
  log::info("refreshed", {{"cells", result.cells.found.size()},
                          {"updated", result.cells.updated.size()},
                          {"errors", result.errors.size()}});
  return result;
}

void Engine::refresh_cell(const model::Path& path, Refreshed& result) {
  try {
    const auto held = lock(path);
    const auto stored = store_.find<model::Cell>(path);
    if (!stored || stored->intent == Intent::deleted) return;
    model::Cell cell = stored->value;
    const CellLayout at = layout_of(cell);
    std::vector<std::string> containers;
    for (model::ContainerSpec& spec : cell.spec.containers) {
      containers.push_back(at.container_path(spec.id).key());
      if (spec.containerd_id.empty()) spec.containerd_id = at.container_id(spec);
    }
    result.cells.found.push_back(path.cell);
    result.containers.found.insert(result.containers.found.end(), containers.begin(),
                                   containers.end());
    observe(cell, at, stored->intent);
    const model::CellStatus& before = stored->value.status;
    const bool sticky = before.state == model::CellState::failed;
    // A start that goes on, or is to go on, is the reconciler's to judge.
    if (sticky || before.state == model::CellState::pending) {
      cell.status.state = before.state;
      cell.status.reason = before.reason;
      cell.status.message = before.message;
      cell.status.ready_observed = before.ready_observed;
    }
    if (cell == stored->value) return;
    put_cell(cell, stored->intent);
    result.cells.updated.push_back(path.cell);
    // All of them (wire.md §6): whose status it was is in the document.
    result.containers.updated.insert(result.containers.updated.end(), containers.begin(),
                                     containers.end());
  } catch (const Error& error) {
    result.errors.push_back(fmt::format("cell {}: {}", path.key(), error.what()));
  }
}

}  // namespace kukeon::engine

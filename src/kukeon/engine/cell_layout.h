// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kukeon/kernel/namespaces.h"
#include "kukeon/model/cell.h"
#include "kukeon/model/names.h"
#include "kukeon/network/network.h"

namespace kukeon::engine {

// What a realm, space, stack or cell hands on to the groups below it where the host has cgroup v2
// (runtime.md 2.10).
inline const std::vector<std::string> layer_controllers{"cpu", "memory", "io", "pids"};

// Where everything of one cell is, derived from names alone (runtime.md 1.2, 1.4): what a restarted
// daemon needs to find it again.
struct CellLayout {
  model::Path path;
  std::string ns;         // containerd namespace of the realm
  std::string cell_id;    // spec.id
  std::string root_name;  // of the root container within the cell
  std::string root_id;    // containerd id of the root container; also the shim group
  std::string cgroup;     // "/kukeon/default/default/default/web"
  bool host_network = false;
  network::SpaceNetwork network;
  kernel::PinnedNamespaces pins;
  std::filesystem::path directory;  // <runPath>/data/…/<cell>

  std::string container_id(const model::ContainerSpec& spec) const;
  model::Path container_path(const std::string& container) const {
    model::Path out = path;
    out.container = container;
    return out;
  }
  std::filesystem::path container_directory(const std::string& container) const {
    return directory / container;
  }
  std::filesystem::path log_of(const std::string& container) const {
    return container_directory(container) / "log";
  }
  std::filesystem::path hosts_file() const { return directory / "etc-hosts"; }
  std::filesystem::path hostname_file() const { return directory / "etc-hostname"; }
  // Unique on the host, also beside another engine's cell of the same name.
  std::string host_key() const { return ns + "/" + root_id; }
};

// Whether the root container runs, as the cell's status has it.
bool root_runs(const model::Cell& cell);

// The text of /etc/hosts in a cell (runtime.md 3.12); `address` may be empty.
std::string render_hosts(const std::string& cell, const std::string& address);

}  // namespace kukeon::engine

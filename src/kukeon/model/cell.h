// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "kukeon/model/container.h"
#include "kukeon/model/names.h"
#include "kukeon/model/shared.h"

namespace kukeon::model {

// The first five are those of documents and of the wire, the others are told beside them
// (CellStatus::exact_state). Exited: every workload ended well; Error: one did not; Degraded: the
// root and a workload run, another workload failed.
enum class CellState { pending, ready, stopped, failed, unknown, exited, error, degraded };

struct CellTty {
  std::string default_container;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("default", &CellTty::default_container, omitempty,
                       "Container that `kuke attach` takes when none is named."),
    };
  }
  friend bool operator==(const CellTty&, const CellTty&) = default;
};

struct CellSpec {
  std::string id;
  std::string realm_name;
  std::string space_name;
  std::string stack_name;
  std::string root_container_id;
  std::optional<CellTty> tty;
  reflect::List<ContainerSpec> containers;
  bool auto_delete = false;
  bool nested_cgroup_runtime = false;
  std::optional<CgroupResources> resources;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("id", &CellSpec::id, immutable,
                       "Part of the containerd ids of the cell; empty on create: the name."),
        reflect::field("realmId", &CellSpec::realm_name, required | immutable,
                       "Name of the realm it belongs to."),
        reflect::field("spaceId", &CellSpec::space_name, required | immutable,
                       "Name of the space it belongs to."),
        reflect::field("stackId", &CellSpec::stack_name, required | immutable,
                       "Name of the stack it belongs to."),
        reflect::field("rootContainerId", &CellSpec::root_container_id, omitempty | recreate,
                       "Container that owns the cell's namespaces; empty: one is made."),
        reflect::field("tty", &CellSpec::tty, omitempty | live, "Terminal settings of the cell."),
        reflect::field("containers", &CellSpec::containers, required, "The containers."),
        reflect::field("autoDelete", &CellSpec::auto_delete, omitempty | live,
                       "Delete the cell once it was Ready and its workloads have exited."),
        reflect::field("nestedCgroupRuntime", &CellSpec::nested_cgroup_runtime,
                       omitempty | immutable,
                       "Delegate every controller, so that containers can run containers."),
        reflect::field("resources", &CellSpec::resources, omitempty | live,
                       "Limits of all its containers together."),
    };
  }
  friend bool operator==(const CellSpec&, const CellSpec&) = default;
};

struct CellNetworkStatus {
  std::string bridge_name;
  std::string address;  // ours; the reference does not say it

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("bridgeName", &CellNetworkStatus::bridge_name, omitempty | derived,
                       "Bridge that the cell is plugged into."),
        reflect::field("address", &CellNetworkStatus::address, omitempty | derived,
                       "IPv4 address of the cell in its space."),
    };
  }
  friend bool operator==(const CellNetworkStatus&, const CellNetworkStatus&) = default;
};

struct CellStatus : Lifecycle {
  CellState state = CellState::pending;
  std::string exact_state;  // only in documents: v1beta1::from_model()
  std::string cgroup_path;
  reflect::StringList subtree_controllers;
  CellNetworkStatus network;
  reflect::List<ContainerStatus> containers;
  bool ready_observed = false;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple_cat(
        std::tuple{
            reflect::field("state", &CellStatus::state, always | derived, "State of the cell."),
            reflect::field("exactState", &CellStatus::exact_state, omitempty | derived,
                           "Exited, Error or Degraded, where state can only say Stopped or Ready."),
            reflect::field("cgroupPath", &CellStatus::cgroup_path, always | derived,
                           "Its cgroup, below the cgroup mount."),
            reflect::field("subtreeControllers", &CellStatus::subtree_controllers,
                           omitempty | derived, "Controllers its cgroup hands on."),
            reflect::field("network", &CellStatus::network, omitempty | derived,
                           "Where the cell is on the network."),
            reflect::field("containers", &CellStatus::containers, always | derived,
                           "Status of each container."),
            reflect::field("readyObserved", &CellStatus::ready_observed, omitempty | derived,
                           "Whether the cell was ever Ready."),
        },
        Lifecycle::fields());
  }
  friend bool operator==(const CellStatus&, const CellStatus&) = default;
};

struct Cell {
  Metadata metadata;
  CellSpec spec;
  CellStatus status;

  Path path() const {
    return {.realm = spec.realm_name,
            .space = spec.space_name,
            .stack = spec.stack_name,
            .cell = metadata.name};
  }

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("metadata", &Cell::metadata, always, "Name and labels."),
        reflect::field("spec", &Cell::spec, always, "What is wanted."),
        reflect::field("status", &Cell::status, always | derived, "What is."),
    };
  }
  friend bool operator==(const Cell&, const Cell&) = default;
};

// The container with this id, or nullptr.
const ContainerSpec* find_container(const CellSpec& spec, std::string_view id);
ContainerSpec* find_container(CellSpec& spec, std::string_view id);
const ContainerStatus* find_status(const CellStatus& status, std::string_view id);
ContainerStatus* find_status(CellStatus& status, std::string_view id);

// Whether a container is the cell's root: by rootContainerId, else by its own flag.
bool is_root(const CellSpec& spec, const ContainerSpec& container);
// The root container, or nullptr while none was declared or made.
const ContainerSpec* root_of(const CellSpec& spec);
// All but the root; of a cell that has nothing else, the root.
std::vector<const ContainerSpec*> workloads_of(const CellSpec& spec);

}  // namespace kukeon::model

template <>
struct kukeon::reflect::Labels<kukeon::model::CellState> {
  static constexpr std::string_view what = "cell state";
  static constexpr std::array<std::string_view, 8> words{
      "Pending", "Ready", "Stopped", "Failed", "Unknown", "Exited", "Error", "Degraded"};
};

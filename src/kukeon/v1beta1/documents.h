// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/model/cell.h"
#include "kukeon/model/container.h"
#include "kukeon/model/kinds.h"
#include "kukeon/model/realm.h"
#include "kukeon/model/space.h"
#include "kukeon/model/stack.h"

// The external documents: what manifests, the wire and metadata files hold. Parts that are the same
// in the hub model are the model's own types; a table stands here where a name, a state or a rule
// differs.
namespace kukeon::v1beta1 {

inline constexpr std::string_view api_version_v1beta1 = "v1beta1";

using model::CellNetworkStatus;
using model::CellState;
using model::CellStatus;
using model::CellTty;
using model::ContainerCapabilities;
using model::ContainerResources;
using model::ContainerSecret;
using model::ContainerState;
using model::ContainerStatus;
using model::ContainerTmpfsMount;
using model::ContainerTty;
using model::EgressAllowRule;
using model::EgressPolicy;
using model::Kind;
using model::Metadata;
using model::RealmSpec;
using model::RealmState;
using model::RealmStatus;
using model::RegistryCredentials;
using model::SpaceContainerDefaults;
using model::SpaceDefaults;
using model::SpaceNetwork;
using model::StackState;
using model::StackStatus;
using model::TtyStage;
using model::VolumeMount;

enum class SpaceState { pending, ready, failed, unknown };

struct RealmDoc {
  static constexpr Kind document_kind = Kind::realm;

  std::string api_version;
  std::string kind;
  Metadata metadata;
  RealmSpec spec;
  RealmStatus status;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("apiVersion", &RealmDoc::api_version, always, "v1beta1, or empty."),
        reflect::field("kind", &RealmDoc::kind, required, "Realm."),
        reflect::field("metadata", &RealmDoc::metadata, required, "Name and labels."),
        reflect::field("spec", &RealmDoc::spec, always, "What is wanted."),
        reflect::field("status", &RealmDoc::status, always | derived, "What is."),
    };
  }
  friend bool operator==(const RealmDoc&, const RealmDoc&) = default;
};

struct SpaceSpec {
  std::string realm_id;
  std::string cni_config_path;
  std::optional<SpaceNetwork> network;
  std::optional<SpaceDefaults> defaults;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("realmId", &SpaceSpec::realm_id, required | immutable,
                       "Name of the realm it belongs to."),
        reflect::field("cniConfigPath", &SpaceSpec::cni_config_path, omitempty | immutable,
                       "Path of the network's conflist; filled in by the daemon when empty."),
        reflect::field("network", &SpaceSpec::network, omitempty | live,
                       "Rules for the space's network; none: unconstrained."),
        reflect::field("defaults", &SpaceSpec::defaults, omitempty | live,
                       "Defaults for what lives in the space."),
    };
  }
  friend bool operator==(const SpaceSpec&, const SpaceSpec&) = default;
};

struct SpaceStatus : model::Lifecycle {
  SpaceState state = SpaceState::pending;
  std::string cgroup_path;
  reflect::StringList subtree_controllers;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple_cat(
        std::tuple{
            reflect::field("state", &SpaceStatus::state, always | derived, "State of the space."),
            reflect::field("cgroupPath", &SpaceStatus::cgroup_path, omitempty | derived,
                           "Its cgroup, below the cgroup mount."),
            reflect::field("subtreeControllers", &SpaceStatus::subtree_controllers,
                           omitempty | derived, "Controllers its cgroup hands on."),
        },
        model::Lifecycle::fields());
  }
  friend bool operator==(const SpaceStatus&, const SpaceStatus&) = default;
};

struct SpaceDoc {
  static constexpr Kind document_kind = Kind::space;

  std::string api_version;
  std::string kind;
  Metadata metadata;
  SpaceSpec spec;
  SpaceStatus status;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("apiVersion", &SpaceDoc::api_version, always, "v1beta1, or empty."),
        reflect::field("kind", &SpaceDoc::kind, required, "Space."),
        reflect::field("metadata", &SpaceDoc::metadata, required, "Name and labels."),
        reflect::field("spec", &SpaceDoc::spec, required, "What is wanted."),
        reflect::field("status", &SpaceDoc::status, always | derived, "What is."),
    };
  }
  friend bool operator==(const SpaceDoc&, const SpaceDoc&) = default;
};

struct StackSpec {
  std::string id;
  std::string realm_id;
  std::string space_id;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("id", &StackSpec::id, live, "Free identifier; empty on create: the name."),
        reflect::field("realmId", &StackSpec::realm_id, required | immutable,
                       "Name of the realm it belongs to."),
        reflect::field("spaceId", &StackSpec::space_id, required | immutable,
                       "Name of the space it belongs to."),
    };
  }
  friend bool operator==(const StackSpec&, const StackSpec&) = default;
};

struct StackDoc {
  static constexpr Kind document_kind = Kind::stack;

  std::string api_version;
  std::string kind;
  Metadata metadata;
  StackSpec spec;
  StackStatus status;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("apiVersion", &StackDoc::api_version, always, "v1beta1, or empty."),
        reflect::field("kind", &StackDoc::kind, required, "Stack."),
        reflect::field("metadata", &StackDoc::metadata, required, "Name and labels."),
        reflect::field("spec", &StackDoc::spec, required, "What is wanted."),
        reflect::field("status", &StackDoc::status, always | derived, "What is."),
    };
  }
  friend bool operator==(const StackDoc&, const StackDoc&) = default;
};

struct ContainerSpec {
  std::string id;
  std::string containerd_id;
  std::string realm_id;
  std::string space_id;
  std::string stack_id;
  std::string cell_id;
  bool root = false;
  std::string image;
  std::string command;
  reflect::StringList args;
  std::string working_dir;
  reflect::StringList env;
  reflect::StringList ports;
  reflect::List<VolumeMount> volumes;
  reflect::StringList networks;
  reflect::StringList networks_aliases;
  bool privileged = false;
  bool host_network = false;
  bool host_pid = false;
  bool host_cgroup = false;
  std::string user;
  bool read_only_root_filesystem = false;
  std::optional<ContainerCapabilities> capabilities;
  reflect::StringList security_opts;
  reflect::List<ContainerTmpfsMount> tmpfs;
  std::optional<ContainerResources> resources;
  reflect::List<ContainerSecret> secrets;
  std::string cni_config_path;
  std::string restart_policy;
  bool attachable = false;
  std::optional<ContainerTty> tty;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("id", &ContainerSpec::id, required | immutable,
                       "Name of the container within its cell."),
        reflect::field("containerdId", &ContainerSpec::containerd_id, omitempty | derived,
                       "Its id in containerd; filled in by the daemon."),
        reflect::field("realmId", &ContainerSpec::realm_id, always | derived,
                       "Name of the realm it belongs to."),
        reflect::field("spaceId", &ContainerSpec::space_id, always | derived,
                       "Name of the space it belongs to."),
        reflect::field("stackId", &ContainerSpec::stack_id, always | derived,
                       "Name of the stack it belongs to."),
        reflect::field("cellId", &ContainerSpec::cell_id, always | derived,
                       "Name of the cell it belongs to."),
        reflect::field("root", &ContainerSpec::root, omitempty | recreate,
                       "Whether it owns the cell's namespaces; at most one per cell."),
        reflect::field("image", &ContainerSpec::image, required | recreate,
                       "Image reference to run."),
        reflect::field("command", &ContainerSpec::command, recreate,
                       "Program to run; empty keeps the image's entrypoint unless args are given."),
        reflect::field("args", &ContainerSpec::args, recreate,
                       "Arguments of the command; alone they replace the whole command line."),
        reflect::field("workingDir", &ContainerSpec::working_dir, omitempty | recreate,
                       "Working directory; empty: the image's."),
        reflect::field("env", &ContainerSpec::env, recreate,
                       "Environment as NAME=value; wins over the KUKEON_ variables."),
        reflect::field("ports", &ContainerSpec::ports, recreate,
                       "Ports, for information; nothing is published."),
        reflect::field("volumes", &ContainerSpec::volumes, recreate,
                       "Host paths and memory file systems to mount."),
        reflect::field("networks", &ContainerSpec::networks, recreate,
                       "Networks, for information; the space decides."),
        reflect::field("networksAliases", &ContainerSpec::networks_aliases, recreate,
                       "Network aliases, for information."),
        reflect::field("privileged", &ContainerSpec::privileged, recreate,
                       "All capabilities and devices, nothing masked."),
        reflect::field("hostNetwork", &ContainerSpec::host_network, omitempty | immutable,
                       "Share the host's network namespace."),
        reflect::field("hostPID", &ContainerSpec::host_pid, omitempty | immutable,
                       "Share the host's process namespace."),
        reflect::field("hostCgroup", &ContainerSpec::host_cgroup, omitempty | immutable,
                       "Share the parent's cgroup namespace instead of having its own."),
        reflect::field("user", &ContainerSpec::user, omitempty | recreate,
                       "User to run as: name or number, with an optional :group."),
        reflect::field("readOnlyRootFilesystem", &ContainerSpec::read_only_root_filesystem,
                       omitempty | recreate, "Mount the root file system read-only."),
        reflect::field("capabilities", &ContainerSpec::capabilities, omitempty | recreate,
                       "Capabilities to drop and add."),
        reflect::field("securityOpts", &ContainerSpec::security_opts, omitempty | recreate,
                       "no-new-privileges[=bool], seccomp=unconfined or seccomp=<profile path>."),
        reflect::field("tmpfs", &ContainerSpec::tmpfs, omitempty | recreate,
                       "Memory file systems to mount."),
        reflect::field("resources", &ContainerSpec::resources, omitempty | recreate,
                       "Limits on memory, CPU and processes."),
        reflect::field("secrets", &ContainerSpec::secrets, omitempty | recreate,
                       "Values read on the daemon's host, passed as variables or files."),
        reflect::field("cniConfigPath", &ContainerSpec::cni_config_path, omitempty | derived,
                       "Conflist of its space; filled in by the daemon."),
        reflect::field("restartPolicy", &ContainerSpec::restart_policy, live,
                       "What to do when it exits: always, on-failure or never; empty: never."),
        reflect::field("attachable", &ContainerSpec::attachable, omitempty | recreate,
                       "Run it under a terminal that `kuke attach` can join."),
        reflect::field("tty", &ContainerSpec::tty, omitempty | recreate,
                       "Settings of that terminal; requires attachable."),
    };
  }
  friend bool operator==(const ContainerSpec&, const ContainerSpec&) = default;
};

struct ContainerDoc {
  static constexpr Kind document_kind = Kind::container;

  std::string api_version;
  std::string kind;
  Metadata metadata;
  ContainerSpec spec;
  ContainerStatus status;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("apiVersion", &ContainerDoc::api_version, always, "v1beta1, or empty."),
        reflect::field("kind", &ContainerDoc::kind, required, "Container."),
        reflect::field("metadata", &ContainerDoc::metadata, required, "Name and labels."),
        reflect::field("spec", &ContainerDoc::spec, required, "What is wanted."),
        reflect::field("status", &ContainerDoc::status, always | derived, "What is."),
    };
  }
  friend bool operator==(const ContainerDoc&, const ContainerDoc&) = default;
};

struct CellSpec {
  std::string id;
  std::string realm_id;
  std::string space_id;
  std::string stack_id;
  std::string root_container_id;
  std::optional<CellTty> tty;
  reflect::List<ContainerSpec> containers;
  bool auto_delete = false;
  bool nested_cgroup_runtime = false;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("id", &CellSpec::id, immutable,
                       "Part of the containerd ids of the cell; empty on create: the name."),
        reflect::field("realmId", &CellSpec::realm_id, required | immutable,
                       "Name of the realm it belongs to."),
        reflect::field("spaceId", &CellSpec::space_id, required | immutable,
                       "Name of the space it belongs to."),
        reflect::field("stackId", &CellSpec::stack_id, required | immutable,
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
    };
  }
  friend bool operator==(const CellSpec&, const CellSpec&) = default;
};

struct CellDoc {
  static constexpr Kind document_kind = Kind::cell;

  std::string api_version;
  std::string kind;
  Metadata metadata;
  CellSpec spec;
  CellStatus status;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("apiVersion", &CellDoc::api_version, always, "v1beta1, or empty."),
        reflect::field("kind", &CellDoc::kind, required, "Cell."),
        reflect::field("metadata", &CellDoc::metadata, required, "Name and labels."),
        reflect::field("spec", &CellDoc::spec, required, "What is wanted."),
        reflect::field("status", &CellDoc::status, always | derived, "What is."),
    };
  }
  friend bool operator==(const CellDoc&, const CellDoc&) = default;
};

// A document to fill: every list that is always written, and the labels, are empty instead of null.
// apiVersion and kind stay empty; a cell's state is Unknown, a container's Pending (model.md §1).
CellDoc new_cell_doc();
ContainerDoc new_container_doc();
// A copy with the same treatment of null lists.
CellDoc new_cell_doc(const CellDoc& from);
ContainerDoc new_container_doc(const ContainerDoc& from);

}  // namespace kukeon::v1beta1

template <>
struct kukeon::reflect::Labels<kukeon::v1beta1::SpaceState> {
  static constexpr std::string_view what = "space state";
  static constexpr std::array<std::string_view, 4> words{"Pending", "Ready", "Failed", "Unknown"};
};

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/model/container.h"
#include "kukeon/model/names.h"
#include "kukeon/model/resources.h"
#include "kukeon/model/shared.h"

namespace kukeon::model {

// The documents have no Creating and no Deleting here (v1beta1::SpaceState).
enum class SpaceState { pending, creating, ready, deleting, failed, unknown };

struct EgressAllowRule {
  std::string host;
  std::string cidr;
  reflect::List<std::int64_t> ports;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("host", &EgressAllowRule::host, omitempty,
                       "DNS name, resolved when the policy is applied; either this or cidr."),
        reflect::field("cidr", &EgressAllowRule::cidr, omitempty,
                       "Network in CIDR notation; either this or host."),
        reflect::field("ports", &EgressAllowRule::ports, omitempty,
                       "TCP ports, 1 to 65535; none: any port."),
    };
  }
  friend bool operator==(const EgressAllowRule&, const EgressAllowRule&) = default;
};

struct EgressPolicy {
  std::string default_action;
  reflect::List<EgressAllowRule> allow;

  // Whether the default is deny; throws invalid_argument for a word other than allow and deny.
  bool denies() const;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("default", &EgressPolicy::default_action, always,
                       "allow or deny, for traffic that no rule names; empty: allow."),
        reflect::field("allow", &EgressPolicy::allow, omitempty, "What may be reached."),
    };
  }
  friend bool operator==(const EgressPolicy&, const EgressPolicy&) = default;
};

struct SpaceNetwork {
  std::optional<EgressPolicy> egress;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("egress", &SpaceNetwork::egress, omitempty | live,
                       "What cells of the space may reach outside."),
    };
  }
  friend bool operator==(const SpaceNetwork&, const SpaceNetwork&) = default;
};

struct SpaceContainerDefaults {
  std::string user;
  std::optional<bool> read_only_root_filesystem;
  std::optional<ContainerCapabilities> capabilities;
  reflect::StringList security_opts;
  reflect::List<ContainerTmpfsMount> tmpfs;
  std::optional<ContainerResources> resources;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("user", &SpaceContainerDefaults::user, omitempty,
                       "User of containers that name none."),
        reflect::field("readOnlyRootFilesystem", &SpaceContainerDefaults::read_only_root_filesystem,
                       omitempty, "true makes every root file system of the space read-only."),
        reflect::field("capabilities", &SpaceContainerDefaults::capabilities, omitempty,
                       "Capabilities of containers that say nothing about them."),
        reflect::field("securityOpts", &SpaceContainerDefaults::security_opts, omitempty,
                       "Security options of containers without any."),
        reflect::field("tmpfs", &SpaceContainerDefaults::tmpfs, omitempty,
                       "Memory file systems of containers without any."),
        reflect::field("resources", &SpaceContainerDefaults::resources, omitempty,
                       "Limits of containers that set none."),
    };
  }
  friend bool operator==(const SpaceContainerDefaults&, const SpaceContainerDefaults&) = default;
};

struct SpaceDefaults {
  std::optional<SpaceContainerDefaults> container;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("container", &SpaceDefaults::container, omitempty | live,
                       "Values for container fields left unset."),
    };
  }
  friend bool operator==(const SpaceDefaults&, const SpaceDefaults&) = default;
};

struct SpaceSpec {
  std::string realm_name;
  std::string cni_config_path;
  std::optional<SpaceNetwork> network;
  std::optional<SpaceDefaults> defaults;
  std::optional<CgroupResources> resources;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("realmId", &SpaceSpec::realm_name, required | immutable,
                       "Name of the realm it belongs to."),
        reflect::field("cniConfigPath", &SpaceSpec::cni_config_path, omitempty | immutable,
                       "Path of the network's conflist; filled in by the daemon when empty."),
        reflect::field("network", &SpaceSpec::network, omitempty | live,
                       "Rules for the space's network; none: unconstrained."),
        reflect::field("defaults", &SpaceSpec::defaults, omitempty | live,
                       "Defaults for what lives in the space."),
        reflect::field("resources", &SpaceSpec::resources, omitempty | live,
                       "Limits of all that lives in the space together."),
    };
  }
  friend bool operator==(const SpaceSpec&, const SpaceSpec&) = default;
};

struct SpaceStatus : Lifecycle {
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
        Lifecycle::fields());
  }
  friend bool operator==(const SpaceStatus&, const SpaceStatus&) = default;
};

struct Space {
  Metadata metadata;
  SpaceSpec spec;
  SpaceStatus status;

  Path path() const { return {.realm = spec.realm_name, .space = metadata.name}; }

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("metadata", &Space::metadata, always, "Name and labels."),
        reflect::field("spec", &Space::spec, always, "What is wanted."),
        reflect::field("status", &Space::status, always | derived, "What is."),
    };
  }
  friend bool operator==(const Space&, const Space&) = default;
};

}  // namespace kukeon::model

template <>
struct kukeon::reflect::Labels<kukeon::model::SpaceState> {
  static constexpr std::string_view what = "space state";
  static constexpr std::array<std::string_view, 6> words{"Pending",  "Creating", "Ready",
                                                         "Deleting", "Failed",   "Unknown"};
};

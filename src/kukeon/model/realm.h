// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/model/names.h"
#include "kukeon/model/resources.h"
#include "kukeon/model/shared.h"

namespace kukeon::model {

enum class RealmState { pending, creating, ready, deleting, failed, unknown };

struct RegistryCredentials {
  std::string username;
  std::string password;
  std::string server_address;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("username", &RegistryCredentials::username, always, "User name."),
        reflect::field("password", &RegistryCredentials::password, always | secret,
                       "Password or token; kept and returned in clear."),
        reflect::field("serverAddress", &RegistryCredentials::server_address, omitempty,
                       "Registry it is for; empty: whichever an image reference names."),
    };
  }
  friend bool operator==(const RegistryCredentials&, const RegistryCredentials&) = default;
};

struct RealmSpec {
  std::string containerd_namespace;
  reflect::List<RegistryCredentials> registry_credentials;
  std::optional<CgroupResources> resources;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("namespace", &RealmSpec::containerd_namespace, immutable,
                       "containerd namespace; empty on create: <name>.kukeon.io."),
        // The list is compared whole, so its row hides the passwords in it.
        reflect::field("registryCredentials", &RealmSpec::registry_credentials,
                       omitempty | live | secret, "Credentials for pulling images."),
        reflect::field("resources", &RealmSpec::resources, omitempty | live,
                       "Limits of all that lives in the realm together."),
    };
  }
  friend bool operator==(const RealmSpec&, const RealmSpec&) = default;
};

struct RealmStatus : Lifecycle {
  RealmState state = RealmState::pending;
  std::string cgroup_path;
  reflect::StringList subtree_controllers;
  bool containerd_namespace_ready = false;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple_cat(
        std::tuple{
            reflect::field("state", &RealmStatus::state, always | derived, "State of the realm."),
            reflect::field("cgroupPath", &RealmStatus::cgroup_path, omitempty | derived,
                           "Its cgroup, below the cgroup mount."),
            reflect::field("subtreeControllers", &RealmStatus::subtree_controllers,
                           omitempty | derived, "Controllers its cgroup hands on."),
        },
        Lifecycle::fields(),
        std::tuple{
            reflect::field("containerdNamespaceReady", &RealmStatus::containerd_namespace_ready,
                           omitempty | derived,
                           "Whether the containerd namespace was there at the last look."),
        });
  }
  friend bool operator==(const RealmStatus&, const RealmStatus&) = default;
};

struct Realm {
  Metadata metadata;
  RealmSpec spec;
  RealmStatus status;

  Path path() const { return {.realm = metadata.name}; }

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("metadata", &Realm::metadata, always, "Name and labels."),
        reflect::field("spec", &Realm::spec, always, "What is wanted."),
        reflect::field("status", &Realm::status, always | derived, "What is."),
    };
  }
  friend bool operator==(const Realm&, const Realm&) = default;
};

}  // namespace kukeon::model

template <>
struct kukeon::reflect::Labels<kukeon::model::RealmState> {
  static constexpr std::string_view what = "realm state";
  static constexpr std::array<std::string_view, 6> words{"Pending",  "Creating", "Ready",
                                                         "Deleting", "Failed",   "Unknown"};
};

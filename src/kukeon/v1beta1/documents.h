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

using Version = std::string;  // v1beta1, or empty for the same
inline constexpr std::string_view api_version_v1beta1 = "v1beta1";

// The words of the states, for who prints or compares them.
namespace states {
inline constexpr std::string_view pending = "Pending";
inline constexpr std::string_view ready = "Ready";
inline constexpr std::string_view stopped = "Stopped";
inline constexpr std::string_view paused = "Paused";
inline constexpr std::string_view pausing = "Pausing";
inline constexpr std::string_view failed = "Failed";
inline constexpr std::string_view unknown = "Unknown";
inline constexpr std::string_view creating = "Creating";
inline constexpr std::string_view deleting = "Deleting";
inline constexpr std::string_view not_created = "NotCreated";
inline constexpr std::string_view exited = "Exited";
inline constexpr std::string_view error = "Error";
inline constexpr std::string_view degraded = "Degraded";
}  // namespace states

using model::CellNetworkStatus;
using model::CellSpec;
using model::CellState;
using model::CellStatus;
using model::CellTty;
using model::ContainerCapabilities;
using model::ContainerResources;
using model::ContainerSecret;
using model::ContainerSpec;
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
using model::SpaceSpec;
using model::StackSpec;
using model::StackState;
using model::StackStatus;
using model::TtyStage;
using model::VolumeMount;

enum class SpaceState { pending, ready, failed, unknown };

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

// A document: its heading, and the three parts that the model knows too.
template <Kind kind_, class Spec_, class Status_>
struct Doc {
  static constexpr Kind document_kind = kind_;

  Version api_version;
  std::string kind;
  Metadata metadata;
  Spec_ spec;
  Status_ status;

  static constexpr auto fields() {
    using enum reflect::Tag;
    // A realm may be its name and no more.
    constexpr reflect::Tags spec_tags = kind_ == Kind::realm ? always : required;
    return std::tuple{
        reflect::field("apiVersion", &Doc::api_version, always, "v1beta1; empty means the same."),
        reflect::field("kind", &Doc::kind, required, "Which kind of document this is."),
        reflect::field("metadata", &Doc::metadata, required, "Name and labels."),
        reflect::field("spec", &Doc::spec, spec_tags, "What is wanted."),
        reflect::field("status", &Doc::status, always | derived, "What is; the daemon writes it."),
    };
  }
  friend bool operator==(const Doc&, const Doc&) = default;
};

using RealmDoc = Doc<Kind::realm, RealmSpec, RealmStatus>;
using SpaceDoc = Doc<Kind::space, SpaceSpec, SpaceStatus>;
using StackDoc = Doc<Kind::stack, StackSpec, StackStatus>;
using CellDoc = Doc<Kind::cell, CellSpec, CellStatus>;
using ContainerDoc = Doc<Kind::container, ContainerSpec, ContainerStatus>;

// The state as a person should read it: the exact one where it is told.
template <class Status>
std::string_view state_word(const Status& status) {
  if constexpr (requires { status.exact_state; }) {
    if (!status.exact_state.empty()) return status.exact_state;
  }
  return reflect::label(status.state);
}

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

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

enum class StackState { pending, ready, failed, unknown };

struct StackSpec {
  std::string id;
  std::string realm_name;
  std::string space_name;
  std::optional<CgroupResources> resources;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("id", &StackSpec::id, live, "Free identifier; empty on create: the name."),
        reflect::field("realmId", &StackSpec::realm_name, required | immutable,
                       "Name of the realm it belongs to."),
        reflect::field("spaceId", &StackSpec::space_name, required | immutable,
                       "Name of the space it belongs to."),
        reflect::field("resources", &StackSpec::resources, omitempty | live,
                       "Limits of all that lives in the stack together."),
    };
  }
  friend bool operator==(const StackSpec&, const StackSpec&) = default;
};

struct StackStatus : Lifecycle {
  StackState state = StackState::pending;
  std::string cgroup_path;
  reflect::StringList subtree_controllers;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple_cat(
        std::tuple{
            reflect::field("state", &StackStatus::state, always | derived, "State of the stack."),
            reflect::field("cgroupPath", &StackStatus::cgroup_path, always | derived,
                           "Its cgroup, below the cgroup mount."),
            reflect::field("subtreeControllers", &StackStatus::subtree_controllers,
                           omitempty | derived, "Controllers its cgroup hands on."),
        },
        Lifecycle::fields());
  }
  friend bool operator==(const StackStatus&, const StackStatus&) = default;
};

struct Stack {
  Metadata metadata;
  StackSpec spec;
  StackStatus status;

  Path path() const {
    return {.realm = spec.realm_name, .space = spec.space_name, .stack = metadata.name};
  }

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("metadata", &Stack::metadata, always, "Name and labels."),
        reflect::field("spec", &Stack::spec, always, "What is wanted."),
        reflect::field("status", &Stack::status, always | derived, "What is."),
    };
  }
  friend bool operator==(const Stack&, const Stack&) = default;
};

}  // namespace kukeon::model

template <>
struct kukeon::reflect::Labels<kukeon::model::StackState> {
  static constexpr std::string_view what = "stack state";
  static constexpr std::array<std::string_view, 4> words{"Pending", "Ready", "Failed", "Unknown"};
};

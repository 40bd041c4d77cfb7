// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "kukeon/base/timestamp.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

// Structs for the tests of this folder: the shape of a v1beta1 cell (model.md §1), and one with a
// member of every type.
namespace kukeon::reflect::testing {

enum class CellState { pending, ready, stopped, failed, unknown };

struct Metadata {
  std::string name;
  Labelset labels;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{
        field("name", &Metadata::name, always, "Name."),
        field("labels", &Metadata::labels, always, "Labels."),
    };
  }
  bool operator==(const Metadata&) const = default;
};

struct Stage {
  std::string script;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{field("script", &Stage::script, omitempty, "Shell text.")};
  }
  bool operator==(const Stage&) const = default;
};

struct Tty {
  std::string prompt;
  List<Stage> on_init;
  std::string log_file;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{
        field("prompt", &Tty::prompt, omitempty, "Prompt."),
        field("onInit", &Tty::on_init, omitempty, "Scripts."),
        field("logFile", &Tty::log_file, omitempty, "Log."),
    };
  }
  bool operator==(const Tty&) const = default;
};

struct Container {
  std::string id;
  std::string containerd_id;
  std::string realm_id;
  std::string space_id;
  std::string stack_id;
  std::string cell_id;
  bool root = false;
  std::string image;
  std::string command;
  StringList args;
  StringList env;
  StringList ports;
  StringList volumes;
  StringList networks;
  StringList networks_aliases;
  bool privileged = false;
  std::string user;
  std::optional<std::int64_t> memory_limit_bytes;
  std::string restart_policy;
  bool attachable = false;
  std::optional<Tty> tty;

  static constexpr auto fields() {
    using enum Tag;
    using C = Container;
    return std::tuple{
        field("id", &C::id, always, "."),
        field("containerdId", &C::containerd_id, omitempty, "."),
        field("realmId", &C::realm_id, always, "."),
        field("spaceId", &C::space_id, always, "."),
        field("stackId", &C::stack_id, always, "."),
        field("cellId", &C::cell_id, always, "."),
        field("root", &C::root, omitempty, "."),
        field("image", &C::image, always | recreate, "."),
        field("command", &C::command, always, "."),
        field("args", &C::args, always, "."),
        field("env", &C::env, always, "."),
        field("ports", &C::ports, always, "."),
        field("volumes", &C::volumes, always, "."),
        field("networks", &C::networks, always, "."),
        field("networksAliases", &C::networks_aliases, always, "."),
        field("privileged", &C::privileged, always, "."),
        field("user", &C::user, omitempty, "."),
        field("memoryLimitBytes", &C::memory_limit_bytes, omitempty, "."),
        field("restartPolicy", &C::restart_policy, always, "."),
        field("attachable", &C::attachable, omitempty, "."),
        field("tty", &C::tty, omitempty, "."),
    };
  }
  bool operator==(const Container&) const = default;
};

struct CellSpec {
  std::string id;
  std::string realm_id;
  std::string space_id;
  std::string stack_id;
  std::string root_container_id;
  List<Container> containers;
  bool auto_delete = false;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{
        field("id", &CellSpec::id, always, "."),
        field("realmId", &CellSpec::realm_id, always | immutable, "."),
        field("spaceId", &CellSpec::space_id, always, "."),
        field("stackId", &CellSpec::stack_id, always, "."),
        field("rootContainerId", &CellSpec::root_container_id, omitempty, "."),
        field("containers", &CellSpec::containers, always, "."),
        field("autoDelete", &CellSpec::auto_delete, omitempty | live, "."),
    };
  }
  bool operator==(const CellSpec&) const = default;
};

struct Network {
  std::string bridge_name;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{field("bridgeName", &Network::bridge_name, omitempty, ".")};
  }
  bool operator==(const Network&) const = default;
};

struct ContainerStatus {
  std::string name;
  std::string id;
  CellState state = CellState::pending;
  int restart_count = 0;
  Timestamp restart_time;
  Timestamp start_time;
  Timestamp finish_time;
  int exit_code = 0;
  std::string exit_signal;

  static constexpr auto fields() {
    using enum Tag;
    using S = ContainerStatus;
    return std::tuple{
        field("name", &S::name, always, "."),
        field("id", &S::id, always, "."),
        field("state", &S::state, always, "."),
        field("restartCount", &S::restart_count, always, "."),
        field("restartTime", &S::restart_time, always, "."),
        field("startTime", &S::start_time, always, "."),
        field("finishTime", &S::finish_time, always, "."),
        field("exitCode", &S::exit_code, always, "."),
        field("exitSignal", &S::exit_signal, always, "."),
    };
  }
  bool operator==(const ContainerStatus&) const = default;
};

struct CellStatus {
  CellState state = CellState::pending;
  std::string cgroup_path;
  StringList subtree_controllers;
  Network network;
  List<ContainerStatus> containers;
  bool ready_observed = false;
  Timestamp created_at;
  Timestamp updated_at;
  Timestamp ready_at;
  std::string reason;

  static constexpr auto fields() {
    using enum Tag;
    using S = CellStatus;
    return std::tuple{
        field("state", &S::state, always, "."),
        field("cgroupPath", &S::cgroup_path, always, "."),
        field("subtreeControllers", &S::subtree_controllers, omitempty, "."),
        field("network", &S::network, omitempty, "."),
        field("containers", &S::containers, always, "."),
        field("readyObserved", &S::ready_observed, omitempty, "."),
        field("createdAt", &S::created_at, omitempty, "."),
        field("updatedAt", &S::updated_at, omitempty, "."),
        field("readyAt", &S::ready_at, omitempty, "."),
        field("reason", &S::reason, omitempty, "."),
    };
  }
  bool operator==(const CellStatus&) const = default;
};

struct Cell {
  std::string api_version;
  std::string kind;
  Metadata metadata;
  CellSpec spec;
  CellStatus status;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{
        field("apiVersion", &Cell::api_version, always, "."),
        field("kind", &Cell::kind, always, "."),
        field("metadata", &Cell::metadata, always, "."),
        field("spec", &Cell::spec, always, "."),
        field("status", &Cell::status, always | Tag::derived, "."),
    };
  }
  bool operator==(const Cell&) const = default;
};

// One member of every type that encode() and decode() know.
struct Everything {
  bool yes = false;
  std::int64_t wide = 0;
  std::int32_t narrow = 0;
  std::uint32_t mode = 0;
  std::uint64_t huge = 0;
  double real = 0;
  std::string text;
  Timestamp time;
  CellState state = CellState::pending;
  Bytes bytes;
  std::optional<std::int64_t> maybe;
  std::optional<bool> maybe_yes;
  std::optional<Stage> maybe_stage;
  StringList words;
  List<int> numbers;
  List<StringList> table;
  List<Stage> stages;
  Labelset labels;
  Map<List<int>> groups;
  Map<Stage> named;
  Network nested;
  JsonText raw;
  std::string password;

  static constexpr auto fields() {
    using enum Tag;
    using E = Everything;
    return std::tuple{
        field("yes", &E::yes, always, "."),
        field("wide", &E::wide, always, "."),
        field("narrow", &E::narrow, always, "."),
        field("mode", &E::mode, always, "."),
        field("huge", &E::huge, always, "."),
        field("real", &E::real, always, "."),
        field("text", &E::text, always, "."),
        field("time", &E::time, always, "."),
        field("state", &E::state, always, "."),
        field("bytes", &E::bytes, always, "."),
        field("maybe", &E::maybe, always, "."),
        field("maybeYes", &E::maybe_yes, omitempty, "."),
        field("maybeStage", &E::maybe_stage, omitempty, "."),
        field("words", &E::words, always, "."),
        field("numbers", &E::numbers, always, "."),
        field("table", &E::table, omitempty, "."),
        field("stages", &E::stages, always, "."),
        field("labels", &E::labels, always, "."),
        field("groups", &E::groups, omitempty, "."),
        field("named", &E::named, always, "."),
        field("nested", &E::nested, always, "."),
        field("raw", &E::raw, always, "."),
        field("password", &E::password, omitempty | secret, "."),
    };
  }
  bool operator==(const Everything&) const = default;
};

}  // namespace kukeon::reflect::testing

template <>
struct kukeon::reflect::Labels<kukeon::reflect::testing::CellState> {
  static constexpr std::string_view what = "cell state";
  static constexpr std::array<std::string_view, 5> words{"Pending", "Ready", "Stopped", "Failed",
                                                         "Unknown"};
};

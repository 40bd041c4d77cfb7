// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "kukeon/api/method.h"
#include "kukeon/base/timestamp.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

namespace kukeon::api {

// Whether the daemon answers. Its reply has no Result.
struct Ping {
  static constexpr std::string_view name = "Ping";
  using Request = EmptyRequest;
  struct Reply {
    using Answer = Reply;

    bool ok = false;
    std::string version{};
    std::optional<WireError> err{};

    static Reply of(Answer answer) { return answer; }
    Answer take() && { return std::move(*this); }

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("OK", &Reply::ok, always, "True."),
          reflect::field("Version", &Reply::version, always, "Build of the daemon."),
          reflect::field("Err", &Reply::err, always, "Null."),
      };
    }
    bool operator==(const Reply&) const = default;
  };
};

// Reads the state of everything from the runtime and stores it.
struct RefreshAll {
  static constexpr std::string_view name = "RefreshAll";
  using Request = EmptyRequest;
  struct Result {
    reflect::StringList realms_found{};
    reflect::StringList spaces_found{};
    reflect::StringList stacks_found{};
    reflect::StringList cells_found{};
    reflect::StringList containers_found{};
    reflect::StringList realms_updated{};
    reflect::StringList spaces_updated{};
    reflect::StringList stacks_updated{};
    reflect::StringList cells_updated{};
    reflect::StringList containers_updated{};
    reflect::StringList errors{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("RealmsFound", &Result::realms_found, always, "Every realm."),
          reflect::field("SpacesFound", &Result::spaces_found, always, "Every space."),
          reflect::field("StacksFound", &Result::stacks_found, always, "Every stack."),
          reflect::field("CellsFound", &Result::cells_found, always, "Every cell."),
          reflect::field("ContainersFound", &Result::containers_found, always, "Every container."),
          reflect::field("RealmsUpdated", &Result::realms_updated, always,
                         "Realms whose status changed."),
          reflect::field("SpacesUpdated", &Result::spaces_updated, always,
                         "Spaces whose status changed."),
          reflect::field("StacksUpdated", &Result::stacks_updated, always,
                         "Stacks whose status changed."),
          reflect::field("CellsUpdated", &Result::cells_updated, always,
                         "Cells whose status changed."),
          reflect::field("ContainersUpdated", &Result::containers_updated, always,
                         "Containers whose status changed."),
          reflect::field("Errors", &Result::errors, always, "What could not be refreshed."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// What became of one document of a manifest.
struct AppliedResource {
  std::int64_t index = 0;
  std::string kind{};
  std::string name{};
  std::string action{};
  std::string error{};
  reflect::StringList changes{};
  reflect::Labelset details{};

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("Index", &AppliedResource::index, always,
                       "Position of the document, from 0; -1: pruned."),
        reflect::field("Kind", &AppliedResource::kind, always, "Kind of the document."),
        reflect::field("Name", &AppliedResource::name, always, "Name."),
        reflect::field("Action", &AppliedResource::action, always,
                       "created, updated, unchanged, failed; with prune deleted."),
        reflect::field("Error", &AppliedResource::error, always, "Why it failed, else empty."),
        reflect::field("Changes", &AppliedResource::changes, always, "The fields that changed."),
        reflect::field("Details", &AppliedResource::details, always, "Field to description."),
    };
  }
  bool operator==(const AppliedResource&) const = default;
};

// Makes the host look like the documents (wire.md §7).
struct ApplyDocuments {
  static constexpr std::string_view name = "ApplyDocuments";
  struct Request {
    reflect::Bytes raw_yaml{};
    std::string validate{};  // ours, as the rest
    std::string plan{};
    std::string set{};
    bool prune = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("RawYAML", &Request::raw_yaml, always, "Documents, separated by `---`."),
          reflect::field("Validate", &Request::validate, omitempty,
                         "What unknown fields are: strict, warn or ignore; empty: the daemon's."),
          reflect::field("Plan", &Request::plan, omitempty,
                         "Hash of the plan to carry out; with another plan nothing is done."),
          reflect::field("Set", &Request::set, omitempty, "Name of the set they belong to."),
          reflect::field("Prune", &Request::prune, omitempty,
                         "Delete what the set declared before and does not now."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    reflect::List<AppliedResource> resources{};
    reflect::StringList warnings{};  // ours

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Resources", &Result::resources, always, "One entry a document."),
          reflect::field("Warnings", &Result::warnings, omitempty, "Unknown fields, with warn."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Ours: what the daemon stands on and how much it keeps.
struct Status {
  static constexpr std::string_view name = "Status";
  using Request = EmptyRequest;
  struct Result {
    std::string version{};
    std::int64_t pid = 0;
    std::string run_path{};
    std::string socket{};
    std::string containerd_socket{};
    std::string containerd_version{};
    bool containerd_supervised = false;
    std::string oci_runtime{};
    std::string cgroup_layout{};
    std::int64_t realms = 0;
    std::int64_t spaces = 0;
    std::int64_t stacks = 0;
    std::int64_t cells = 0;
    std::int64_t containers = 0;
    Timestamp started_at{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Version", &Result::version, always, "Build of the daemon."),
          reflect::field("Pid", &Result::pid, always, "Of the daemon."),
          reflect::field("RunPath", &Result::run_path, always, "Its run path."),
          reflect::field("Socket", &Result::socket, always,
                         "Where it listens; empty for a private daemon."),
          reflect::field("ContainerdSocket", &Result::containerd_socket, always,
                         "Which containerd it uses."),
          reflect::field("ContainerdVersion", &Result::containerd_version, always,
                         "Of that containerd."),
          reflect::field("ContainerdSupervised", &Result::containerd_supervised, always,
                         "The daemon started it itself."),
          reflect::field("OciRuntime", &Result::oci_runtime, always, "runc or crun."),
          reflect::field("CgroupLayout", &Result::cgroup_layout, always, "v2 or hybrid."),
          reflect::field("Realms", &Result::realms, always, "How many."),
          reflect::field("Spaces", &Result::spaces, always, "How many."),
          reflect::field("Stacks", &Result::stacks, always, "How many."),
          reflect::field("Cells", &Result::cells, always, "How many."),
          reflect::field("Containers", &Result::containers, always, "How many."),
          reflect::field("StartedAt", &Result::started_at, always, "When the daemon started."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Ours: every object on the host that belongs to this instance.
struct Inventory {
  static constexpr std::string_view name = "Inventory";
  using Request = EmptyRequest;
  struct Result {
    reflect::StringList objects{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Objects", &Result::objects, always, "What is there, one line an object."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// What became of one realm of a Teardown.
struct TornDownRealm {
  std::string name{};
  std::string containerd_namespace{};
  std::string error{};

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("Name", &TornDownRealm::name, always, "Name."),
        reflect::field("Namespace", &TornDownRealm::containerd_namespace, always,
                       "Its containerd namespace."),
        reflect::field("Error", &TornDownRealm::error, always, "Why it failed, else empty."),
    };
  }
  bool operator==(const TornDownRealm&) const = default;
};

// Ours: removes every object of this instance from the host.
struct Teardown {
  static constexpr std::string_view name = "Teardown";
  using Request = EmptyRequest;
  struct Result {
    reflect::List<TornDownRealm> realms{};
    reflect::StringList objects{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realms", &Result::realms, always, "One entry a realm."),
          reflect::field("Objects", &Result::objects, always,
                         "What is left over; empty when all went well."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};
}  // namespace kukeon::api

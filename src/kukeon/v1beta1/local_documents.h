// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/model/cell.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

// Documents that stay files on the machine of whoever wrote them: the daemon refuses to apply them
// (model.md 3.8).
namespace kukeon::v1beta1 {

struct LocalMetadata {
  std::string name;
  reflect::Labelset labels;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("name", &LocalMetadata::name, always, "Name of the document."),
        reflect::field("labels", &LocalMetadata::labels, omitempty, "Free keys and values."),
    };
  }
  friend bool operator==(const LocalMetadata&, const LocalMetadata&) = default;
};

template <class Spec_>
struct LocalDoc {
  static constexpr std::string_view kind_word = Spec_::kind_word;

  std::string api_version;
  std::string kind;
  LocalMetadata metadata;
  Spec_ spec;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("apiVersion", &LocalDoc::api_version, always, "v1beta1; empty: the same."),
        // An empty kind is tolerated in the two configurations, as the reference does.
        reflect::field("kind", &LocalDoc::kind, Spec_::needs_kind ? required : always,
                       "Which kind of document this is."),
        reflect::field("metadata", &LocalDoc::metadata, always, "Name and labels."),
        reflect::field("spec", &LocalDoc::spec, always, "What it says."),
    };
  }
  friend bool operator==(const LocalDoc&, const LocalDoc&) = default;
};

struct CellProfileParameter {
  std::string name;
  std::string description;
  std::optional<std::string> default_value;  // none and "" differ
  bool required = false;

  static constexpr auto fields() {
    using enum reflect::Tag;
    using P = CellProfileParameter;
    return std::tuple{
        reflect::field("name", &P::name, reflect::Tag::required,
                       "Letters, digits and _, not a digit first; stands as ${NAME} in the cell."),
        reflect::field("description", &P::description, omitempty, "What to pass for it."),
        reflect::field("default", &P::default_value, omitempty,
                       "Value where none is passed; without one the environment is asked."),
        reflect::field("required", &P::required, omitempty,
                       "Whether it is an error that no value is found; else it is empty."),
    };
  }
  friend bool operator==(const CellProfileParameter&, const CellProfileParameter&) = default;
};

struct CellProfileSpec {
  static constexpr std::string_view kind_word = "CellProfile";
  static constexpr bool needs_kind = true;

  std::string realm;
  std::string space;
  std::string stack;
  std::string prefix;
  reflect::List<CellProfileParameter> parameters;
  model::CellSpec cell;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("realm", &CellProfileSpec::realm, omitempty, "Realm of the cells."),
        reflect::field("space", &CellProfileSpec::space, omitempty, "Space of the cells."),
        reflect::field("stack", &CellProfileSpec::stack, omitempty, "Stack of the cells."),
        reflect::field("prefix", &CellProfileSpec::prefix, omitempty,
                       "What the cells' names begin with; empty: the name of the profile."),
        reflect::field("parameters", &CellProfileSpec::parameters, omitempty,
                       "What a caller may set."),
        reflect::field("cell", &CellProfileSpec::cell, required,
                       "The cell to make; its id must be empty."),
    };
  }
  friend bool operator==(const CellProfileSpec&, const CellProfileSpec&) = default;
};

struct ServerConfigurationSpec {
  static constexpr std::string_view kind_word = "ServerConfiguration";
  static constexpr bool needs_kind = false;

  std::string socket;
  std::int64_t socket_gid = 0;
  std::string run_path;
  std::string containerd_socket;
  std::string log_level;
  std::string reconcile_interval;
  std::string kukeond_image;
  std::string namespace_suffix;
  std::string cgroup_root;
  std::string pod_subnet_cidr;
  std::int64_t default_memory_limit_bytes = 0;
  std::string manifest_validation;
  std::string restart_backoff_floor;
  std::string restart_backoff_cap;
  std::string restart_stable_after;

  static constexpr auto fields() {
    using enum reflect::Tag;
    using S = ServerConfigurationSpec;
    return std::tuple{
        reflect::field("socket", &S::socket, omitempty,
                       "Where the daemon listens; empty: /run/kukeon/kukeond.sock."),
        reflect::field("socketGID", &S::socket_gid, omitempty,
                       "Group that may connect; 0: the group kukeon."),
        reflect::field("runPath", &S::run_path, omitempty,
                       "Where the daemon keeps its state; empty: /opt/kukeon."),
        reflect::field("containerdSocket", &S::containerd_socket, omitempty,
                       "Socket of containerd; empty: /run/containerd/containerd.sock."),
        reflect::field("logLevel", &S::log_level, omitempty,
                       "debug, info, warn or error; empty: info."),
        reflect::field("reconcileInterval", &S::reconcile_interval, omitempty,
                       "Pause between passes over everything, as 30s; empty: 30s, 0: none."),
        reflect::field("kukeondImage", &S::kukeond_image, omitempty,
                       "Read and not used: the daemon is a program of the host."),
        reflect::field("containerdNamespaceSuffix", &S::namespace_suffix, omitempty,
                       "End of every realm's containerd namespace; empty: kukeon.io."),
        reflect::field("cgroupRoot", &S::cgroup_root, omitempty,
                       "Cgroup that holds all realms; empty: /kukeon."),
        reflect::field("podSubnetCIDR", &S::pod_subnet_cidr, omitempty,
                       "Addresses that spaces are cut from; empty: 10.88.0.0/16."),
        reflect::field("defaultMemoryLimitBytes", &S::default_memory_limit_bytes, omitempty,
                       "Memory limit of a container that has none of its own; 0: none."),
        reflect::field("manifestValidation", &S::manifest_validation, omitempty,
                       "What unknown fields of a manifest are: strict (an error), warn or ignore; "
                       "empty: strict."),
        reflect::field("restartBackoffFloor", &S::restart_backoff_floor, omitempty,
                       "Pause before the second restart of a container in a row, doubled each "
                       "time; empty: 100ms."),
        reflect::field("restartBackoffCap", &S::restart_backoff_cap, omitempty,
                       "Longest pause before a restart, where a container does not set its own; "
                       "empty: 30s."),
        reflect::field("restartStableAfter", &S::restart_stable_after, omitempty,
                       "How long a container must run for its restarts to be forgotten; empty: "
                       "10s."),
    };
  }
  friend bool operator==(const ServerConfigurationSpec&, const ServerConfigurationSpec&) = default;
};

struct ClientConfigurationSpec {
  static constexpr std::string_view kind_word = "ClientConfiguration";
  static constexpr bool needs_kind = false;

  std::string host;
  std::string run_path;
  std::string containerd_socket;
  std::string log_level;

  static constexpr auto fields() {
    using enum reflect::Tag;
    using S = ClientConfigurationSpec;
    return std::tuple{
        reflect::field("host", &S::host, omitempty,
                       "Endpoint of the daemon; empty: unix:///run/kukeon/kukeond.sock."),
        reflect::field("runPath", &S::run_path, omitempty,
                       "State directory, for work without a daemon; empty: /opt/kukeon."),
        reflect::field("containerdSocket", &S::containerd_socket, omitempty,
                       "Socket of containerd, for work without a daemon; empty: "
                       "/run/containerd/containerd.sock."),
        reflect::field("logLevel", &S::log_level, omitempty,
                       "Level of --verbose: debug, info, warn or error; empty: info."),
    };
  }
  friend bool operator==(const ClientConfigurationSpec&, const ClientConfigurationSpec&) = default;
};

using CellProfile = LocalDoc<CellProfileSpec>;
using ServerConfiguration = LocalDoc<ServerConfigurationSpec>;
using ClientConfiguration = LocalDoc<ClientConfigurationSpec>;

}  // namespace kukeon::v1beta1

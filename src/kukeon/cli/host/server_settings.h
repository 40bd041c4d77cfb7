// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/cli/settings.h"

namespace kukeon::cli {

inline constexpr std::string_view default_server_configuration = "/etc/kukeon/kukeond.yaml";

// Flags of the commands that act on the daemon as a process of this host.
struct ServerFlags {
  std::optional<std::string> configuration{};
  std::optional<std::string> namespace_suffix{};
  std::optional<std::string> cgroup_root{};
  std::optional<std::string> pod_subnet_cidr{};

  // Only --server-configuration: `daemon *`, `uninstall`.
  void describe_configuration(Args& args);
  // All of them: `init`.
  void describe(Args& args);
};

// How kukeond runs on this host: flag, else environment, else server file, else default (cli.md 3).
struct ServerSettings {
  std::string configuration;  // path of the file
  bool has_configuration = false;
  std::string socket;
  std::string run_path;
  std::string containerd_socket;
  std::string namespace_suffix;
  std::string cgroup_root;
  std::string pod_subnet_cidr;
  std::string log_level;
  std::string reconcile_interval;   // empty: the default
  std::string socket_gid;           // empty: the default
  std::string manifest_validation;  // empty: the default
  // Pauses of restarts, from a millisecond to a day.
  std::chrono::milliseconds restart_backoff_floor{100};
  std::chrono::milliseconds restart_backoff_cap{30'000};
  std::chrono::milliseconds restart_stable_after{10'000};
  std::int64_t default_memory_limit_bytes = 0;

  std::string host() const { return "unix://" + socket; }
  std::string socket_directory() const;
  std::string pid_file() const;
  std::string log_file() const;
  // Whether this is the instance of the default paths: the one that has the host's systemd unit and
  // owns the host's kukeon user.
  bool is_default() const;

  // The command line of the daemon.
  std::vector<std::string> serve_command(long gid) const;

  // Throws where a value could not work: suffix and cgroup root (runtime.md 1.2).
  void validate() const;

  // The file that `init` leaves where there is none: the settings in force, defaults commented out.
  std::string to_configuration() const;
};

ServerSettings load_server_settings(const ServerFlags& flags, const GlobalFlags& globals);

// Throws unless we are root: "command must run as root: …".
void require_root(std::string_view command, std::string_view reason);

}  // namespace kukeon::cli

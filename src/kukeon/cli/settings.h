// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace kukeon::cli {

class Args;

inline constexpr const char* default_host = "unix:///run/kukeon/kukeond.sock";
inline constexpr const char* default_run_path = "/opt/kukeon";
inline constexpr const char* default_containerd_socket = "/run/containerd/containerd.sock";

// The flags that every command accepts (cli.md 2). Unset is not empty: it lets the environment
// speak.
struct GlobalFlags {
  std::optional<std::string> configuration{};
  std::optional<std::string> run_path{};
  std::optional<std::string> containerd_socket{};
  std::optional<std::string> host{};
  std::optional<std::string> log_level{};
  bool no_daemon = false;
  bool verbose = false;

  void describe(Args& args);
};

// What those flags come to: flag, else environment, else configuration file, else default (cli.md
// 3).
struct Settings {
  std::string run_path;
  std::string containerd_socket;
  std::string host;
  std::string log_level;
  bool no_daemon = false;
  bool verbose = false;
};

// Reads the configuration file; writes the commented template where the default file is absent.
Settings load_settings(const GlobalFlags& flags);

// nullopt where the variable is not set; set but empty is a value.
std::optional<std::string> environment(const char* variable);

}  // namespace kukeon::cli

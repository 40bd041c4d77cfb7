// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/host/server_settings.h"

#include <unistd.h>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/kukeond_program.h"
#include "kukeon/reflect/yaml.h"
#include "kukeon/v1beta1/local_documents.h"
#include "kukeon/v1beta1/parse.h"

namespace kukeon::cli {
namespace {

constexpr std::string_view default_socket = "/run/kukeon/kukeond.sock";
constexpr std::string_view default_namespace_suffix = "kukeon.io";
constexpr std::string_view default_cgroup_root = "/kukeon";
constexpr std::string_view default_pod_subnet_cidr = "10.88.0.0/16";
constexpr std::string_view unix_scheme = "unix://";

using v1beta1::ServerConfiguration;
using ServerSpec = v1beta1::ServerConfigurationSpec;

std::optional<ServerSpec> read_configuration(const std::string& path) {
  constexpr std::string_view prefix = "load server configuration: ";
  constexpr std::string_view invalid = "server configuration is invalid";
  std::optional<std::string> text;
  try {
    text = read_file_if_exists(path, std::size_t{1} << 20);
  } catch (const Error& error) {
    throw Error{error.kind(), fmt::format("{}read server configuration {}: {}: {}", prefix,
                                          quote(path), invalid, error.what())};
  }
  if (!text) return std::nullopt;
  ServerConfiguration document;
  try {
    document = reflect::from_yaml<ServerConfiguration>(*text, reflect::UnknownFields::ignore);
  } catch (const Error& error) {
    throw Error{error.kind(), fmt::format("{}parse server configuration {}: {}: {}", prefix,
                                          quote(path), invalid, error.what())};
  }
  if (!document.kind.empty() && document.kind != ServerConfiguration::kind_word) {
    throw Error{
        kinds::invalid_argument,
        fmt::format("{}server configuration {} has kind {}, want \"ServerConfiguration\": {}",
                    prefix, quote(path), quote(document.kind), invalid)};
  }
  return document.spec;
}

// Flag, else environment (set but empty: the default), else file, else default.
std::string choose(const std::optional<std::string>& flag, const char* variable,
                   const std::string& from_file, std::string_view fallback) {
  if (flag) return *flag;
  if (const auto value = environment(variable)) {
    return value->empty() ? std::string{fallback} : *value;
  }
  return from_file.empty() ? std::string{fallback} : from_file;
}

// A pause that the file sets.
void set_pause(std::chrono::milliseconds& pause, std::string_view field, const std::string& text) {
  using namespace std::chrono_literals;
  if (text.empty()) return;
  std::string why = "is out of range";
  try {
    const auto value = std::chrono::duration_cast<std::chrono::milliseconds>(parse_duration(text));
    if (value >= 1ms && value <= 24h) {
      pause = value;
      return;
    }
  } catch (const Error& error) {
    why = error.message();
  }
  throw Error{kinds::invalid_argument,
              fmt::format("server configuration is invalid: spec.{} {}: {} (a duration from 1ms to"
                          " 24h, as 500ms or 30s)",
                          field, quote(text), why)};
}

// The socket path of a `--host` or KUKEON_HOST, which a daemon of this host has to have.
std::optional<std::string> socket_of_host(const std::optional<std::string>& host) {
  if (!host || host->empty()) return std::nullopt;
  if (!host->starts_with(unix_scheme) || host->size() == unix_scheme.size()) {
    throw Error{kinds::unsupported_scheme,
                fmt::format("{}: {} (a daemon of this host has unix://<path>)",
                            kinds::unsupported_scheme.text, quote(*host))};
  }
  return host->substr(unix_scheme.size());
}

}  // namespace

void ServerFlags::describe_configuration(Args& args) {
  args.flag(
      "--server-configuration", configuration,
      fmt::format("Configuration file of kukeond (default {})", default_server_configuration));
}

void ServerFlags::describe(Args& args) {
  describe_configuration(args);
  args.flag("--containerd-namespace-suffix", namespace_suffix,
            fmt::format("End of every realm's containerd namespace (default {})",
                        default_namespace_suffix));
  args.flag("--cgroup-root", cgroup_root,
            fmt::format("Cgroup that holds all realms (default {})", default_cgroup_root));
  args.flag(
      "--pod-subnet-cidr", pod_subnet_cidr,
      fmt::format("Addresses that spaces are cut from (default {})", default_pod_subnet_cidr));
}

std::string ServerSettings::socket_directory() const { return fs::path{socket}.parent_path(); }
std::string ServerSettings::pid_file() const {
  return fs::path{socket}.parent_path() / "kukeond.pid";
}
std::string ServerSettings::log_file() const { return fs::path{run_path} / "kukeond.log"; }

bool ServerSettings::is_default() const {
  return socket == default_socket && run_path == default_run_path;
}

std::vector<std::string> ServerSettings::serve_command(long gid) const {
  std::vector<std::string> argv{kukeond_program(),
                                "serve",
                                "--socket",
                                socket,
                                "--socket-gid",
                                fmt::to_string(gid),
                                "--run-path",
                                run_path,
                                "--containerd-socket",
                                containerd_socket,
                                "--containerd-namespace-suffix",
                                namespace_suffix,
                                "--cgroup-root",
                                cgroup_root,
                                "--pod-subnet-cidr",
                                pod_subnet_cidr};
  if (has_configuration && configuration != default_server_configuration) {
    argv.insert(argv.end(), {"--configuration", configuration});
  }
  return argv;
}

void ServerSettings::validate() const {
  const auto refuse = [](std::string why) {
    throw Error{kinds::invalid_argument,
                fmt::format("configure runtime: {}: server configuration is invalid", why)};
  };
  try {
    v1beta1::parse_validation(manifest_validation);
  } catch (const Error& error) {
    refuse(error.message());
  }
  if (default_memory_limit_bytes < 0) {
    refuse(fmt::format("default memory limit {} must not be negative", default_memory_limit_bytes));
  }
  const std::string& suffix = namespace_suffix;
  if (suffix.empty() || suffix.front() == '.' || suffix.back() == '.' ||
      suffix.find_first_of("/ \t\n") != std::string::npos) {
    refuse(
        fmt::format("containerd namespace suffix {} must not be empty, begin or end with a dot, "
                    "or contain a slash or a blank",
                    quote(suffix)));
  }
  if (!cgroup_root.starts_with('/') || cgroup_root.find_first_not_of('/') == std::string::npos) {
    refuse(fmt::format("cgroup root {} must be an absolute path below /", quote(cgroup_root)));
  }
  for (const auto& [what, path] : {std::pair{"run path", &run_path}, {"socket", &socket}}) {
    if (!path->starts_with('/')) {
      refuse(fmt::format("{} {} must be an absolute path", what, quote(*path)));
    }
  }
}

std::string ServerSettings::to_configuration() const {
  std::string text =
      "# Written by kuke init. Settings of kukeond; what stands behind # is the default.\n"
      "apiVersion: v1beta1\n"
      "kind: ServerConfiguration\n"
      "metadata:\n"
      "    name: default\n"
      "spec:\n";
  bool any = false;
  const auto line = [&](std::string_view key, std::string_view value, std::string_view fallback) {
    const bool is_default_value = value == fallback;
    any = any || !is_default_value;
    text += fmt::format("    {}{}: {}\n", is_default_value ? "# " : "", key, value);
  };
  line("socket", socket, default_socket);
  line("runPath", run_path, default_run_path);
  line("containerdSocket", containerd_socket, default_containerd_socket);
  line("logLevel", log_level, "info");
  line("containerdNamespaceSuffix", namespace_suffix, default_namespace_suffix);
  line("cgroupRoot", cgroup_root, default_cgroup_root);
  line("podSubnetCIDR", pod_subnet_cidr, default_pod_subnet_cidr);
  line("defaultMemoryLimitBytes", fmt::to_string(default_memory_limit_bytes), "0");
  text += "    # reconcileInterval: 30s\n";
  return text;
}

ServerSettings load_server_settings(const ServerFlags& flags, const GlobalFlags& globals) {
  ServerSettings settings;
  settings.configuration = flags.configuration
                               ? *flags.configuration
                               : environment("KUKE_INIT_SERVER_CONFIGURATION")
                                     .value_or(std::string{default_server_configuration});
  const auto spec = read_configuration(settings.configuration);
  settings.has_configuration = spec.has_value();
  const ServerSpec file = spec.value_or(ServerSpec{});

  auto socket = socket_of_host(globals.host);
  if (!socket) socket = environment("KUKEOND_SOCKET");
  if (!socket || socket->empty()) socket = socket_of_host(environment("KUKEON_HOST"));
  settings.socket = choose(socket, "", file.socket, default_socket);
  settings.run_path = choose(globals.run_path, "KUKEON_RUN_PATH", file.run_path, default_run_path);
  settings.containerd_socket = choose(globals.containerd_socket, "KUKEON_CONTAINERD_SOCKET",
                                      file.containerd_socket, default_containerd_socket);
  settings.namespace_suffix = choose(flags.namespace_suffix, "KUKEON_NAMESPACE_SUFFIX",
                                     file.namespace_suffix, default_namespace_suffix);
  settings.cgroup_root =
      choose(flags.cgroup_root, "KUKEON_CGROUP_ROOT", file.cgroup_root, default_cgroup_root);
  settings.pod_subnet_cidr = choose(flags.pod_subnet_cidr, "KUKEON_POD_SUBNET_CIDR",
                                    file.pod_subnet_cidr, default_pod_subnet_cidr);
  settings.reconcile_interval = file.reconcile_interval;
  settings.socket_gid = file.socket_gid > 0 ? fmt::to_string(file.socket_gid) : "";
  settings.manifest_validation = file.manifest_validation;
  set_pause(settings.restart_backoff_floor, "restartBackoffFloor", file.restart_backoff_floor);
  set_pause(settings.restart_backoff_cap, "restartBackoffCap", file.restart_backoff_cap);
  set_pause(settings.restart_stable_after, "restartStableAfter", file.restart_stable_after);
  settings.default_memory_limit_bytes = file.default_memory_limit_bytes;
  settings.log_level = choose(globals.log_level, "KUKEON_LOG_LEVEL", file.log_level, "info");
  return settings;
}

void require_root(std::string_view command, std::string_view reason) {
  if (::geteuid() == 0) return;
  throw Error{
      kinds::permission_denied,
      fmt::format("command must run as root: `{}` {}; try `sudo {}`", command, reason, command)};
}

}  // namespace kukeon::cli

// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/settings.h"

#include <cstdlib>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/reflect/yaml.h"
#include "kukeon/v1beta1/local_documents.h"

namespace kukeon::cli {
namespace {

using v1beta1::ClientConfiguration;
using ClientSpec = v1beta1::ClientConfigurationSpec;

constexpr std::string_view configuration_template =
    R"(# Defaults of the kuke command line. Flags and the environment win over this file.
apiVersion: v1beta1
kind: ClientConfiguration
metadata:
    name: default
spec:
    # host: unix:///run/kukeon/kukeond.sock
    # runPath: /opt/kukeon
    # containerdSocket: /run/containerd/containerd.sock
    # logLevel: info
)";

void write_template(const fs::path& path) noexcept {
  try {
    make_directories(path.parent_path(), 0750);
    write_file_atomically(path, configuration_template, 0600);
  } catch (const std::exception&) {  // cli.md 3.1: a convenience, never an obstacle
  }
}

ClientSpec read_configuration(const fs::path& path, bool is_default) {
  constexpr std::string_view prefix = "load client configuration: ";
  constexpr std::string_view invalid = "client configuration is invalid";
  const std::string name = quote(path.string());
  std::optional<std::string> text;
  try {
    text = read_file_if_exists(path, std::size_t{1} << 20);
  } catch (const Error& error) {
    throw Error{error.kind(), fmt::format("{}read client configuration {}: {}: {}", prefix, name,
                                          invalid, error.what())};
  }
  if (!text) {
    if (is_default) write_template(path);
    return {};
  }
  ClientConfiguration document;
  try {
    document = reflect::from_yaml<ClientConfiguration>(*text, reflect::UnknownFields::ignore);
  } catch (const Error& error) {
    throw Error{error.kind(), fmt::format("{}parse client configuration {}: {}: {}", prefix, name,
                                          invalid, error.what())};
  }
  if (!document.kind.empty() && document.kind != ClientConfiguration::kind_word) {
    throw Error{
        kinds::invalid_argument,
        fmt::format("{}client configuration {} has kind {}, want \"ClientConfiguration\": {}",
                    prefix, name, quote(document.kind), invalid)};
  }
  return document.spec;
}

std::string choose(const std::optional<std::string>& flag, const char* variable,
                   const std::string& from_file, std::string_view fallback) {
  if (flag) return *flag;
  if (const auto value = environment(variable)) {
    return value->empty() ? std::string{fallback} : *value;
  }
  return from_file.empty() ? std::string{fallback} : from_file;
}

}  // namespace

std::optional<std::string> environment(const char* variable) {
  const char* value = ::getenv(variable);
  if (value == nullptr) return std::nullopt;
  return value;
}

void GlobalFlags::describe(Args& args) {
  args.flag("--configuration", configuration,
            "Client configuration file (default ~/.kuke/kuke.yaml)");
  args.flag(
      "--run-path", run_path,
      fmt::format("State directory, for work without a daemon (default {})", default_run_path));
  args.flag("--containerd-socket", containerd_socket,
            fmt::format("Socket of containerd, for work without a daemon (default {})",
                        default_containerd_socket));
  args.flag("--host", host, fmt::format("Endpoint of the daemon (default {})", default_host));
  args.flag("--no-daemon", no_daemon, "Do the work in a private daemon for this one command");
  args.flag("-v, --verbose", verbose, "Write log lines to standard error");
  args.flag("--log-level", log_level, "With --verbose: debug, info, warn or error (default info)");
}

Settings load_settings(const GlobalFlags& flags) {
  const auto named = flags.configuration ? flags.configuration : environment("KUKE_CONFIGURATION");
  const auto home = environment("HOME");
  ClientSpec file;
  if (named && !named->empty()) {
    file = read_configuration(*named, false);
  } else if (home && !home->empty()) {
    file = read_configuration(fs::path{*home} / ".kuke" / "kuke.yaml", true);
  }

  Settings settings;
  settings.run_path = choose(flags.run_path, "KUKEON_RUN_PATH", file.run_path, default_run_path);
  settings.containerd_socket = choose(flags.containerd_socket, "KUKEON_CONTAINERD_SOCKET",
                                      file.containerd_socket, default_containerd_socket);
  settings.host = choose(flags.host, "KUKEON_HOST", file.host, default_host);
  settings.log_level = choose(flags.log_level, "KUKEON_LOG_LEVEL", file.log_level, "info");
  settings.no_daemon = flags.no_daemon;
  settings.verbose = flags.verbose;
  return settings;
}

}  // namespace kukeon::cli

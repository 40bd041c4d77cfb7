// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "apps/serve.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/host/server_settings.h"
#include "kukeon/containerd/containerd.h"
#include "kukeon/runtime/step_runtime.h"

namespace {

using namespace kukeon;

constexpr const char* help =
    "kukeond keeps realms, spaces, stacks and cells of this host as their documents say.\n"
    "\n"
    "Usage:\n"
    "  kukeond serve [flags]    serve the unix socket, in the foreground\n"
    "  kukeond stdio [flags]    serve one connection on standard input and output\n"
    "  kukeond version          print the version\n"
    "\n"
    "Flags:\n"
    "      --socket PATH                         where to listen (default "
    "/run/kukeon/kukeond.sock); its\n"
    "                                            directory holds pinned namespaces and other state "
    "of this boot\n"
    "      --socket-gid GID                      group that may connect (default 0: root alone)\n"
    "      --run-path DIR                        state that survives a reboot (default "
    "/opt/kukeon)\n"
    "      --containerd-socket PATH              containerd to use (default "
    "/run/containerd/containerd.sock);\n"
    "                                            where none answers, kukeond runs its own\n"
    "      --configuration FILE                  settings (default /etc/kukeon/kukeond.yaml)\n"
    "      --log-level LEVEL                     debug, info, warn or error (default info)\n"
    "      --reconcile-interval DURATION         pause between passes over everything (default "
    "30s; 0: off)\n"
    "      --containerd-namespace-suffix SUFFIX  end of every realm's containerd namespace "
    "(default kukeon.io)\n"
    "      --cgroup-root PATH                    cgroup that holds all realms (default /kukeon)\n"
    "      --pod-subnet-cidr CIDR                addresses that spaces are cut from (default "
    "10.88.0.0/16)\n"
    "\n"
    "A flag wins over its environment variable (KUKEOND_SOCKET, KUKEOND_SOCKET_GID, "
    "KUKEON_RUN_PATH, …), that\n"
    "over the configuration file. SIGTERM stops the daemon; cells go on running and are found "
    "again.\n";

struct Flags {
  cli::ServerFlags server;
  cli::GlobalFlags global;
  std::optional<std::string> socket;
  std::optional<std::string> socket_gid;
  std::optional<std::string> reconcile_interval;
};

void describe(cli::Args& args, Flags& flags) {
  args.flag("--socket", flags.socket, "");
  args.flag("--socket-gid", flags.socket_gid, "");
  args.flag("--run-path", flags.global.run_path, "");
  args.flag("--containerd-socket", flags.global.containerd_socket, "");
  args.flag("--configuration", flags.server.configuration, "");
  args.flag("--log-level", flags.global.log_level, "");
  args.flag("--reconcile-interval", flags.reconcile_interval, "");
  args.flag("--containerd-namespace-suffix", flags.server.namespace_suffix, "");
  args.flag("--cgroup-root", flags.server.cgroup_root, "");
  args.flag("--pod-subnet-cidr", flags.server.pod_subnet_cidr, "");
}

std::chrono::seconds reconcile_interval(const std::string& text) {
  try {
    return std::chrono::duration_cast<std::chrono::seconds>(cli::parse_duration(text));
  } catch (const Error& error) {
    log::warn("reconcile interval not understood, 30s is used",
              {{"value", text}, {"cause", error.what()}});
    return std::chrono::seconds{30};
  }
}

// kukepause stands beside us, as it is built and installed.
fs::path pause_binary() {
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path() / "kukepause";
  if (fs::exists(beside)) return beside;
  throw Error{
      kinds::not_found,
      fmt::format("{} is missing: kukeond and kukepause are installed together", beside.string())};
}

apps::Options options_of(const Flags& flags, bool is_private) {
  cli::GlobalFlags global = flags.global;
  if (flags.socket) global.host = "unix://" + *flags.socket;
  const cli::ServerSettings settings = cli::load_server_settings(flags.server, global);
  settings.validate();

  apps::Options options;
  options.socket = settings.socket;
  options.containerd_socket = settings.containerd_socket;
  options.manifest_validation = v1beta1::parse_validation(settings.manifest_validation);
  engine::Config& config = options.engine;
  config.run_path = settings.run_path;
  config.runtime_dir = fs::path{settings.socket}.parent_path();
  config.namespace_suffix = settings.namespace_suffix;
  config.cgroup_root = settings.cgroup_root;
  config.pod_subnet = network::Subnet::parse(settings.pod_subnet_cidr);
  config.default_memory_limit_bytes = settings.default_memory_limit_bytes;
  config.pause_binary = pause_binary();
  config.restarts.floor = settings.restart_backoff_floor;
  config.restarts.cap = settings.restart_backoff_cap;
  config.restarts.stable = settings.restart_stable_after;

  // A private daemon works on what is there: it takes the instance's own names where it is not told
  // others.
  if (const auto instance = is_private ? engine::read_instance(config.run_path) : std::nullopt) {
    if (!flags.server.namespace_suffix) config.namespace_suffix = instance->namespace_suffix;
    if (!flags.server.cgroup_root) config.cgroup_root = instance->cgroup_root;
    if (!flags.socket && !instance->runtime_dir.empty()) config.runtime_dir = instance->runtime_dir;
  }

  const std::string gid = flags.socket_gid.value_or(
      cli::environment("KUKEOND_SOCKET_GID").value_or(settings.socket_gid));
  const auto number = gid.empty() ? std::optional<std::int64_t>{0} : parse_integer(gid);
  if (!number || *number < 0 || *number > 0x7fffffff) {
    throw Error{kinds::usage,
                fmt::format("invalid argument {} for \"--socket-gid\" flag: a group id"
                            " is a number from 0 to 2147483647",
                            quote(gid))};
  }
  config.group = static_cast<gid_t>(*number);
  std::string interval = flags.reconcile_interval.value_or(
      cli::environment("KUKEOND_RECONCILE_INTERVAL").value_or(settings.reconcile_interval));
  config.reconcile_interval = reconcile_interval(interval.empty() ? "30s" : interval);
  // A private daemon's stderr is the terminal of a `kuke`: there only what is wrong is said, unless
  // asked for.
  const bool quiet = is_private && !flags.global.log_level;
  log::set_sink(quiet ? log::Level::error : log::parse_level(settings.log_level),
                [](log::Level level, const std::string& line) {
                  static constexpr spdlog::level::level_enum levels[] = {
                      spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                      spdlog::level::err};
                  spdlog::log(levels[static_cast<int>(level)], "{}", line);
                });
  return options;
}

std::unique_ptr<runtime::Runtime> connect(const fs::path& socket, const std::string& oci_runtime,
                                          const fs::path& runtime_dir) {
  containerd::Options options;
  options.socket = socket;
  options.oci_runtime = oci_runtime;
  options.streams = runtime_dir / "streams";
  return std::make_unique<runtime::StepRuntime>(containerd::connect(options));
}

// time=… level=… msg… on stderr, whatever the level (cli.md 8).
void set_up_log() {
  auto logger = spdlog::stderr_logger_mt("kukeond");
  logger->set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::debug);
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

int run(const std::vector<std::string>& words) {
  Flags flags;
  cli::Args args;
  describe(args, flags);
  const cli::Args none;
  const cli::Parsed parsed = cli::parse_flags(args, none, words);
  if (parsed.help || parsed.words.empty() || parsed.words[0] == "help") {
    fmt::print("{}", help);
    return 0;
  }
  const std::string& verb = parsed.words[0];
  if (parsed.words.size() > 1) {
    throw Error{kinds::usage,
                fmt::format("unknown command {} for \"kukeond {}\"", quote(parsed.words[1]), verb)};
  }
  if (verb == "version") {
    fmt::print("{}\n", KUKEON_VERSION);
    return 0;
  }
  if (verb != "serve" && verb != "stdio") {
    throw Error{kinds::usage, fmt::format("unknown command {} for \"kukeond\"", quote(verb))};
  }
  if (::geteuid() != 0) {
    throw Error{
        kinds::permission_denied,
        fmt::format("command must run as root: `kukeond {}` makes namespaces, bridges and cgroups;"
                    " try `sudo kukeond {}`",
                    verb, verb)};
  }
  set_up_log();
  const apps::Options options = options_of(flags, verb == "stdio");
  verb == "serve" ? apps::serve(options, connect) : apps::serve_private(options, connect);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "Error: {}\n", error.what());
    return 1;
  }
}

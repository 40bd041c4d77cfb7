// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/context.h"
#include "kukeon/cli/host/accounts.h"
#include "kukeon/cli/host/daemon_control.h"
#include "kukeon/cli/host/run_paths.h"
#include "kukeon/cli/host/server_settings.h"
#include "kukeon/cli/kukeond_program.h"

namespace kukeon::cli {
namespace {

using namespace std::chrono_literals;

std::string stop_text(const DaemonControl::StopResult& stopped) {
  using enum DaemonControl::Stopped;
  switch (stopped.how) {
    case absent:
      return "absent";
    case stale:
      return "stale pid file";
    case gracefully:
      return fmt::format("stopped (pid {})", stopped.pid);
    case by_force:
      return fmt::format("force-killed (pid {})", stopped.pid);
  }
  return "absent";
}

class Uninstall : public Command {
  bool yes_ = false;
  bool failed_ = false;
  ServerFlags server_;

  void describe(Args& args) override {
    args.flag("-y, --yes", yes_, "Do not ask");
    server_.describe_configuration(args);
  }

  void run(Context& context) override {
    require_root("kuke uninstall", "removes kukeon's objects from this host");
    const ServerSettings settings = load_server_settings(server_, context.flags());
    settings.validate();
    if (!yes_) confirm(context.terminal(), settings);
    require_ours(settings.run_path);
    require_ours(settings.socket_directory());

    context.print("kuke uninstall:");
    DaemonControl daemon{settings};
    daemon.remove_unit();
    context.print("  - kukeond: {}", stop_text(daemon.stop(5s)));
    const bool purged = tear_down(context, settings);
    if (purged) {
      for (const std::string& directory : {settings.socket_directory(), settings.run_path}) {
        unmount(context, directory);
      }
    }
    remove_rest(context, settings, purged);
    if (failed_)
      throw Error{kinds::failed_precondition, "uninstall: not everything could be removed"};
  }

  static void confirm(Terminal& terminal, const ServerSettings& settings) {
    terminal.print(
        fmt::format("This removes from this host:\n"
                    "  - the daemon kukeond\n"
                    "  - every realm with its cells, containers, networks and images\n"
                    "  - {}\n"
                    "  - {}\n"
                    "{}",
                    settings.socket_directory(), settings.run_path,
                    settings.is_default() ? "  - user and group kukeon\n" : ""));
    while (true) {
      terminal.print("Are you sure? (yes/no) ");
      terminal.flush();
      const auto line = terminal.read_line();
      if (!line) throw Error{kinds::cancelled, "read confirmation: EOF"};
      const std::string answer = to_lower_ascii(trim(*line));
      if (answer == "y" || answer == "yes") return;
      if (answer.empty() || answer == "n" || answer == "no") {
        terminal.print("Aborted.\n");
        throw Error{kinds::cancelled, "uninstall aborted"};
      }
    }
  }

  // Everything that only an engine can find: containers, networks, firewall, cgroups. Returns
  // whether every realm's namespace is gone.
  bool tear_down(Context& context, const ServerSettings& settings) {
    std::error_code error;
    if (!fs::exists(settings.run_path, error)) return true;
    try {
      const auto result = [&] {
        const Progress progress{context.terminal(), "removing realms"};
        return private_daemon(settings.run_path, settings.containerd_socket)
            ->call<api::Teardown>({});
      }();
      bool all = true;
      for (const api::TornDownRealm& realm : result.realms) {
        all = all && realm.error.empty();
        context.print("  - realm {} (namespace {}): {}", quote(realm.name),
                      quote(realm.containerd_namespace),
                      realm.error.empty() ? "purged" : "FAILED: " + realm.error);
      }
      for (const std::string& object : result.objects) {
        failed_ = true;
        context.print("  - {}: left over", object);
      }
      failed_ = failed_ || !all;
      return all;
    } catch (const Error& cause) {
      failed_ = true;
      context.print("  - realms: FAILED: {}", cause.what());
      return false;
    }
  }

  void unmount(Context& context, const std::string& directory) {
    for (const Unmounted& mount : unmount_below(directory)) {
      failed_ = failed_ || !mount.error.empty();
      context.print("  - mount {}: {}", mount.path,
                    mount.error.empty() ? "unmounted" : "still busy: " + mount.error);
    }
  }

  void remove_rest(Context& context, const ServerSettings& settings, bool purged) {
    const auto report = [&](const std::string& what, auto&& remove) {
      const std::string outcome = purged ? remove() : "skipped (realm purge failed)";
      failed_ = failed_ || outcome.starts_with("remove failed");
      context.print("  - {}: {}", what, outcome);
    };
    const bool has_our_configuration =
        settings.has_configuration &&
        read_file(settings.configuration) == settings.to_configuration();
    report(settings.socket_directory(),
           [&] { return remove_directory(settings.socket_directory()); });
    report(settings.run_path, [&] { return remove_directory(settings.run_path); });
    if (settings.is_default()) {
      report(fmt::format("user \"{}\"", account_name), remove_user);
      report(fmt::format("group \"{}\"", account_name), remove_group);
    }
    if (has_our_configuration && purged) {
      std::error_code ignored;
      fs::remove(settings.configuration, ignored);
      fs::remove(fs::path{settings.configuration}.parent_path(), ignored);  // only when empty
      context.print("  - {}: removed", settings.configuration);
    }
    if (!purged) {
      context.print(
          "  filesystem + user/group cleanup skipped: residual containerd namespace "
          "prevented teardown");
    }
  }
};

const Register<Uninstall> registered{{
    .path = "uninstall",
    .summary = "Remove everything kukeon made on this host",
    .about =
        R"(Stops the daemon, deletes every realm with what is inside, and removes networks, firewall rules,
cgroups, mounts, the run path, and the user and group kukeon. The programs stay.)",
    .examples = "sudo kuke uninstall\nsudo kuke uninstall --yes",
}};

}  // namespace
}  // namespace kukeon::cli

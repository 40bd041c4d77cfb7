// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/context.h"
#include "kukeon/cli/follow.h"
#include "kukeon/cli/host/accounts.h"
#include "kukeon/cli/host/daemon_control.h"
#include "kukeon/cli/host/server_settings.h"

namespace kukeon::cli {
namespace {

using namespace std::chrono_literals;
using Stopped = DaemonControl::Stopped;

DaemonControl control_of(const ServerFlags& flags, Context& context) {
  ServerSettings settings = load_server_settings(flags, context.flags());
  settings.validate();
  std::error_code error;
  if (!fs::exists(settings.run_path, error)) {
    throw Error{kinds::failed_precondition,
                fmt::format("kukeon host is not initialized: there is no {}; run `kuke init` first",
                            settings.run_path)};
  }
  return DaemonControl{std::move(settings)};
}

void start(Context& context, DaemonControl& daemon) {
  daemon.start(context.terminal(), static_cast<long>(find_group(account_name).value_or(0)));
  context.print("kukeond started (pid {})", daemon.running_pid().value_or(0));
}

std::string stop_text(const DaemonControl::StopResult& stopped, std::chrono::nanoseconds grace,
                      std::string_view already) {
  if (stopped.how == Stopped::gracefully)
    return fmt::format("kukeond stopped (pid {})", stopped.pid);
  if (stopped.how != Stopped::by_force) return fmt::format("kukeond {} already stopped", already);
  if (grace.count() <= 0) return fmt::format("kukeond force-killed (pid {})", stopped.pid);
  return fmt::format("kukeond force-killed after {}s grace period expired (pid {})",
                     std::chrono::duration<double>{grace}.count(), stopped.pid);
}

DaemonControl::StopResult stop(Context& context, DaemonControl& daemon,
                               std::chrono::nanoseconds grace) {
  const Progress progress{context.terminal(), "stopping kukeond"};
  return daemon.stop(std::chrono::ceil<std::chrono::milliseconds>(grace));
}

class Start : public Command {
  ServerFlags server_;

  void describe(Args& args) override { server_.describe_configuration(args); }

  void run(Context& context) override {
    require_root("kuke daemon start", "starts a process of root");
    DaemonControl daemon = control_of(server_, context);
    if (const auto status = daemon.ask()) {
      return context.print("kukeond is already running (pid {})", status->pid);
    }
    start(context, daemon);
  }
};

class Stop : public Command {
  std::chrono::nanoseconds timeout_ = 10s;
  ServerFlags server_;

  void describe(Args& args) override {
    args.flag("--timeout", timeout_, "Time to end by itself before it is killed");
    server_.describe_configuration(args);
  }

  void run(Context& context) override {
    require_root("kuke daemon stop", "ends a process of root");
    DaemonControl daemon = control_of(server_, context);
    context.print("{}", stop_text(stop(context, daemon, timeout_), timeout_, "is"));
  }
};

class Kill : public Command {
  ServerFlags server_;

  void describe(Args& args) override { server_.describe_configuration(args); }

  void run(Context& context) override {
    require_root("kuke daemon kill", "ends a process of root");
    DaemonControl daemon = control_of(server_, context);
    context.print("{}", stop_text(stop(context, daemon, 0s), 0s, "is"));
  }
};

class Restart : public Command {
  std::chrono::nanoseconds timeout_ = 10s;
  ServerFlags server_;

  void describe(Args& args) override {
    args.flag("--timeout", timeout_, "Time to end by itself before it is killed");
    server_.describe_configuration(args);
  }

  void run(Context& context) override {
    require_root("kuke daemon restart", "starts a process of root");
    DaemonControl daemon = control_of(server_, context);
    context.print("{}", stop_text(stop(context, daemon, timeout_), timeout_, "was"));
    start(context, daemon);
  }
};

class Logs : public Command {
  bool follow_ = false;
  ServerFlags server_;

  void describe(Args& args) override {
    args.flag("-f, --follow", follow_, "Go on as the daemon writes, until Ctrl-C");
    server_.describe_configuration(args);
  }

  void run(Context& context) override {
    const DaemonControl daemon = control_of(server_, context);
    try {
      copy_file(context.terminal(), daemon.settings().log_file(),
                follow_ ? Follow::yes : Follow::no);
    } catch (const Error& error) {
      if (error.os_error() != ENOENT) throw;
      throw Error{
          kinds::not_found,
          fmt::format("kukeond has no log yet: {}; `kuke daemon start` starts it", error.what())};
    }
  }
};

const RegisterGroup group{{
    .path = "daemon",
    .summary = "Start, stop and watch the daemon of this host",
    .about =
        R"(Acts on the process kukeond. Cells go on running while it is stopped or restarted.)",
    .examples = "sudo kuke daemon restart\nsudo kuke daemon logs -f",
}};
const Register<Start> start_daemon{{
    .path = "daemon start",
    .summary = "Start the daemon",
    .examples = "sudo kuke daemon start",
}};
const Register<Stop> stop_daemon{{
    .path = "daemon stop",
    .summary = "Stop the daemon; cells go on running",
    .examples = "sudo kuke daemon stop --timeout 30s",
}};
const Register<Kill> kill_daemon{{
    .path = "daemon kill",
    .summary = "Kill the daemon; cells go on running",
    .examples = "sudo kuke daemon kill",
}};
const Register<Restart> restart_daemon{{
    .path = "daemon restart",
    .summary = "Stop the daemon and start it again",
    .examples = "sudo kuke daemon restart",
}};
const Register<Logs> logs{{
    .path = "daemon logs",
    .summary = "Print the log of the daemon",
    .examples = "sudo kuke daemon logs -f",
    .aliases = "log",
}};

}  // namespace
}  // namespace kukeon::cli

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/timestamp.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/context.h"
#include "kukeon/reflect/json.h"

namespace kukeon::cli {
namespace {

struct Row {
  std::string result;  // OK, WARN or FAIL
  std::string what;
  std::string detail;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("result", &Row::result, always, "OK, WARN or FAIL."),
        reflect::field("check", &Row::what, always, "What was looked at."),
        reflect::field("detail", &Row::detail, always, "What was found."),
    };
  }
};

struct Section {
  std::string name;
  reflect::List<Row> rows;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("name", &Section::name, always, "DAEMON, HOST or STATE."),
        reflect::field("rows", &Section::rows, always, "One entry a check."),
    };
  }
};

struct Report {
  std::string status;
  reflect::List<Section> sections;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("status", &Report::status, always, "OK or FAIL."),
        reflect::field("sections", &Report::sections, always, "What was checked."),
    };
  }
};

std::string age_text(const Timestamp& since) {
  const auto seconds =
      std::max<std::int64_t>(Timestamp::now().unix_seconds - since.unix_seconds, 0);
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} days", seconds / 86400);
}

void add_daemon(Section& section, const Settings& settings, const api::Status::Result& status) {
  section.rows.push_back({"OK", "socket", settings.no_daemon ? "private daemon" : settings.host});
  section.rows.push_back(
      {"OK", "process", fmt::format("pid {}, up {}", status.pid, age_text(status.started_at))});
  const bool same_version = status.version == KUKEON_VERSION;
  section.rows.push_back({same_version ? "OK" : "WARN", "version",
                          same_version ? status.version
                                       : fmt::format("kukeond {}, kuke {}: restart the daemon with "
                                                     "`kuke daemon restart`",
                                                     status.version, KUKEON_VERSION)});
}

void add_host(Section& section, const api::Status::Result& status) {
  if (status.containerd_version.empty()) {
    section.rows.push_back(
        {"FAIL", "containerd", fmt::format("no answer at {}", status.containerd_socket)});
  } else {
    section.rows.push_back(
        {"OK", "containerd",
         fmt::format("{} at {}{}", status.containerd_version, status.containerd_socket,
                     status.containerd_supervised ? ", started by kukeond" : "")});
  }
  section.rows.push_back(
      {status.oci_runtime.empty() ? "WARN" : "OK", "runtime",
       status.oci_runtime.empty() ? "neither crun nor runc was found" : status.oci_runtime});
  section.rows.push_back({status.cgroup_layout.empty() ? "WARN" : "OK", "cgroups",
                          status.cgroup_layout.empty() ? "unknown" : status.cgroup_layout});
}

std::string count(std::int64_t number, std::string_view word) {
  return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s");
}

void add_state(Section& section, const api::Status::Result& status) {
  section.rows.push_back({"OK", "run path", status.run_path});
  section.rows.push_back(
      {"OK", "objects",
       fmt::format("{}, {}, {}, {}, {}", count(status.realms, "realm"),
                   count(status.spaces, "space"), count(status.stacks, "stack"),
                   count(status.cells, "cell"), count(status.containers, "container"))});
}

// What `error` means and what to do about it.
std::string remedy(const Error& error) {
  const std::string_view text = error.what();
  if (text.find("no such file") != text.npos) {
    return fmt::format(
        "{}; `sudo kuke init` sets this host up, `sudo kuke daemon start` starts "
        "the daemon",
        text);
  }
  if (text.find("connection refused") != text.npos) {
    return fmt::format("{}; the daemon died, `sudo kuke daemon start` starts it", text);
  }
  return std::string{text};
}

class StatusCommand : public Command {
  bool json_ = false;

  void describe(Args& args) override { args.flag("--json", json_, "Print JSON"); }

  void run(Context& context) override {
    Report report;
    std::optional<api::Status::Result> status;
    Section daemon{"DAEMON", {}};
    try {
      status = context.call<api::Status>({});
      add_daemon(daemon, context.settings(), *status);
    } catch (const Error& error) {
      if (!error.is(kinds::dial) && !error.is(kinds::rpc)) throw;
      daemon.rows.push_back({"FAIL", "socket", remedy(error)});
    }
    Section host{"HOST", {}};
    Section state{"STATE", {}};
    if (status) {
      add_host(host, *status);
      add_state(state, *status);
    } else {
      host.rows.push_back({"WARN", "containerd", "not checked: the daemon does not answer"});
      state.rows.push_back({"WARN", "objects", "not checked: the daemon does not answer"});
    }
    report.sections.push_back(std::move(daemon));
    report.sections.push_back(std::move(host));
    report.sections.push_back(std::move(state));
    print_report(context, report);
  }

  void print_report(Context& context, Report& report) const {
    std::size_t failures = 0;
    for (const Section& section : report.sections) {
      failures += static_cast<std::size_t>(std::ranges::count(section.rows, "FAIL", &Row::result));
    }
    report.status = failures == 0 ? "OK" : "FAIL";
    if (json_) {
      context.terminal().print(reflect::to_json(report, 2) + "\n");
    } else {
      for (const Section& section : report.sections) {
        context.print("{}", section.name);
        for (const Row& row : section.rows) {
          context.print("  {:<4}  {:<10}  {}", row.result, row.what, row.detail);
        }
      }
      context.print("Status: {}", report.status);
    }
    if (failures > 0) {
      throw Error{kinds::failed_precondition,
                  fmt::format("{} check{} failed", failures, failures == 1 ? "" : "s")};
    }
  }
};

const Register<StatusCommand> registered{{
    .path = "status",
    .summary = "Check the daemon and what it stands on",
    .about =
        R"(Asks the daemon how it is and prints a line a check: OK, WARN or FAIL with what to do. The exit code
is 1 when something failed.)",
    .examples = "kuke status\nkuke status --json",
}};

}  // namespace
}  // namespace kukeon::cli

// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/host/daemon_control.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"
#include "kukeon/client/client.h"

namespace kukeon::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds ready_within = 30s;
constexpr milliseconds ask_every = 50ms;
constexpr milliseconds answer_within = 2s;
constexpr const char* unit_name = "kukeond.service";
constexpr const char* unit_path = "/etc/systemd/system/kukeond.service";

bool systemd_runs() {
  std::error_code error;
  return fs::is_directory("/run/systemd/system", error);  // sd_booted(3)
}

void systemctl(std::vector<std::string> words) {
  kukeon::Command command;
  command.argv = {"systemctl"};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  const Output output = run(command, 90s);
  if (output.exit.ok()) return;
  throw Error{kinds::failed_precondition,
              fmt::format("systemctl {}: {}", join(words, " "), trim(output.err))};
}

long size_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<long>(info.st_size) : 0;
}

// The last lines that were written behind `offset`.
std::vector<std::string> last_lines(const std::string& path, long offset, std::size_t most) {
  constexpr long window = 8 << 10;
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return {};
  const long start = std::max(offset, size_of(path) - window);
  std::string text(window, '\0');
  const ssize_t n = ::pread(file.get(), text.data(), text.size(), start);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  std::vector<std::string> lines;
  for (std::string& line : split(text, '\n')) {
    if (!trim(line).empty()) lines.push_back(std::move(line));
  }
  if (lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<long>(most));
  return lines;
}

std::string comm_of(pid_t pid) {
  try {
    const auto comm = read_file_if_exists(fmt::format("/proc/{}/comm", pid));
    return comm ? std::string{trim(*comm)} : std::string{};
  } catch (const Error&) {  // the process went away in between
    return {};
  }
}

}  // namespace

std::optional<pid_t> DaemonControl::running_pid() const {
  const auto text = read_file_if_exists(settings_.pid_file(), 64);
  if (!text) return std::nullopt;
  const auto pid = parse_integer(trim(*text));
  if (!pid || *pid <= 1 || *pid > 1 << 30) return std::nullopt;
  const auto process = static_cast<pid_t>(*pid);
  if (comm_of(process) != "kukeond")
    return std::nullopt;  // the number was given to another program
  return process;
}

std::optional<api::Status::Result> DaemonControl::ask() const {
  try {
    client::Client client{client::dial(settings_.host(), {.timeout = answer_within})};
    return client.call<api::Status>({}, answer_within);
  } catch (const Error& error) {
    if (error.is(kinds::dial) || error.is(kinds::rpc) || error.is(kinds::deadline_exceeded)) {
      return std::nullopt;
    }
    throw;
  }
}

void DaemonControl::start(Terminal& terminal, long socket_gid) {
  const Progress progress{terminal, "starting kukeond"};
  if (systemd_runs() && settings_.is_default()) {
    start_unit(terminal, socket_gid);
  } else {
    start_process(terminal, socket_gid);
  }
}

void DaemonControl::start_process(Terminal& terminal, long socket_gid) {
  const Fd log = open_file(settings_.log_file(), O_WRONLY | O_CREAT | O_APPEND, 0640);
  const long log_offset = size_of(settings_.log_file());
  kukeon::Command command;
  command.argv = settings_.serve_command(socket_gid);
  command.directory = "/";
  command.new_session = true;
  Process daemon = Process::start(command, {.in = -1, .out = log.get(), .err = log.get()});

  const auto deadline = steady_clock::now() + ready_within;
  while (!ask()) {
    if (const auto exit = daemon.wait(ask_every)) {
      fail_start(terminal, log_offset,
                 fmt::format("kukeond exited with code {} while starting", exit->code));
    }
    if (steady_clock::now() > deadline) {
      daemon.signal(SIGTERM);
      daemon.wait(5s);
      fail_start(terminal, log_offset, "kukeond did not become ready: timed out after 30s");
    }
  }
  (void)daemon.release();
}

void DaemonControl::start_unit(Terminal& terminal, long socket_gid) {
  const long log_offset = size_of(settings_.log_file());
  write_unit(socket_gid);
  systemctl({"daemon-reload"});
  systemctl({"enable", "--quiet", unit_name});
  systemctl({"restart", unit_name});
  const auto deadline = steady_clock::now() + ready_within;
  while (!ask()) {
    ::poll(nullptr, 0, static_cast<int>(ask_every.count()));
    if (steady_clock::now() > deadline) {
      fail_start(terminal, log_offset, "kukeond did not become ready: timed out after 30s");
    }
  }
}

// The earlier lines go out as they are; the last one, which usually is the cause, ends the error.
void DaemonControl::fail_start(Terminal& terminal, long log_offset, const std::string& why) const {
  std::vector<std::string> lines = last_lines(settings_.log_file(), log_offset, 6);
  const std::string cause = lines.empty() ? "it wrote no log" : lines.back();
  if (!lines.empty()) lines.pop_back();
  for (const std::string& line : lines) terminal.complain(fmt::format("  {}\n", line));
  throw Error{kinds::unavailable,
              fmt::format("{}: {} (log: {})", why, cause, settings_.log_file())};
}

bool DaemonControl::has_unit() const {
  std::error_code error;
  return settings_.is_default() && systemd_runs() && fs::exists(unit_path, error);
}

void DaemonControl::write_unit(long socket_gid) const {
  std::string command;
  for (const std::string& word : settings_.serve_command(socket_gid)) {
    command += (command.empty() ? "" : " ") + word;
  }
  // KillMode: the shims of running containers, and our own containerd, must outlive a restart.
  write_file_atomically(unit_path,
                        fmt::format("[Unit]\n"
                                    "Description=kukeon daemon\n"
                                    "After=network.target containerd.service\n"
                                    "\n"
                                    "[Service]\n"
                                    "ExecStart={}\n"
                                    "StandardOutput=append:{}\n"
                                    "StandardError=append:{}\n"
                                    "Restart=on-failure\n"
                                    "KillMode=process\n"
                                    "Delegate=yes\n"
                                    "\n"
                                    "[Install]\n"
                                    "WantedBy=multi-user.target\n",
                                    command, settings_.log_file(), settings_.log_file()),
                        0644);
}

DaemonControl::StopResult DaemonControl::stop(milliseconds grace) {
  const auto pid = running_pid();
  std::error_code ignored;
  const bool had_pid_file = fs::exists(settings_.pid_file(), ignored);
  StopResult result{had_pid_file ? Stopped::stale : Stopped::absent, 0};
  if (pid) {
    const Fd process = open_pidfd(*pid);
    // Looked at again behind the pidfd: from here on the number cannot mean anybody else.
    if (process && comm_of(*pid) == "kukeond") {
      result = {Stopped::gracefully, *pid};
      // The unit is stopped first in any case: systemd would start a daemon that was killed again.
      if (has_unit()) systemctl({"stop", "--no-block", unit_name});
      if (grace == 0ms) result.how = Stopped::by_force;
      if (grace == 0ms || !has_unit()) ::kill(*pid, grace > 0ms ? SIGTERM : SIGKILL);
      if (!wait_for_exit(process, std::max(grace, milliseconds{5s}))) {
        result.how = Stopped::by_force;
        ::kill(*pid, SIGKILL);
        if (!wait_for_exit(process, 5s)) {
          throw Error{kinds::deadline_exceeded,
                      fmt::format("kukeond (pid {}) does not end, not even by SIGKILL", *pid)};
        }
      }
    }
  }
  fs::remove(settings_.pid_file(), ignored);
  if (!ask()) fs::remove(settings_.socket, ignored);
  return result;
}

void DaemonControl::remove_unit() {
  if (!has_unit()) return;
  systemctl({"disable", "--quiet", unit_name});
  std::error_code ignored;
  fs::remove(unit_path, ignored);
  systemctl({"daemon-reload"});
}

}  // namespace kukeon::cli

// SPDX-License-Identifier: Apache-2.0
#include "support/private_containerd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <set>
#include <system_error>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/base/strings.h"

namespace kukeon::support {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds start_time{20};
constexpr seconds stop_time{10};

bool answers(const fs::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket.string();
  if (path.size() >= sizeof address.sun_path) {
    throw Error{kinds::invalid_argument, fmt::format("socket path {} is too long", path)};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  return fd &&
         ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator{"/proc", ignored}) {
    if (const auto pid = parse_integer(entry.path().filename().string())) {
      pids.push_back(static_cast<pid_t>(*pid));
    }
  }
  return pids;
}

// Empty for a process that is gone.
std::vector<std::string> command_line(pid_t pid) {
  try {
    return split(read_file_if_exists(fmt::format("/proc/{}/cmdline", pid)).value_or(""), '\0');
  } catch (const Error&) {  // ESRCH between open and read
    return {};
  }
}

std::string option(const std::vector<std::string>& arguments, std::string_view name) {
  const auto found = std::ranges::find(arguments, name);
  return found == arguments.end() || found + 1 == arguments.end() ? "" : *(found + 1);
}

std::vector<pid_t> children(pid_t pid) {
  std::vector<pid_t> pids;
  std::error_code ignored;
  for (const auto& thread : fs::directory_iterator{fmt::format("/proc/{}/task", pid), ignored}) {
    std::string list;
    try {
      list = read_file_if_exists(thread.path() / "children").value_or("");
    } catch (const Error&) {
      continue;
    }
    for (const std::string& word : split(list, ' ')) {
      if (const auto child = parse_integer(word)) pids.push_back(static_cast<pid_t>(*child));
    }
  }
  return pids;
}

void kill_and_wait(pid_t pid) {
  const Fd pidfd = open_pidfd(pid);
  if (!pidfd || ::kill(pid, SIGKILL) < 0) return;
  if (!wait_for_exit(pidfd, stop_time)) log::warn("process survives SIGKILL", {{"pid", pid}});
}

}  // namespace

std::string unique_name(std::string_view prefix) {
  static std::atomic<int> next{0};
  return fmt::format("{}-{}-{}", prefix, ::getpid(), ++next);
}

void unmount_below(const fs::path& directory) {
  const std::string prefix = fs::canonical(directory).string() + "/";
  std::vector<std::string> points;
  for (const std::string& line : split(read_file("/proc/self/mountinfo"), '\n')) {
    const auto words = split(line, ' ');
    if (words.size() > 4 && words[4].starts_with(prefix)) points.push_back(words[4]);
  }
  // Later mounts lie on top of or below earlier ones.
  for (auto point = points.rbegin(); point != points.rend(); ++point) {
    if (::umount2(point->c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0) {
      log::warn("cannot unmount", {{"path", *point}, {"error", std::strerror(errno)}});
    }
  }
}

std::optional<std::string> PrivateContainerd::unavailable() {
  if (::geteuid() != 0) return "containerd needs root";
  for (const char* program : {"containerd", "runc", "setpriv"}) {
    try {
      Command command;
      command.argv = {program, "--version"};
      run(command, seconds{10});
    } catch (const Error& error) {
      return error.what();
    }
  }
  return std::nullopt;
}

PrivateContainerd::PrivateContainerd() : socket_{directory_.path() / "containerd.sock"} {
  write_config();
  start();
}

PrivateContainerd::~PrivateContainerd() {
  try {
    stop();
    end_shims();
    remove_shared_state();
    unmount_below(directory_.path());
  } catch (...) {
    log::error("private containerd left something behind", {{"error", current_exception_text()}});
  }
}

void PrivateContainerd::write_config() const {
  const std::string dir = directory_.path().string();
  write_file_atomically(directory_.path() / "config.toml",
                        fmt::format(R"(version = 2
root = "{0}/root"
state = "{0}/state"
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.internal.v1.restart",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "{0}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{0}/opt"
)",
                                    dir),
                        0600);
}

void PrivateContainerd::start() {
  if (process_) return;
  const Fd log_file =
      open_file(directory_.path() / "containerd.log", O_WRONLY | O_CREAT | O_APPEND, 0600);
  Command command;
  command.argv = {"setpriv",
                  "--pdeathsig",
                  "KILL",
                  "--",
                  "containerd",
                  "--config",
                  (directory_.path() / "config.toml").string()};
  process_ = Process::start(command, {.in = -1, .out = log_file.get(), .err = log_file.get()});
  const auto deadline = steady_clock::now() + start_time;
  while (!answers(socket_)) {
    // Waiting for its end is also the pause between two looks at the socket.
    if (const auto exit = process_.wait(milliseconds{5})) {
      throw Error{kinds::unavailable,
                  fmt::format("containerd exited with code {}: {}", exit->code, log())};
    }
    if (steady_clock::now() > deadline) {
      throw Error{kinds::deadline_exceeded, fmt::format("containerd does not answer: {}", log())};
    }
  }
}

void PrivateContainerd::stop() {
  if (!process_) return;
  process_.signal(SIGTERM);
  if (!process_.wait(stop_time)) kill();
}

void PrivateContainerd::kill() {
  if (!process_) return;
  process_.signal(SIGKILL);
  process_.wait();
}

std::string PrivateContainerd::log() const {
  return read_file_if_exists(directory_.path() / "containerd.log").value_or("");
}

std::vector<pid_t> PrivateContainerd::shims(std::string_view ns) const {
  std::vector<pid_t> pids;
  for (const pid_t pid : all_processes()) {
    const auto arguments = command_line(pid);
    if (arguments.empty() || !arguments[0].ends_with("containerd-shim-runc-v2")) continue;
    if (option(arguments, "-address") != socket_.string()) continue;
    if (!ns.empty() && option(arguments, "-namespace") != ns) continue;
    pids.push_back(pid);
  }
  return pids;
}

void PrivateContainerd::end_shims() const {
  for (const pid_t shim : shims()) {
    // The shim first: it would start runc for every child that dies, and would outlive its
    // containers.
    const auto containers = children(shim);
    kill_and_wait(shim);
    for (const pid_t container : containers) kill_and_wait(container);
  }
}

void PrivateContainerd::remove_shared_state() const {
  const fs::path tasks = directory_.path() / "state" / "io.containerd.runtime.v2.task";
  const fs::path meta = directory_.path() / "root" / "io.containerd.runtime.v2.task";
  std::error_code ignored;
  for (const auto& ns : fs::directory_iterator{tasks, ignored}) {
    for (const auto& bundle : fs::directory_iterator{ns.path(), ignored}) {
      const std::string address = read_file_if_exists(bundle.path() / "address")
                                      .value_or("");  // unix:///run/containerd/s/…
      constexpr std::string_view scheme = "unix://";
      if (address.starts_with(scheme)) fs::remove(address.substr(scheme.size()), ignored);
    }
  }
  // runc's own state, of the namespaces that we ran tasks in.
  for (const fs::path& parent : {tasks, meta}) {
    for (const auto& ns : fs::directory_iterator{parent, ignored}) {
      fs::remove_all(fs::path{"/run/containerd/runc"} / ns.path().filename(), ignored);
    }
  }
}

}  // namespace kukeon::support

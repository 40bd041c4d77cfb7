// SPDX-License-Identifier: Apache-2.0
#include "kukeon/daemon/containerd_supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"

namespace kukeon::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto start_limit = 30s;

// CRI and the snapshotters for other file systems are nothing to us, and cost start time and
// memory.
std::string configuration(const fs::path& root, const fs::path& state, const fs::path& socket) {
  return fmt::format(
      "version = 2\n"
      "root = \"{}\"\n"
      "state = \"{}\"\n"
      "disabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.cri.v1.images\","
      " \"io.containerd.cri.v1.runtime\", \"io.containerd.internal.v1.opt\","
      " \"io.containerd.internal.v1.tracing\", \"io.containerd.tracing.processor.v1.otlp\","
      " \"io.containerd.snapshotter.v1.aufs\", \"io.containerd.snapshotter.v1.btrfs\","
      " \"io.containerd.snapshotter.v1.devmapper\", \"io.containerd.snapshotter.v1.zfs\"]\n"
      "[grpc]\n"
      "  address = \"{}\"\n"
      "[debug]\n"
      "  level = \"warn\"\n",
      root.string(), state.string(), socket.string());
}

pid_t read_pid(const fs::path& file) {
  const auto text = read_file_if_exists(file, 64);
  const auto pid = text ? parse_integer(trim(*text)) : std::nullopt;
  return pid && *pid > 1 && *pid < (1 << 30) ? static_cast<pid_t>(*pid) : 0;
}

bool is_containerd(pid_t pid) {
  try {
    const auto name = read_file_if_exists(fmt::format("/proc/{}/comm", pid), 64);
    return name && trim(*name) == "containerd";
  } catch (const Error&) {
    return false;  // it ended while we read
  }
}

std::string last_lines(const fs::path& file) {
  try {
    const std::string text = read_file(file);
    std::size_t start = text.size();
    for (int lines = 0; start > 0 && lines < 4; --start) {
      if (start < text.size() && text[start - 1] == '\n') ++lines;
    }
    return std::string{trim(std::string_view{text}.substr(start))};
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

bool socket_answers(const fs::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket.string();
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  return fd &&
         ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

void ContainerdSupervisor::start() {
  const std::lock_guard lock{mutex_};
  make_directories(data(), 0711);
  make_directories(socket().parent_path(), 0711);
  if (const pid_t pid = read_pid(pid_file());
      pid > 0 && is_containerd(pid) && socket_answers(socket())) {
    pid_ = pid;
    pidfd_ = open_pidfd(pid);
    log::info("containerd of an earlier daemon adopted", {{"pid", pid}});
  } else {
    launch();
  }
  wake_ = Fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!wake_) throw Error::from_errno("create an eventfd");
  watcher_ = std::jthread{[this](const std::stop_token& stop) { watch(stop); }};
}

void ContainerdSupervisor::launch() {
  const fs::path config = data() / "config.toml";
  const fs::path log_file = data() / "containerd.log";
  write_file_atomically(
      config,
      configuration(data() / "root", options_.runtime_dir / "containerd" / "state", socket()),
      0600);
  const Fd log = open_file(log_file.string(), O_WRONLY | O_CREAT | O_TRUNC, 0640);

  Process process = Process::start(
      {.argv = {"containerd", "--config", config.string()}, .directory = "/", .new_session = true},
      {-1, log.get(), log.get()});
  write_file_atomically(pid_file(), fmt::format("{}\n", process.pid()), 0644);
  for (const auto deadline = steady_clock::now() + start_limit; !socket_answers(socket());) {
    // The wait for its end is what paces the attempts.
    if (process.wait(20ms)) {
      throw Error{kinds::connect_containerd,
                  fmt::format("{}: our own containerd ended at its start: {}",
                              kinds::connect_containerd.text, last_lines(log_file))};
    }
    if (steady_clock::now() > deadline) {
      throw Error{kinds::connect_containerd,
                  fmt::format("{}: our own containerd does not listen on {} after {} s: {}",
                              kinds::connect_containerd.text, socket().string(),
                              start_limit.count(), last_lines(log_file))};
    }
  }
  pidfd_ = open_pidfd(process.pid());
  pid_ = process.release();
  log::info("containerd started", {{"pid", pid_}, {"socket", socket().string()}});
}

void ContainerdSupervisor::watch(const std::stop_token& stop) {
  auto pause = 100ms;
  while (!stop.stop_requested()) {
    pollfd waiting[2] = {{pidfd_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR) {
      log::error("containerd is not watched any more", {{"cause", std::strerror(errno)}});
      return;
    }
    if (stop.stop_requested() || waiting[0].revents == 0) continue;

    const std::lock_guard lock{mutex_};
    ::waitpid(pid_, nullptr, WNOHANG);  // ours to reap only when we started it
    log::warn("containerd ended, starting it again", {{"pid", pid_}});
    const auto began = steady_clock::now();
    try {
      launch();
      pause = 100ms;
    } catch (const std::exception& error) {
      log::error("containerd does not start",
                 {{"cause", error.what()}, {"retry_ms", pause.count()}});
      pidfd_.reset();
      pid_ = 0;
      pollfd woken{wake_.get(), POLLIN, 0};
      while (!stop.stop_requested() && steady_clock::now() < began + pause) {
        ::poll(&woken, 1, static_cast<int>(pause.count()));
      }
      pause = std::min<milliseconds>(pause * 2, 5s);
      // An ended process' pidfd is readable at once: the loop tries again.
      pidfd_ = Fd{::eventfd(1, EFD_CLOEXEC)};
    }
  }
}

void ContainerdSupervisor::stop() {
  if (!watcher_.joinable()) return;
  watcher_.request_stop();
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  watcher_.join();
  const std::lock_guard lock{mutex_};
  if (pid_ <= 0) return;
  try {
    // By pidfd: one that was adopted is not our child, and its pid may be another's by now.
    const auto send = [this](int number) {
      ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
    };
    send(SIGTERM);
    if (!wait_for_exit(pidfd_, 10s)) {
      send(SIGKILL);
      wait_for_exit(pidfd_, 5s);
    }
  } catch (const Error& error) {
    log::warn("containerd not stopped cleanly", {{"cause", error.what()}});
  }
  ::waitpid(pid_, nullptr, WNOHANG);
  std::error_code ignored;
  fs::remove(pid_file(), ignored);
  pid_ = 0;
}

}  // namespace kukeon::daemon

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "kukeon/base/fd.h"

namespace kukeon::daemon {

// A containerd of our own, for a host where none runs (design §2). Its data lives below the run
// path, its sockets below the runtime directory, so that a kukeond killed and started again finds
// it and goes on with it.
class ContainerdSupervisor {
 public:
  struct Options {
    std::filesystem::path run_path;
    std::filesystem::path runtime_dir;
  };

  explicit ContainerdSupervisor(Options options) : options_{std::move(options)} {}
  ContainerdSupervisor(const ContainerdSupervisor&) = delete;
  ContainerdSupervisor& operator=(const ContainerdSupervisor&) = delete;
  ~ContainerdSupervisor() { stop(); }

  // Adopts the one an earlier daemon left, or starts one, and waits until it listens. Then keeps it
  // running: one that dies is started again. Throws connect_containerd with the end of its log.
  void start();
  // SIGTERM, then SIGKILL after 10 s. Containers live on: their shims do not depend on containerd.
  void stop();

  std::filesystem::path socket() const {
    return options_.runtime_dir / "containerd" / "containerd.sock";
  }

 private:
  void launch();
  void watch(const std::stop_token& stop);
  std::filesystem::path data() const { return options_.run_path / "containerd"; }
  std::filesystem::path pid_file() const { return options_.runtime_dir / "containerd" / "pid"; }

  Options options_;
  std::mutex mutex_;
  pid_t pid_ = 0;
  Fd pidfd_;
  Fd wake_;  // eventfd: ends the watch
  std::jthread watcher_;
};

// Whether somebody accepts connections on a unix socket.
bool socket_answers(const std::filesystem::path& socket);

}  // namespace kukeon::daemon

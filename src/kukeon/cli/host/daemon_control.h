// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/cli/host/server_settings.h"
#include "kukeon/cli/terminal.h"

namespace kukeon::cli {

// kukeond as a process of this host: started in its own session, or by systemd where that runs,
// found again through its pid file, stopped with signals.
class DaemonControl {
 public:
  explicit DaemonControl(ServerSettings settings) : settings_{std::move(settings)} {}

  const ServerSettings& settings() const { return settings_; }

  // The process that the pid file names, if it is a kukeond.
  std::optional<pid_t> running_pid() const;
  // What the daemon says of itself; nullopt when nothing answers on the socket.
  std::optional<api::Status::Result> ask() const;

  // Starts it and waits until it answers. Throws with the end of its log when it does not.
  void start(Terminal& terminal, long socket_gid);

  enum class Stopped { absent, stale, gracefully, by_force };
  struct StopResult {
    Stopped how = Stopped::absent;
    pid_t pid = 0;
  };
  // SIGTERM, and SIGKILL after `grace`; with none, SIGKILL at once. Leaves no pid file and no
  // socket behind.
  StopResult stop(std::chrono::milliseconds grace);

  // Stops systemd from starting it; nothing where there is no unit.
  void remove_unit();

 private:
  bool has_unit() const;
  void write_unit(long socket_gid) const;
  void start_process(Terminal& terminal, long socket_gid);
  void start_unit(Terminal& terminal, long socket_gid);
  [[noreturn]] void fail_start(Terminal& terminal, long log_offset, const std::string& why) const;

  ServerSettings settings_;
};

}  // namespace kukeon::cli

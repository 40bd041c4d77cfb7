// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/base/fd.h"

namespace kukeon {

// A program to run. argv[0] is looked up in PATH unless it has a slash.
struct Command {
  std::vector<std::string> argv{};
  std::map<std::string, std::string> extra_env{};  // on top of our own environment
  std::optional<std::string> directory{};
  bool new_session = false;    // setsid(): outlives our terminal
  std::vector<int> inherit{};  // descriptors that stay open, under the same number
  bool dies_with_us = false;   // SIGKILL for it when the thread that started it ends, however
};

struct Exit {
  int code = 0;    // exit code; 128 + signal when killed
  int signal = 0;  // 0 unless killed
  bool ok() const { return code == 0; }
};

// A child process of ours: pid and pidfd together, so that a signal never meets a recycled pid.
// The destructor kills and reaps a child that is still ours; release() lets it live on.
class Process {
 public:
  struct Pipes {
    int in = -1;   // fd the child gets as stdin; -1: /dev/null
    int out = -1;  // -1: /dev/null
    int err = -1;  // -1: /dev/null
  };

  Process() = default;
  // Throws when the program cannot be started: the child's errno comes back through a pipe.
  static Process start(const Command& command, const Pipes& pipes);

  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  const Fd& pidfd() const { return pidfd_; }
  explicit operator bool() const { return pid_ > 0; }

  void signal(int number);  // success when it is gone already
  // nullopt when it is still running at the deadline.
  std::optional<Exit> wait(std::chrono::milliseconds timeout);
  Exit wait();
  [[nodiscard]] pid_t release();

 private:
  pid_t pid_ = -1;
  Fd pidfd_;
};

struct Output {
  Exit exit;
  std::string out;
  std::string err;
};

// Runs to the end, feeding `input` and collecting at most `limit` bytes of each stream (the rest is
// read and dropped). At the deadline the program is killed and deadline_exceeded thrown; when stop
// is requested, it is killed and cancelled thrown.
Output run(const Command& command, std::chrono::milliseconds timeout, std::string_view input = {},
           std::size_t limit = std::size_t{1} << 20, const std::stop_token& stop = {});

// Whether the process exists (signal 0), and its pidfd for another process than a child.
bool process_exists(pid_t pid);
Fd open_pidfd(pid_t pid);  // empty when there is no such process

// Waits until the process behind a pidfd ended; false at the deadline.
bool wait_for_exit(const Fd& pidfd, std::chrono::milliseconds timeout);

}  // namespace kukeon

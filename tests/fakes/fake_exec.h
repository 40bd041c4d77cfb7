// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "kukeon/runtime/exec.h"

namespace kukeon::fakes {

// A process in a container of a FakeRuntime, as its program sees it.
class FakeProcess {
 public:
  explicit FakeProcess(runtime::ExecOptions options);

  const oci::Process& spec() const { return options_.process; }
  runtime::TerminalSize size() const;

  // To on_output, or to the log file.
  void write(runtime::OutputStream stream, std::string_view text);
  void print(std::string_view text) { write(runtime::OutputStream::out, text); }

  // The next input; nothing at its end, or once the process was signalled.
  std::optional<std::string> read();
  // Waits for a signal: each ends the process, whatever its program returns then.
  int wait_for_signal();

  // The other side.
  void put(std::string_view input);
  void close_input();
  void signal(int number);
  void resize(runtime::TerminalSize size);
  void exit(std::uint32_t code);  // 128 + signal after one
  std::optional<std::uint32_t> wait(std::chrono::milliseconds timeout);
  bool has_exited() const;

 private:
  runtime::ExecOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string input_;
  bool input_closed_;
  int signal_ = 0;
  runtime::TerminalSize size_;
  std::optional<std::uint32_t> exit_code_;
};

// Runs on a thread of its own; answers the exit code. It must end when it was signalled.
using FakeProgram = std::function<std::uint32_t(FakeProcess&)>;

// true, false, echo, cat, sleep.
std::map<std::string, FakeProgram> standard_programs();

// `forget` is called once, when the process has been waited for or its owner goes.
std::unique_ptr<runtime::Exec> make_fake_exec(std::string id, std::uint32_t pid,
                                              std::shared_ptr<FakeProcess> process,
                                              FakeProgram program, std::function<void()> forget);

}  // namespace kukeon::fakes

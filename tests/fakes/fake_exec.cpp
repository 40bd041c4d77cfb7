// SPDX-License-Identifier: Apache-2.0
#include "fakes/fake_exec.h"

#include <fcntl.h>

#include <csignal>
#include <thread>
#include <utility>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"

namespace kukeon::fakes {

using runtime::OutputStream;
using std::chrono::milliseconds;

FakeProcess::FakeProcess(runtime::ExecOptions options)
    : options_{std::move(options)}, input_closed_{!options_.input}, size_{options_.size} {}

runtime::TerminalSize FakeProcess::size() const {
  const std::lock_guard lock{mutex_};
  return size_;
}

void FakeProcess::write(OutputStream stream, std::string_view text) {
  if (!options_.log_path.empty()) {
    const Fd log = open_file(options_.log_path, O_WRONLY | O_CREAT | O_APPEND, 0640);
    write_all(log.get(), text, options_.log_path);
  } else if (options_.on_output) {
    options_.on_output(spec().terminal ? OutputStream::out : stream, text);
  }
}

std::optional<std::string> FakeProcess::read() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return !input_.empty() || input_closed_ || signal_ != 0; });
  if (signal_ != 0 || input_.empty()) return std::nullopt;
  return std::exchange(input_, {});
}

int FakeProcess::wait_for_signal() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return signal_ != 0; });
  return signal_;
}

void FakeProcess::put(std::string_view input) {
  const std::lock_guard lock{mutex_};
  if (input_closed_) {
    throw Error{kinds::failed_precondition, options_.input
                                                ? "the input of the process is closed"
                                                : "the process was started without input"};
  }
  if (exit_code_) throw Error{kinds::failed_precondition, "the process reads no more input"};
  input_ += input;
  changed_.notify_all();
}

void FakeProcess::close_input() {
  const std::lock_guard lock{mutex_};
  input_closed_ = true;
  changed_.notify_all();
}

void FakeProcess::signal(int number) {
  const std::lock_guard lock{mutex_};
  if (!exit_code_ && signal_ == 0) signal_ = number;
  changed_.notify_all();
}

void FakeProcess::resize(runtime::TerminalSize size) {
  if (!spec().terminal) {
    throw Error{kinds::failed_precondition, "the process has no terminal"};
  }
  const std::lock_guard lock{mutex_};
  size_ = size;
}

void FakeProcess::exit(std::uint32_t code) {
  const std::lock_guard lock{mutex_};
  exit_code_ = signal_ != 0 ? 128 + static_cast<std::uint32_t>(signal_) : code;
  changed_.notify_all();
}

std::optional<std::uint32_t> FakeProcess::wait(milliseconds timeout) {
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, timeout, [&] { return exit_code_.has_value(); });
  return exit_code_;
}

bool FakeProcess::has_exited() const {
  const std::lock_guard lock{mutex_};
  return exit_code_.has_value();
}

std::map<std::string, FakeProgram> standard_programs() {
  return {
      {"true", [](FakeProcess&) { return 0U; }},
      {"false", [](FakeProcess&) { return 1U; }},
      {"echo",
       [](FakeProcess& process) {
         std::string line;
         for (std::size_t i = 1; i < process.spec().args.size(); ++i) {
           line += (i > 1 ? " " : "") + process.spec().args[i];
         }
         process.print(line + "\n");
         return 0U;
       }},
      {"cat",
       [](FakeProcess& process) {
         while (const auto input = process.read()) process.print(*input);
         return 0U;
       }},
      {"sleep",
       [](FakeProcess& process) {
         process.wait_for_signal();
         return 0U;
       }},
  };
}

namespace {

class FakeExec final : public runtime::Exec {
 public:
  FakeExec(std::string id, std::uint32_t pid, std::shared_ptr<FakeProcess> process,
           FakeProgram program, std::function<void()> forget)
      : id_{std::move(id)},
        pid_{pid},
        process_{std::move(process)},
        forget_{std::move(forget)},
        thread_{[of = process_, run = std::move(program)] { of->exit(run(*of)); }} {}

  ~FakeExec() override {
    process_->signal(SIGKILL);
    thread_.join();
    forget();
  }

  std::string id() const override { return id_; }
  std::uint32_t pid() const override { return pid_; }
  std::size_t write_input(std::string_view bytes, milliseconds) override {
    process_->put(bytes);
    return bytes.size();
  }
  void close_input() override { process_->close_input(); }
  void resize(runtime::TerminalSize size) override { process_->resize(size); }
  void kill(int signal) override { process_->signal(signal); }
  std::optional<std::uint32_t> wait(milliseconds timeout) override {
    const auto code = process_->wait(timeout);
    if (code) forget();
    return code;
  }

 private:
  void forget() {
    if (const auto once = std::exchange(forget_, nullptr)) once();
  }

  std::string id_;
  std::uint32_t pid_;
  std::shared_ptr<FakeProcess> process_;
  std::function<void()> forget_;
  std::jthread thread_;
};

}  // namespace

std::unique_ptr<runtime::Exec> make_fake_exec(std::string id, std::uint32_t pid,
                                              std::shared_ptr<FakeProcess> process,
                                              FakeProgram program, std::function<void()> forget) {
  return std::make_unique<FakeExec>(std::move(id), pid, std::move(process), std::move(program),
                                    std::move(forget));
}

}  // namespace kukeon::fakes

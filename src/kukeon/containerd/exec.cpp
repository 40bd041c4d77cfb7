// SPDX-License-Identifier: Apache-2.0
#include "kukeon/runtime/exec.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <random>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/base/strings.h"
#include "kukeon/containerd/containerd_runtime.h"
#include "kukeon/containerd/exec_streams.h"
#include "kukeon/containerd/runtime_error.h"

// Processes in running containers.
namespace kukeon::containerd {

using google::protobuf::Empty;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace tasks = api::tasks::v1;

namespace {

constexpr const char* process_type = "types.containerd.io/opencontainers/runtime-spec/1/Process";

// Output that is still on its way comes within this, or somebody else holds the stream open.
constexpr milliseconds linger{500};
// From the shim's closing of the streams to our reading their end.
constexpr std::chrono::seconds drain_time{5};
constexpr std::chrono::seconds kill_time{10};

// Random, since processes of an earlier daemon may live on in the container.
std::string make_id() {
  std::random_device random;
  return fmt::format("exec-{:08x}{:08x}", random(), random());
}

// The terminal has its size when the program starts, which a resize after it could not promise.
// config.json's member is not one of ours, so it is put before the others.
std::string process_json(const runtime::ExecOptions& options) {
  std::string json = oci::to_json(options.process);
  if (!options.process.terminal) return json;
  json.insert(1, fmt::format(R"("consoleSize":{{"height":{},"width":{}}},)", options.size.rows,
                             options.size.columns));
  return json;
}

ExecStreams streams_of(const runtime::ExecOptions& options, const fs::path& directory) {
  using enum ExecStreams::Wanted;
  const auto input = options.input ? ExecStreams::Input::yes : ExecStreams::Input::no;
  if (!options.log_path.empty()) return {directory, input, options.log_path};
  // The shim cannot run a terminal whose output goes nowhere.
  if (options.process.terminal) return {directory, out, input, options.on_output};
  return {directory, options.on_output ? out_and_err : none, input, options.on_output};
}

}  // namespace

// One process, by the names containerd knows it by.
class ContainerdExec final : public runtime::Exec {
 public:
  ContainerdExec(const Client& client, tasks::Tasks::Stub& stub, std::string ns,
                 std::string container, const fs::path& directory,
                 const runtime::ExecOptions& options)
      : client_{client},
        tasks_{stub},
        ns_{std::move(ns)},
        container_{std::move(container)},
        id_{make_id()},
        terminal_{options.process.terminal},
        streams_(streams_of(options, directory)) {}

  ~ContainerdExec() override {
    try {
      if (!created_ || finished_) return;
      if (!exit_code_) kill(SIGKILL);
      if (!wait(kill_time)) {
        log::warn("process in a container is still alive after SIGKILL",
                  {{"container", container_}, {"pid", pid_}});
      }
    } catch (...) {
      log::warn("process in a container is left to it",
                {{"container", container_}, {"error", current_exception_text()}});
    }
  }

  void start(const runtime::ExecOptions& options) {
    tasks::ExecProcessRequest request;
    request.set_container_id(container_);
    request.set_exec_id(id_);
    request.set_terminal(terminal_);
    request.set_stdin(streams_.in_path());
    request.set_stdout(streams_.out_path());
    request.set_stderr(streams_.err_path());
    request.mutable_spec()->set_type_url(process_type);
    request.mutable_spec()->set_value(process_json(options));
    client_.call<Empty>(call("create a process", slow), tasks_, &tasks::Tasks::Stub::Exec, request);
    created_ = true;

    tasks::StartRequest begin;
    begin.set_container_id(container_);
    begin.set_exec_id(id_);
    try {
      pid_ = client_
                 .call<tasks::StartResponse>(call("start a process", slow), tasks_,
                                             &tasks::Tasks::Stub::Start, begin)
                 .pid();
    } catch (...) {
      discard();
      finished_ = true;
      throw;
    }
    streams_.opened();
  }

  std::string id() const override { return id_; }
  std::uint32_t pid() const override { return pid_; }

  std::size_t write_input(std::string_view bytes, milliseconds timeout) override {
    return streams_.write_input(bytes, timeout);
  }

  void close_input() override {
    streams_.close_input();
    if (terminal_) return;  // there the shim's own end is the terminal itself
    // The shim holds a writing end too, so that its clients may come and go.
    tasks::CloseIORequest request;
    request.set_container_id(container_);
    request.set_exec_id(id_);
    request.set_stdin(true);
    Empty response;
    client_.find(call("close the input of a process", quick), tasks_, &tasks::Tasks::Stub::CloseIO,
                 request, &response);
  }

  void resize(runtime::TerminalSize size) override {
    if (!terminal_) {
      throw Error{kinds::failed_precondition,
                  fmt::format("the process in container {} has no terminal", container_)};
    }
    tasks::ResizePtyRequest request;
    request.set_container_id(container_);
    request.set_exec_id(id_);
    request.set_width(size.columns);
    request.set_height(size.rows);
    client_.call<Empty>(call("resize the terminal of a process", quick), tasks_,
                        &tasks::Tasks::Stub::ResizePty, request);
  }

  void kill(int signal) override {
    tasks::KillRequest request;
    request.set_container_id(container_);
    request.set_exec_id(id_);
    request.set_signal(static_cast<std::uint32_t>(signal));
    Empty response;
    client_.find(call("signal a process", quick), tasks_, &tasks::Tasks::Stub::Kill, request,
                 &response);
  }

  std::optional<std::uint32_t> wait(milliseconds timeout) override {
    const auto deadline = steady_clock::now() + timeout;
    if (!exit_code_) exit_code_ = wait_for_exit(timeout);
    if (!exit_code_) return std::nullopt;
    if (!finished_) {
      // First the output, then the deletion: deleting closes the streams, read or not.
      if (streams_.wait_for_end(linger, deadline) == ExecStreams::End::late) return std::nullopt;
      discard();
      if (streams_.wait_for_end(drain_time, steady_clock::now() + drain_time) !=
          ExecStreams::End::reached) {
        log::warn("output of a process has no end", {{"container", container_}, {"pid", pid_}});
      }
      streams_.close_input();
      finished_ = true;
    }
    return exit_code_;
  }

 private:
  CallInfo call(std::string_view doing, milliseconds timeout) const {
    return {.doing = fmt::format("{} in container {}", doing, container_),
            .ns = ns_,
            .timeout = timeout};
  }

  std::optional<std::uint32_t> wait_for_exit(milliseconds timeout) {
    tasks::GetRequest get;
    get.set_container_id(container_);
    get.set_exec_id(id_);
    tasks::GetResponse got;
    if (!client_.find(call("look up a process", quick), tasks_, &tasks::Tasks::Stub::Get, get,
                      &got)) {
      lost();
    }
    if (got.process().status() == ::containerd::v1::types::STOPPED) {
      return got.process().exit_status();
    }
    if (timeout.count() <= 0) return std::nullopt;

    tasks::WaitRequest request;
    request.set_container_id(container_);
    request.set_exec_id(id_);
    tasks::WaitResponse response;
    try {
      if (!client_.find(call("wait for a process", timeout), tasks_, &tasks::Tasks::Stub::Wait,
                        request, &response)) {
        lost();
      }
    } catch (const Error& error) {
      if (error.is(kinds::deadline_exceeded)) return std::nullopt;
      throw;
    }
    return response.exit_status();
  }

  // The container's task, or its shim, has gone and taken the process along.
  [[noreturn]] void lost() {
    finished_ = true;
    throw Error{kinds::not_found,
                fmt::format("the process in container {} is gone with its container", container_)};
  }

  void discard() {
    tasks::DeleteProcessRequest request;
    request.set_container_id(container_);
    request.set_exec_id(id_);
    tasks::DeleteResponse response;
    try {
      client_.find(call("delete a process", slow), tasks_, &tasks::Tasks::Stub::DeleteProcess,
                   request, &response);
    } catch (const Error& error) {
      // Its exit code is known; what the shim keeps of it goes with the container.
      log::warn("process in a container was not deleted",
                {{"container", container_}, {"error", error.what()}});
    }
  }

  const Client& client_;
  tasks::Tasks::Stub& tasks_;
  const std::string ns_;
  const std::string container_;
  const std::string id_;
  const bool terminal_;
  std::uint32_t pid_ = 0;
  bool created_ = false;
  bool finished_ = false;
  std::optional<std::uint32_t> exit_code_;
  ExecStreams streams_;
};

// What containerd says of a task that runs nothing now depends on its version and on the OCI
// runtime; the task's state says it better.
Error ContainerdRuntime::exec_error(const std::string& ns, const std::string& id,
                                    const Error& error) {
  if (error.is(kinds::connect_containerd) || error.is(kinds::deadline_exceeded)) return error;
  const auto task = find_task(ns, id);
  if (!task) return Error{kinds::not_found, fmt::format("container {} has no task", id)};
  using enum runtime::TaskState;
  if (task->state == paused || task->state == pausing) {
    return Error{kinds::failed_precondition,
                 fmt::format("container {} is paused: resume it first", id)};
  }
  if (task->state == stopped) {
    return Error{
        kinds::failed_precondition,
        fmt::format("container {} is not running: it exited with code {}", id, task->exit_code)};
  }
  return to_start_error(error);
}

std::unique_ptr<runtime::Exec> ContainerdRuntime::exec(const std::string& ns, const std::string& id,
                                                       const runtime::ExecOptions& options) {
  if (options.process.args.empty()) {
    throw Error{kinds::invalid_argument, "a process needs a command"};
  }
  if (options.process.terminal && !options.log_path.empty()) {
    throw Error{kinds::invalid_argument,
                "a process with a terminal cannot write to a log file: read its output instead"};
  }
  auto exec = std::make_unique<ContainerdExec>(client_, *tasks_, ns, id, options_.streams, options);
  try {
    exec->start(options);
  } catch (const Error& error) {
    throw exec_error(ns, id, error);
  }
  return exec;
}

}  // namespace kukeon::containerd

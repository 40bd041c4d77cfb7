// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include <fmt/format.h>

#include "github.com/containerd/containerd/runtime/v2/runc/options/oci.pb.h"

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/containerd/containerd_runtime.h"
#include "kukeon/containerd/log_names.h"
#include "kukeon/containerd/runtime_error.h"

// Containers and their tasks.
namespace kukeon::containerd {

using google::protobuf::Empty;
namespace containers = api::containers::v1;
namespace tasks = api::tasks::v1;

namespace {

constexpr const char* shim = "io.containerd.runc.v2";
constexpr const char* spec_type = "types.containerd.io/opencontainers/runtime-spec/1/Spec";

// How long SIGKILL may take: a process in uninterruptible sleep dies when its device answers.
constexpr std::chrono::seconds kill_time{10};

runtime::TaskState to_state(::containerd::v1::types::Status status) {
  switch (status) {
    case ::containerd::v1::types::CREATED:
      return runtime::TaskState::created;
    case ::containerd::v1::types::RUNNING:
      return runtime::TaskState::running;
    case ::containerd::v1::types::STOPPED:
      return runtime::TaskState::stopped;
    case ::containerd::v1::types::PAUSED:
      return runtime::TaskState::paused;
    case ::containerd::v1::types::PAUSING:
      return runtime::TaskState::pausing;
    default:
      return runtime::TaskState::unknown;
  }
}

runtime::Task to_task(const ::containerd::v1::types::Process& process) {
  // List names the container in `id`, Get in `container_id`.
  runtime::Task task{
      .container_id = process.container_id().empty() ? process.id() : process.container_id(),
      .pid = process.pid(),
      .state = to_state(process.status()),
      .exit_code = process.exit_status(),
      .exited_at = {}};
  if (task.state == runtime::TaskState::stopped) task.exited_at = from_proto(process.exited_at());
  return task;
}

runtime::ContainerRecord to_record(const containers::Container& container) {
  return {.id = container.id(),
          .image = container.image(),
          .snapshotter = container.snapshotter(),
          .snapshot_key = container.snapshot_key(),
          .spec_json = container.spec().value(),
          .labels = get_labels(container.labels())};
}

constexpr std::chrono::seconds cleanup_time{10};
constexpr int cleanup_poll_ms = 50;

}  // namespace

// The options message of the runc shim, under the name that containerd registered it by.
google::protobuf::Any ContainerdRuntime::runc_options() const {
  ::containerd::runc::v1::Options options;
  options.set_binary_name(options_.oci_runtime);
  google::protobuf::Any any;
  any.set_type_url("containerd.runc.v1.Options");
  any.set_value(options.SerializeAsString());
  return any;
}

void ContainerdRuntime::create_container(const std::string& ns,
                                         const runtime::ContainerRecord& container) {
  containers::CreateContainerRequest request;
  auto* record = request.mutable_container();
  record->set_id(container.id);
  record->set_image(container.image);
  record->set_snapshotter(container.snapshotter);
  record->set_snapshot_key(container.snapshot_key);
  set_labels(container.labels, record->mutable_labels());
  record->mutable_runtime()->set_name(shim);
  *record->mutable_runtime()->mutable_options() = runc_options();  // for `ctr task start` by hand
  record->mutable_spec()->set_type_url(spec_type);
  record->mutable_spec()->set_value(container.spec_json);
  client_.call<containers::CreateContainerResponse>(
      {.doing = fmt::format("create container {}", container.id), .ns = ns}, *containers_,
      &containers::Containers::Stub::Create, request);
}

std::optional<runtime::ContainerRecord> ContainerdRuntime::find_container(const std::string& ns,
                                                                          const std::string& id) {
  containers::GetContainerRequest request;
  request.set_id(id);
  containers::GetContainerResponse response;
  if (!client_.find({.doing = fmt::format("look up container {}", id), .ns = ns}, *containers_,
                    &containers::Containers::Stub::Get, request, &response)) {
    return std::nullopt;
  }
  return to_record(response.container());
}

std::vector<runtime::ContainerRecord> ContainerdRuntime::list_containers(
    const std::string& ns, const runtime::Filters& filters) {
  // A stream, since the records of many containers do not fit into one message.
  containers::ListContainersRequest request;
  for (const std::string& filter : filters) request.add_filters(filter);
  std::vector<runtime::ContainerRecord> records;
  client_.read_stream<containers::ListContainerMessage>(
      {.doing = fmt::format("list containers of {}", ns), .ns = ns},
      [&](grpc::ClientContext& context) { return containers_->ListStream(&context, request); },
      [&](const containers::ListContainerMessage& part) {
        records.push_back(to_record(part.container()));
      });
  return records;
}

void ContainerdRuntime::set_container_labels(const std::string& ns, const std::string& id,
                                             const Labels& labels) {
  if (labels.empty()) return;
  containers::UpdateContainerRequest request;
  request.mutable_container()->set_id(id);
  set_labels(labels, request.mutable_container()->mutable_labels());
  for (const auto& [key, value] : labels) request.mutable_update_mask()->add_paths("labels." + key);
  client_.call<containers::UpdateContainerResponse>(
      {.doing = fmt::format("label container {}", id), .ns = ns}, *containers_,
      &containers::Containers::Stub::Update, request);
}

void ContainerdRuntime::delete_container(const std::string& ns, const std::string& id) {
  containers::DeleteContainerRequest request;
  request.set_id(id);
  Empty response;
  client_.find({.doing = fmt::format("delete container {}", id), .ns = ns}, *containers_,
               &containers::Containers::Stub::Delete, request, &response);
}

void ContainerdRuntime::create_task(const std::string& ns, const std::string& id,
                                    const runtime::TaskOptions& options) {
  tasks::CreateTaskRequest request;
  request.set_container_id(id);
  for (const runtime::Mount& mount : options.rootfs) {
    auto* added = request.add_rootfs();
    added->set_type(mount.type);
    added->set_source(mount.source);
    for (const std::string& option : mount.options) added->add_options(option);
  }
  std::optional<LogNames> log;
  if (!options.log_path.empty()) {
    log.emplace(options_.streams, options.log_path);
    request.set_stdout(log->out());
    request.set_stderr(log->err());
  }
  *request.mutable_options() = runc_options();
  client_.call<tasks::CreateTaskResponse>(
      {.doing = fmt::format("create task {}", id), .ns = ns, .timeout = slow}, *tasks_,
      &tasks::Tasks::Stub::Create, request);
}

void ContainerdRuntime::discard_task(const std::string& ns, const std::string& id) {
  try {
    delete_task(ns, id);
  } catch (const Error& error) {
    log::warn("task that did not start was not deleted",
              {{"container", id}, {"error", error.what()}});
  }
}

void ContainerdRuntime::create_task_when_free(const std::string& ns, const std::string& id,
                                              const runtime::TaskOptions& options) {
  const auto deadline = std::chrono::steady_clock::now() + cleanup_time;
  for (bool lost_shim = false;;) {
    try {
      return create_task(ns, id, options);
    } catch (const Error& error) {
      const bool unfinished =
          is_unfinished_cleanup(error.message()) && std::chrono::steady_clock::now() < deadline;
      // The group's shim left with its last container just as ours arrived; the next try starts a
      // new one.
      const bool retry = unfinished || (!lost_shim && is_lost_shim(error.message()));
      if (!retry) throw;
      lost_shim = lost_shim || !unfinished;
      log::info("task is created again", {{"container", id}, {"error", error.what()}});
      // containerd tells nobody when its cleanup is done.
      if (unfinished) ::poll(nullptr, 0, cleanup_poll_ms);
    }
  }
}

runtime::Task ContainerdRuntime::start_task(const std::string& ns, const std::string& id,
                                            const runtime::TaskOptions& options) {
  try {
    create_task_when_free(ns, id, options);
  } catch (const Error& error) {
    // containerd may still have been at it when we gave up.
    if (error.is(kinds::deadline_exceeded)) discard_task(ns, id);
    throw to_start_error(error);
  }
  if (options.on_created) options.on_created();

  tasks::StartRequest request;
  request.set_container_id(id);
  try {
    const auto response = client_.call<tasks::StartResponse>(
        {.doing = fmt::format("start task {}", id), .ns = ns, .timeout = slow}, *tasks_,
        &tasks::Tasks::Stub::Start, request);
    return {.container_id = id,
            .pid = response.pid(),
            .state = runtime::TaskState::running,
            .exit_code = 0,
            .exited_at = {}};
  } catch (const Error& error) {
    discard_task(ns, id);
    throw to_start_error(error);
  }
}

std::optional<runtime::Task> ContainerdRuntime::find_task(const std::string& ns,
                                                          const std::string& id) {
  tasks::GetRequest request;
  request.set_container_id(id);
  tasks::GetResponse response;
  if (!client_.find({.doing = fmt::format("look up task {}", id), .ns = ns}, *tasks_,
                    &tasks::Tasks::Stub::Get, request, &response)) {
    return std::nullopt;
  }
  runtime::Task task = to_task(response.process());
  task.container_id = id;
  return task;
}

std::vector<runtime::Task> ContainerdRuntime::list_tasks(const std::string& ns) {
  const auto response = client_.call<tasks::ListTasksResponse>(
      {.doing = fmt::format("list tasks of {}", ns), .ns = ns, .timeout = slow}, *tasks_,
      &tasks::Tasks::Stub::List, tasks::ListTasksRequest{});
  std::vector<runtime::Task> list;
  for (const auto& process : response.tasks()) list.push_back(to_task(process));
  return list;
}

void ContainerdRuntime::signal_task(const std::string& ns, const std::string& id, int signal,
                                    bool all) {
  tasks::KillRequest request;
  request.set_container_id(id);
  request.set_signal(static_cast<std::uint32_t>(signal));
  request.set_all(all);
  Empty response;
  // NOT_FOUND stands for "no such task" and "process already finished" alike.
  client_.find({.doing = fmt::format("signal task {}", id), .ns = ns}, *tasks_,
               &tasks::Tasks::Stub::Kill, request, &response);
}

void ContainerdRuntime::kill_task(const std::string& ns, const std::string& id, int signal) {
  signal_task(ns, id, signal, false);
}

std::optional<runtime::Task> ContainerdRuntime::wait_task(const std::string& ns,
                                                          const std::string& id,
                                                          std::chrono::milliseconds timeout) {
  auto task = find_task(ns, id);
  if (!task) throw Error{kinds::not_found, fmt::format("container {} has no task", id)};
  if (task->state == runtime::TaskState::stopped) return task;
  if (timeout.count() <= 0) return std::nullopt;

  tasks::WaitRequest request;
  request.set_container_id(id);
  try {
    const auto response = client_.call<tasks::WaitResponse>(
        {.doing = fmt::format("wait for task {}", id), .ns = ns, .timeout = timeout}, *tasks_,
        &tasks::Tasks::Stub::Wait, request);
    task->state = runtime::TaskState::stopped;
    task->exit_code = response.exit_status();
    task->exited_at = from_proto(response.exited_at());
    return task;
  } catch (const Error& error) {
    if (error.is(kinds::deadline_exceeded)) return std::nullopt;
    throw;
  }
}

std::optional<runtime::Task> ContainerdRuntime::kill_and_wait(const std::string& ns,
                                                              const std::string& id, int signal,
                                                              std::chrono::milliseconds timeout) {
  auto task = find_task(ns, id);
  if (!task) throw Error{kinds::not_found, fmt::format("container {} has no task", id)};
  if (task->state == runtime::TaskState::stopped) return task;

  const CallInfo info{.doing = fmt::format("wait for task {}", id), .ns = ns, .timeout = timeout};
  tasks::WaitRequest request;
  request.set_container_id(id);
  tasks::WaitResponse response;
  grpc::Status status;
  grpc::ClientContext context;
  client_.prepare(context, info);
  grpc::CompletionQueue queue;
  const auto wait = tasks_->AsyncWait(&context, request, &queue);
  wait->Finish(&response, &status, nullptr);
  // Whatever happens, the answer is taken out of the queue before what it is written to goes.
  const auto answer = [&] {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
  };
  try {
    signal_task(ns, id, signal, false);
  } catch (...) {
    context.TryCancel();
    answer();
    throw;
  }
  answer();
  if (!status.ok()) {
    const Error error = client_.error(info, status);
    if (error.is(kinds::deadline_exceeded)) return std::nullopt;
    throw Error{error};
  }
  task->state = runtime::TaskState::stopped;
  task->exit_code = response.exit_status();
  task->exited_at = from_proto(response.exited_at());
  return task;
}

void ContainerdRuntime::pause_task(const std::string& ns, const std::string& id) {
  tasks::PauseTaskRequest request;
  request.set_container_id(id);
  change_task(ns, id, runtime::TaskState::paused, [&] {
    client_.call<Empty>({.doing = fmt::format("pause task {}", id), .ns = ns, .timeout = slow},
                        *tasks_, &tasks::Tasks::Stub::Pause, request);
  });
}

void ContainerdRuntime::resume_task(const std::string& ns, const std::string& id) {
  tasks::ResumeTaskRequest request;
  request.set_container_id(id);
  change_task(ns, id, runtime::TaskState::running, [&] {
    client_.call<Empty>({.doing = fmt::format("resume task {}", id), .ns = ns, .timeout = slow},
                        *tasks_, &tasks::Tasks::Stub::Resume, request);
  });
}

// The shim refuses what is so already, and what cannot be, in words and classes of its own.
void ContainerdRuntime::change_task(const std::string& ns, const std::string& id,
                                    runtime::TaskState wanted,
                                    const std::function<void()>& change) {
  try {
    change();
  } catch (const Error& error) {
    if (error.is(kinds::connect_containerd) || error.is(kinds::deadline_exceeded)) throw;
    const auto task = find_task(ns, id);
    if (!task) throw Error{kinds::not_found, fmt::format("container {} has no task", id)};
    if (task->state == wanted) return;
    if (task->state == runtime::TaskState::stopped) {
      throw Error{
          kinds::failed_precondition,
          fmt::format("container {} is not running: it exited with code {}", id, task->exit_code)};
    }
    throw;
  }
}

void ContainerdRuntime::delete_task(const std::string& ns, const std::string& id) {
  const auto task = find_task(ns, id);
  if (!task) return;
  if (task->state != runtime::TaskState::stopped) {
    // Of cgroup v1 a frozen process does not even take SIGKILL.
    if (task->state == runtime::TaskState::paused) resume_task(ns, id);
    // `all`: with the host's pid namespace the container's other processes do not die with its
    // first.
    signal_task(ns, id, SIGKILL, true);
    std::optional<runtime::Task> exited;
    try {
      exited = wait_task(ns, id, kill_time);
    } catch (const Error& error) {
      if (error.is(kinds::not_found)) return;
      throw;
    }
    if (!exited) {
      throw Error{kinds::deadline_exceeded,
                  fmt::format("task {} (pid {}) is still alive {} s after SIGKILL", id, task->pid,
                              kill_time.count())};
    }
  }
  tasks::DeleteTaskRequest request;
  request.set_container_id(id);
  tasks::DeleteResponse response;
  client_.find({.doing = fmt::format("delete task {}", id), .ns = ns, .timeout = slow}, *tasks_,
               &tasks::Tasks::Stub::Delete, request, &response);
}

}  // namespace kukeon::containerd

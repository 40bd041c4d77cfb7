// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>

#include <fmt/format.h>

#include "github.com/containerd/containerd/api/events/task.pb.h"

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/containerd/containerd_runtime.h"

// The stream of task events.
namespace kukeon::containerd {

using google::protobuf::Empty;
using std::chrono::milliseconds;
namespace events = api::events::v1;

namespace {

// Our own first event travels under this namespace; it needs not exist.
constexpr const char* marker_namespace = "kukeon.io";

// False for the events of `exec` processes: only a container's first process is a task to us.
template <class Payload>
bool is_first_process(const Payload& payload) {
  return payload.id().empty() || payload.id() == payload.container_id();
}

// Nothing where the event says nothing about a task.
std::optional<runtime::Event> to_event(const events::Envelope& envelope) {
  runtime::Event event{.kind = runtime::EventKind::other,
                       .ns = envelope.namespace_(),
                       .container_id = {},
                       .pid = 0,
                       .exit_code = 0,
                       .at = from_proto(envelope.timestamp())};
  const std::string& bytes = envelope.event().value();
  const std::string& topic = envelope.topic();
  if (topic == "/tasks/exit") {
    ::containerd::events::TaskExit exit;
    if (!exit.ParseFromString(bytes) || !is_first_process(exit)) return std::nullopt;
    event.kind = runtime::EventKind::task_exited;
    event.container_id = exit.container_id();
    event.pid = exit.pid();
    event.exit_code = exit.exit_status();
    event.at = from_proto(exit.exited_at());
  } else if (topic == "/tasks/start") {
    ::containerd::events::TaskStart start;
    if (!start.ParseFromString(bytes)) return std::nullopt;
    event.kind = runtime::EventKind::task_started;
    event.container_id = start.container_id();
    event.pid = start.pid();
  } else if (topic == "/tasks/oom") {
    ::containerd::events::TaskOOM oom;
    if (!oom.ParseFromString(bytes)) return std::nullopt;
    event.kind = runtime::EventKind::task_oom;
    event.container_id = oom.container_id();
  } else if (topic == "/tasks/delete") {
    ::containerd::events::TaskDelete removed;
    if (!removed.ParseFromString(bytes) || !is_first_process(removed)) return std::nullopt;
    event.kind = runtime::EventKind::task_deleted;
    event.container_id = removed.container_id();
    event.pid = removed.pid();
    event.exit_code = removed.exit_status();
  } else if (topic == "/tasks/paused" || topic == "/tasks/resumed") {
    ::containerd::events::TaskPaused paused;  // both hold the container id and nothing else
    if (!paused.ParseFromString(bytes)) return std::nullopt;
    event.kind = topic == "/tasks/paused" ? runtime::EventKind::task_paused
                                          : runtime::EventKind::task_resumed;
    event.container_id = paused.container_id();
  } else {
    return std::nullopt;
  }
  return event;
}

// A topic nobody else uses, so that the stream it comes back on is ours.
std::string make_marker() {
  static std::atomic<int> next{0};
  return fmt::format("/kukeon/watch-{}-{}", ::getpid(), ++next);
}

}  // namespace

void ContainerdRuntime::watch(const std::function<void(const runtime::Event&)>& on_event,
                              const std::function<void()>& on_connected, std::stop_token stop) {
  constexpr milliseconds first_pause{50};
  constexpr milliseconds longest_pause{2000};
  milliseconds pause = first_pause;
  bool reported = false;
  std::mutex mutex;
  std::condition_variable_any stopped;
  while (!stop.stop_requested()) {
    bool connected = false;
    try {
      watch_once(
          on_event,
          [&] {
            connected = true;
            if (reported) log::info("containerd events are back", {{"socket", client_.socket()}});
            on_connected();
          },
          // The first failure is told at once, those after it are waited out.
          reported, stop);
    } catch (const Error& error) {
      if (stop.stop_requested()) return;
      if (connected || !reported) {
        log::warn("containerd events broke off", {{"error", error.what()}});
      }
      reported = true;
    }
    pause = connected ? first_pause : std::min(pause * 2, longest_pause);
    std::unique_lock lock{mutex};
    stopped.wait_for(lock, stop, pause, [] { return false; });
  }
}

// One stream, to its end. Throws when it breaks, returns when stop is requested.
void ContainerdRuntime::watch_once(const std::function<void(const runtime::Event&)>& on_event,
                                   const std::function<void()>& on_connected,
                                   bool wait_for_containerd, const std::stop_token& stop) {
  const CallInfo info{.doing = "subscribe to containerd's events"};
  const std::string marker = make_marker();
  events::SubscribeRequest request;
  request.add_filters(R"(topic~="^/tasks/")");
  request.add_filters(fmt::format(R"(topic=="{}")", marker));

  grpc::ClientContext context;  // without a deadline: this is the one call that is meant to last
  // A call that waits has somebody look at the socket: between calls gRPC does that every 5 s only,
  // and a connection that stands again would go unnoticed for as long.
  context.set_wait_for_ready(wait_for_containerd);
  grpc::CompletionQueue queue;
  enum Step : std::intptr_t { opened = 1, received, finished };
  const auto tag = [](Step step) { return reinterpret_cast<void*>(step); };
  const auto stream = events_->AsyncSubscribe(&context, request, &queue, tag(opened));
  const std::stop_callback cancel{stop, [&] { context.TryCancel(); }};

  // containerd says nothing when a subscription begins. So we publish an event of our own until it
  // comes back: from then on none is missed.
  events::PublishRequest publish;
  publish.set_topic(marker);
  publish.mutable_event()->set_type_url("google.protobuf.Empty");
  constexpr milliseconds marker_pause{20};
  bool open = false;
  bool connected = false;

  events::Envelope envelope;
  grpc::Status status;
  // The first failure of a caller's function or of the marker; it ends the stream and is passed on
  // when the queue is drained.
  std::exception_ptr failure;
  const auto guarded = [&](const auto& body) {
    try {
      body();
    } catch (...) {
      if (!failure) failure = std::current_exception();
      context.TryCancel();
    }
  };
  const auto publish_marker = [&] {
    client_.call<Empty>({.doing = info.doing, .ns = marker_namespace}, *events_,
                        &events::Events::Stub::Publish, publish);
  };
  for (;;) {
    void* got = nullptr;
    bool ok = false;
    const auto until = open && !connected ? std::chrono::system_clock::now() + marker_pause
                                          : std::chrono::system_clock::time_point::max();
    if (queue.AsyncNext(&got, &ok, until) == grpc::CompletionQueue::TIMEOUT) {
      guarded(publish_marker);
      continue;
    }
    const auto step = static_cast<Step>(reinterpret_cast<std::intptr_t>(got));
    if (step == finished) break;
    if (!ok) {
      connected = true;  // nothing to wait for but the end
      stream->Finish(&status, tag(finished));
      continue;
    }
    if (step == opened) {
      open = true;
      guarded(publish_marker);
    } else {
      guarded([&] {
        if (!connected && envelope.topic() == marker) {
          connected = true;
          on_connected();
        } else if (const auto event = to_event(envelope)) {
          on_event(*event);
        }
      });
    }
    envelope.Clear();
    stream->Read(&envelope, tag(received));
  }
  queue.Shutdown();
  if (failure) std::rethrow_exception(failure);
  if (stop.stop_requested()) return;
  if (status.ok()) status = {grpc::StatusCode::UNAVAILABLE, "Socket closed"};
  throw client_.error(info, status);
}

}  // namespace kukeon::containerd

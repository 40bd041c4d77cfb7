// SPDX-License-Identifier: Apache-2.0
#include "kukeon/engine/journal.h"

#include <utility>

#include <fmt/format.h>

#include "kukeon/base/strings.h"
#include "kukeon/model/derive.h"

namespace kukeon::engine::journal {
namespace {

using store::Event;
using store::EventType;

// `cell "web" started`
Event about(EventType type, const model::Path& path, std::string_view rest) {
  Event event;
  event.type = type;
  event.path = path;
  event.message = model::status_message(
      fmt::format("{} {} {}", model::lower_word_of(path.kind()), quote(path.name()), rest));
  return event;
}

}  // namespace

Event created(const model::Path& path) { return about(EventType::created, path, "created"); }

Event updated(const model::Path& path, const std::vector<std::string>& changes) {
  Event event =
      about(EventType::updated, path,
            changes.empty() ? "updated" : fmt::format("updated: {}", join(changes, ", ")));
  if (!changes.empty()) event.data["changes"] = model::status_message(join(changes, ", "));
  return event;
}

Event deleted(const model::Path& path) { return about(EventType::deleted, path, "deleted"); }

Event started(const model::Path& path) { return about(EventType::started, path, "started"); }

Event stopped(const model::Path& path, std::string_view signal) {
  Event event = about(EventType::stopped, path, fmt::format("stopped with {}", signal));
  event.data["signal"] = signal;
  return event;
}

Event failed(const model::Path& path, std::string_view reason, std::string_view message) {
  Event event = about(EventType::failed, path, fmt::format("failed: {}", message));
  event.data["reason"] = reason;
  return event;
}

Event exited(const model::Path& container, std::int64_t exit_code, std::int64_t pid) {
  const std::string signal = model::signal_of_exit_code(exit_code);
  Event event =
      about(EventType::exited, container,
            signal.empty() ? fmt::format("exited with code {}", exit_code)
                           : fmt::format("terminated by {} (exit code {})", signal, exit_code));
  event.data["exitCode"] = std::to_string(exit_code);
  if (!signal.empty()) event.data["signal"] = signal;
  if (pid > 0) event.data["pid"] = std::to_string(pid);
  return event;
}

Event restarted(const model::Path& container, std::int64_t attempt) {
  Event event =
      about(EventType::restarted, container, fmt::format("restarted, attempt {}", attempt));
  event.data["attempt"] = std::to_string(attempt);
  return event;
}

Event oom(const model::Path& container) {
  return about(EventType::oom, container, "ran out of memory");
}

Event repaired(const model::Path& path, std::string_view what) {
  Event event = about(EventType::repaired, path, fmt::format("repaired: {}", what));
  event.data["repair"] = what;
  return event;
}

Event pulled(const model::Path& realm, std::string_view image) {
  Event event = about(EventType::pulled, realm, fmt::format("pulled {}", image));
  event.data["image"] = image;
  return event;
}

}  // namespace kukeon::engine::journal

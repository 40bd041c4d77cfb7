// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/base/timestamp.h"
#include "kukeon/model/names.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

namespace kukeon::store {

enum class EventType {
  created,
  started,
  exited,
  restarted,
  oom,
  stopped,
  repaired,
  deleted,
  failed,
  updated,
  pulled,
  denied,  // an egress rule's counter rose
};

// Something that happened to one object, as the journal keeps it.
struct Event {
  std::int64_t sequence = 0;  // given by the journal, rising, never twice
  Timestamp time;             // zero: when it is recorded
  EventType type = EventType::created;
  model::Path path;
  std::string message;     // one line for people
  reflect::Labelset data;  // the same for programs: "exitCode", "signal", "pid", …

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("sequence", &Event::sequence, always, "Its place in the journal."),
        reflect::field("time", &Event::time, always, "When it happened."),
        reflect::field("type", &Event::type, always, "What happened, in one word."),
        reflect::field("path", &Event::path, always, "The object it happened to."),
        reflect::field("message", &Event::message, always, "What happened, for people."),
        reflect::field("data", &Event::data, omitempty, "What happened, for programs."),
    };
  }
  bool operator==(const Event&) const = default;
};

}  // namespace kukeon::store

template <>
struct kukeon::reflect::Labels<kukeon::store::EventType> {
  static constexpr std::string_view what = "event type";
  static constexpr std::array<std::string_view, 12> words{
      "create", "start",  "exit", "restart", "oom",  "stop",
      "repair", "delete", "fail", "update",  "pull", "deny",
  };
};

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/api/method.h"
#include "kukeon/base/timestamp.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

namespace kukeon::api {

// One entry of the daemon's journal, in the manner of a document.
struct Event {
  std::int64_t sequence = 0;
  Timestamp time{};
  std::string type{};
  std::string kind{};
  std::string name{};
  std::string realm_name{};
  std::string space_name{};
  std::string stack_name{};
  std::string cell_name{};
  std::string message{};
  reflect::Labelset data{};

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("sequence", &Event::sequence, always, "Its place in the journal."),
        reflect::field("time", &Event::time, always, "When it happened."),
        reflect::field("type", &Event::type, always, "What happened, in one word."),
        reflect::field("kind", &Event::kind, always, "Kind of the object it happened to."),
        reflect::field("name", &Event::name, always, "Name of the object."),
        reflect::field("realmId", &Event::realm_name, omitempty, "Realm it is in."),
        reflect::field("spaceId", &Event::space_name, omitempty, "Space it is in."),
        reflect::field("stackId", &Event::stack_name, omitempty, "Stack it is in."),
        reflect::field("cellId", &Event::cell_name, omitempty, "Cell it is in."),
        reflect::field("message", &Event::message, always, "What happened, for people."),
        reflect::field("data", &Event::data, omitempty,
                       "What happened, for programs: exitCode, signal, pid, attempt, reason, …"),
    };
  }
  bool operator==(const Event&) const = default;
};

// Ours: a long poll of the journal. Answers at once while there is something after `after`, else
// with the first thing that happens, or with nothing at the timeout. Ask on with the reply's
// `next`: no event comes twice, and none is left out but those counted in `lost`.
struct WatchEvents {
  static constexpr std::string_view name = "WatchEvents";
  static constexpr std::int64_t longest_wait_seconds = 300;
  static constexpr std::int64_t most_events = 1000;

  struct Request {
    std::int64_t after = 0;
    std::int64_t timeout_seconds = 0;
    std::int64_t limit = 0;
    std::string realm_name{};
    std::string space_name{};
    std::string stack_name{};
    std::string cell_name{};
    std::string container_name{};
    reflect::StringList types{};
    Timestamp since{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("After", &Request::after, always,
                         "The sequence read last; 0: from the oldest event kept."),
          reflect::field("TimeoutSeconds", &Request::timeout_seconds, always,
                         "How long to wait for news, at most 300; 0: not at all."),
          reflect::field("Limit", &Request::limit, always,
                         "Most events of one answer; 0, and at most: 1000."),
          reflect::field("RealmName", &Request::realm_name, omitempty, "Only of this realm."),
          reflect::field("SpaceName", &Request::space_name, omitempty, "Only of such a space."),
          reflect::field("StackName", &Request::stack_name, omitempty, "Only of such a stack."),
          reflect::field("CellName", &Request::cell_name, omitempty, "Only of such a cell."),
          reflect::field("ContainerName", &Request::container_name, omitempty,
                         "Only of such a container."),
          reflect::field("Types", &Request::types, omitempty, "Only of these types."),
          reflect::field("Since", &Request::since, always, "Only from this time on."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    reflect::List<Event> events{};
    std::int64_t next = 0;
    std::int64_t lost = 0;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Events", &Result::events, always, "Oldest first."),
          reflect::field("Next", &Result::next, always, "What to ask on after."),
          reflect::field("Lost", &Result::lost, always,
                         "How many are gone that came after `after`: too old to be kept."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

}  // namespace kukeon::api

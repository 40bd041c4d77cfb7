// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kukeon/api/event_methods.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/commands/scope.h"
#include "kukeon/cli/context.h"
#include "kukeon/cli/follow.h"
#include "kukeon/cli/output/format.h"
#include "kukeon/cli/output/table.h"

namespace kukeon::cli {
namespace {

using namespace std::chrono_literals;
using v1beta1::Kind;

constexpr std::chrono::seconds poll_time{30};
// Beyond the daemon's own end of the wait: it hangs.
constexpr std::chrono::seconds answer_grace{30};
constexpr std::chrono::milliseconds shortest_pause{100};
constexpr std::chrono::milliseconds longest_pause{2000};

struct KindWords {
  Kind kind;
  std::array<std::string_view, 3> words;
};
constexpr std::array kind_words{
    KindWords{Kind::realm, {"realm", "realms", "r"}},
    KindWords{Kind::space, {"space", "spaces", "sp"}},
    KindWords{Kind::stack, {"stack", "stacks", "st"}},
    KindWords{Kind::cell, {"cell", "cells", "ce"}},
    KindWords{Kind::container, {"container", "containers", "co"}},
};

// "2026-05-14T21:10:38Z", or how long ago: "10m".
Timestamp parse_since(const std::string& text) {
  try {
    return Timestamp::parse(text, Timestamp::Date::allowed);
  } catch (const Error&) {
  }
  try {
    const auto ago = std::chrono::duration_cast<std::chrono::seconds>(parse_duration(text));
    Timestamp since = Timestamp::now();
    since.unix_seconds -= ago.count();
    return since;
  } catch (const Error&) {
    throw Error{kinds::usage, fmt::format("invalid --since {}: neither a duration (10m) nor a time"
                                          " (2026-05-14T21:10:38Z)",
                                          quote(text))};
  }
}

std::string object_of(const api::Event& event) {
  std::string path;
  for (const std::string* parent :
       {&event.realm_name, &event.space_name, &event.stack_name, &event.cell_name}) {
    if (!parent->empty()) path += *parent + "/";
  }
  return fmt::format("{} {}{}", to_lower_ascii(event.kind), path, event.name);
}

// To the second: the journal has more digits, and -o json shows them.
std::string time_of(const api::Event& event) {
  Timestamp time = event.time;
  time.nanoseconds = 0;
  return time.to_string();
}

// A table that goes on: its columns are as wide as what the first page needs.
class Rows {
 public:
  std::string text_of(const reflect::List<api::Event>& events) {
    std::string text;
    if (widths_.empty()) {
      std::size_t object = 40;
      for (const api::Event& event : events) object = std::max(object, object_of(event).size());
      widths_ = {20, 7, object};
      text += line("TIME", "TYPE", "OBJECT", "MESSAGE");
      text += line(std::string(widths_[0], '-'), std::string(widths_[1], '-'),
                   std::string(widths_[2], '-'), std::string(7, '-'));
    }
    for (const api::Event& event : events) {
      text += line(time_of(event), event.type, object_of(event), event.message);
    }
    return text;
  }

 private:
  std::string line(std::string_view time, std::string_view type, std::string_view object,
                   std::string_view message) const {
    return fmt::format("{:<{}}  {:<{}}  {:<{}}  {}\n", time, widths_[0], type, widths_[1], object,
                       widths_[2], message);
  }

  std::vector<std::size_t> widths_;
};

class Events : public Command {
  bool follow_ = false;
  std::optional<std::string> since_;
  std::optional<std::string> for_;
  std::vector<std::string> types_;
  std::optional<std::string> output_;
  Scope scope_;

  void describe(Args& args) override {
    args.flag("-f, --follow", follow_, "Go on as things happen, until Ctrl-C");
    args.flag("--since", since_, "Only from this time on, or from so long ago: 10m");
    args.flag("--for", for_, "Only of this object and what is in it: cell/web");
    args.flag("--type", types_, "Only of this type: exit, restart, …; may be repeated");
    args.flag("-o, --output", output_, "yaml, json or table");
    scope_.describe(args, Kind::container);
  }

  void run(Context& context) override {
    const Format format = parse_format(output_);
    api::WatchEvents::Request request = filter();
    if (follow_) return follow(context, request, format);
    reflect::List<api::Event> all = decltype(all)::empty_list();
    for (bool more = true; more;) {
      auto page = context.call<api::WatchEvents>(request);
      more = static_cast<std::int64_t>(page.events.size()) >= api::WatchEvents::most_events;
      request.after = page.next;
      std::ranges::move(page.events, std::back_inserter(all));
    }
    if (format == Format::json || format == Format::yaml) {
      return context.terminal().print(text_of(all, format));
    }
    if (all.empty()) return context.print("No events found.");
    Table table{{"TIME", "TYPE", "OBJECT", "MESSAGE"}};
    for (const api::Event& event : all) {
      table.add_row({time_of(event), event.type, object_of(event), event.message});
    }
    context.terminal().print(table.text());
  }

  // Of the flags. Scopes narrow; with --for they say where the object is, and default as elsewhere.
  api::WatchEvents::Request filter() const {
    api::WatchEvents::Request request;
    Place place = scope_.filter();
    if (for_) {
      const auto slash = for_->find('/');
      const std::string word = to_lower_ascii(for_->substr(0, slash));
      const auto known = std::ranges::find_if(kind_words, [&](const KindWords& one) {
        return std::ranges::find(one.words, word) != one.words.end();
      });
      const std::string name = slash == std::string::npos ? "" : for_->substr(slash + 1);
      if (known == kind_words.end() || name.empty()) {
        throw Error{kinds::usage,
                    fmt::format("invalid --for {}: write KIND/NAME, as in cell/web", quote(*for_))};
      }
      const auto fill = [&](Kind kind, std::string& part) {
        if (known->kind == kind) {
          part = name;
        } else if (known->kind < kind) {
          part.clear();
        } else if (part.empty() && kind != Kind::cell) {
          part = "default";
        }
      };
      fill(Kind::realm, place.realm);
      fill(Kind::space, place.space);
      fill(Kind::stack, place.stack);
      fill(Kind::cell, place.cell);
      fill(Kind::container, request.container_name);
      if (known->kind == Kind::container && place.cell.empty()) {
        throw Error{kinds::cell_name_required,
                    fmt::format("{} (--cell)", kinds::cell_name_required.text)};
      }
    }
    request.realm_name = place.realm;
    request.space_name = place.space;
    request.stack_name = place.stack;
    request.cell_name = place.cell;
    for (const std::string& type : types_) request.types.push_back(type);
    if (since_) request.since = parse_since(*since_);
    return request;
  }

  void follow(Context& context, api::WatchEvents::Request& request, Format format) {
    const ExitOnSignal exit_on_signal;
    Rows rows;
    bool connected = false;
    while (true) {
      const auto page = ask(context, request, connected);
      if (!page) return;
      if (page->lost > 0 && request.after > 0) {
        context.warn("{} events are gone before they could be read", page->lost);
      }
      if (format == Format::json || format == Format::yaml) {
        for (const api::Event& event : page->events) {
          context.terminal().print(format == Format::json ? reflect::to_json(event) + "\n"
                                                          : "---\n" + text_of(event, format));
        }
      } else if (!connected || !page->events.empty()) {
        context.terminal().print(rows.text_of(page->events));
      }
      context.terminal().flush();
      if (reader_left(context.terminal().out(), 0ms)) return;
      connected = true;
      request.after = page->next;
      request.timeout_seconds = poll_time.count();
    }
  }

  // The next page. Once connected, a daemon that goes away is waited for: its journal and our place
  // in it outlive it. Nothing when our own reader left meanwhile.
  std::optional<api::WatchEvents::Result> ask(Context& context,
                                              const api::WatchEvents::Request& request,
                                              bool connected) {
    std::chrono::milliseconds pause = shortest_pause;
    for (bool told = false;;) {
      try {
        return context.client().call<api::WatchEvents>(request, poll_time + answer_grace);
      } catch (const Error& error) {
        const bool gone = error.is(kinds::dial) || error.is(kinds::deadline_exceeded) ||
                          error.message().starts_with("unexpected EOF");
        if (!connected || !gone || context.settings().no_daemon) throw;
        if (!std::exchange(told, true)) {
          context.warn("kukeond is gone ({}); events go on when it is back", error.what());
        }
      }
      if (reader_left(context.terminal().out(), pause)) return std::nullopt;
      pause = std::min(pause * 2, longest_pause);
    }
  }
};

const Register<Events> registered{{
    .path = "events",
    .summary = "Tell what happened: starts, exits, restarts, repairs",
    .about =
        R"(Prints the daemon's journal: what was created, started, stopped, changed or deleted, which containers
ended and how, what was restarted or repaired. It keeps the newest 10,000 events. With -f it goes on until
Ctrl-C, also over a restart of the daemon. With -f and -o json each event is a line of its own.)",
    .examples = R"(kuke events --since 1h
kuke events --for cell/web --space blog
kuke events -f --type exit --type restart -o json)",
}};

}  // namespace
}  // namespace kukeon::cli

// SPDX-License-Identifier: Apache-2.0
#include "kukeon/daemon/event_watch.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/base/strings.h"

namespace kukeon::daemon {
namespace {

using std::chrono::seconds;

// The wait needs some end; nobody notices this one.
constexpr std::chrono::hours idle_round{24};

store::EventFilter filter_of(const api::WatchEvents::Request& request) {
  store::EventFilter filter{.path = {.realm = std::string{trim(request.realm_name)},
                                     .space = std::string{trim(request.space_name)},
                                     .stack = std::string{trim(request.stack_name)},
                                     .cell = std::string{trim(request.cell_name)},
                                     .container = std::string{trim(request.container_name)}},
                            .types = {},
                            .since = request.since};
  for (const std::string& word : request.types) {
    const auto type = reflect::value_of<store::EventType>(word);
    if (!type) {
      std::vector<std::string> known;
      for (const std::string_view one : reflect::Labels<store::EventType>::words) {
        known.emplace_back(one);
      }
      throw Error{kinds::invalid_argument, fmt::format("unknown event type {}; it is one of {}",
                                                       quote(word), join(known, ", "))};
    }
    filter.types.push_back(*type);
  }
  return filter;
}

api::Event event_of(const store::Event& event) {
  const model::Path parents = event.path.parent();
  return {.sequence = event.sequence,
          .time = event.time,
          .type = std::string{reflect::label(event.type)},
          .kind = std::string{model::word_of(event.path.kind())},
          .name = event.path.name(),
          .realm_name = parents.realm,
          .space_name = parents.space,
          .stack_name = parents.stack,
          .cell_name = parents.cell,
          .message = event.message,
          .data = event.data};
}

}  // namespace

EventWatch::EventWatch(const store::Journal& journal, std::size_t most)
    : journal_{journal}, most_{most}, thread_{[this](const std::stop_token& stop) { run(stop); }} {}

EventWatch::~EventWatch() {
  thread_.request_stop();
  poke();
  thread_.join();
}

void EventWatch::add_handlers(Router& router) {
  router.on_waiting<api::WatchEvents>(
      [this](const api::WatchEvents::Request& request, Call& call) { begin(request, call); });
}

std::size_t EventWatch::waiting() const {
  const std::lock_guard lock{mutex_};
  return waiting_.size();
}

std::optional<api::WatchEvents::Result> EventWatch::read(Waiting& waiting) const {
  store::EventPage page = journal_.read(waiting.seen, waiting.limit, waiting.filter);
  waiting.seen = page.next;
  waiting.lost += page.lost;
  if (page.events.empty() && waiting.lost == 0) return std::nullopt;
  api::WatchEvents::Result result;
  for (const store::Event& event : page.events) result.events.push_back(event_of(event));
  result.events.set_null(false);
  result.next = waiting.seen;
  result.lost = waiting.lost;
  return result;
}

void EventWatch::begin(const api::WatchEvents::Request& request, Call& call) {
  auto one = std::make_unique<Waiting>();
  one->filter = filter_of(request);
  one->limit = static_cast<std::size_t>(
      request.limit <= 0 ? api::WatchEvents::most_events
                         : std::min(request.limit, api::WatchEvents::most_events));
  one->seen = request.after;
  one->deadline =
      Clock::now() + seconds{std::clamp<std::int64_t>(request.timeout_seconds, 0,
                                                      api::WatchEvents::longest_wait_seconds)};
  if (auto result = read(*one)) return call.answer(std::move(*result));
  if (request.timeout_seconds <= 0) {
    api::WatchEvents::Result nothing;
    nothing.next = one->seen;
    nothing.events.set_null(false);
    return call.answer(std::move(nothing));
  }
  Waiting* added = one.get();
  {
    const std::lock_guard lock{mutex_};
    if (waiting_.size() >= most_) {
      throw Error{kinds::unavailable,
                  fmt::format("{} clients wait for events already; try again later, or ask without"
                              " TimeoutSeconds",
                              most_)};
    }
    waiting_.push_back(std::move(one));
    added->call = std::move(call);
    added->given_up.emplace(added->call.given_up(), std::function<void()>{[this] { poke(); }});
  }
  poke();
}

void EventWatch::poke() {
  std::stop_source round;
  {
    const std::lock_guard lock{poke_mutex_};
    poked_ = true;
    round = round_;
  }
  round.request_stop();
}

EventWatch::Clock::time_point EventWatch::answer_due(Last last) {
  const auto now = Clock::now();
  auto next = now + idle_round;
  std::vector<std::pair<std::unique_ptr<Waiting>, api::WatchEvents::Result>> due;
  {
    const std::lock_guard lock{mutex_};
    looked_ = journal_.newest();
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      Waiting& one = **at;
      auto result = one.seen < looked_ ? read(one) : std::nullopt;
      if (!result &&
          (last == Last::yes || one.deadline <= now || one.call.given_up().stop_requested())) {
        result.emplace();
        result->events.set_null(false);
        result->next = one.seen;
      }
      if (result) {
        due.emplace_back(std::move(*at), std::move(*result));
        at = waiting_.erase(at);
      } else {
        next = std::min(next, one.deadline);
        ++at;
      }
    }
  }
  for (auto& [one, result] : due) {
    one->given_up.reset();
    one->call.answer(std::move(result));
  }
  return next;
}

void EventWatch::run(const std::stop_token& stop) {
  while (true) {
    const bool last = stop.stop_requested();
    Clock::time_point next = Clock::now() + seconds{1};
    try {
      next = answer_due(last ? Last::yes : Last::no);
    } catch (...) {
      log::error("events not answered", {{"cause", current_exception_text()}});
    }
    if (last) break;
    std::stop_token round;
    {
      const std::lock_guard lock{poke_mutex_};
      if (std::exchange(poked_, false)) continue;
      round_ = std::stop_source{};
      round = round_.get_token();
    }
    journal_.wait(looked_, next, round);
  }
}

}  // namespace kukeon::daemon

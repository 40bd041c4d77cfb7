// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "kukeon/api/event_methods.h"
#include "kukeon/daemon/router.h"
#include "kukeon/engine/engine.h"

namespace kukeon::daemon {

// Answers WatchEvents. Calls that wait cost no worker: one thread follows the journal for all of
// them. It must live as long as the router is served.
class EventWatch {
 public:
  // More would wait in vain for memory: the call after them fails.
  static constexpr std::size_t most_waiting = 1024;

  explicit EventWatch(const store::Journal& journal, std::size_t most = most_waiting);
  EventWatch(const EventWatch&) = delete;
  EventWatch& operator=(const EventWatch&) = delete;
  ~EventWatch();  // answers all that wait

  void add_handlers(Router& router);

  std::size_t waiting() const;

 private:
  using Clock = std::chrono::steady_clock;
  using Call = Later<api::WatchEvents>;

  struct Waiting {
    store::EventFilter filter;
    std::size_t limit = 0;
    std::int64_t seen = 0;  // read up to here
    std::int64_t lost = 0;
    Clock::time_point deadline;
    Call call{};
    // Wakes us when the client hangs up or the daemon stops.
    std::optional<std::stop_callback<std::function<void()>>> given_up{};
  };

  void begin(const api::WatchEvents::Request& request, Call& call);
  // The answer where there is something to say.
  std::optional<api::WatchEvents::Result> read(Waiting& waiting) const;
  void poke();
  void run(const std::stop_token& stop);
  // Answers what is due, at the end all; tells when the next deadline is.
  enum class Last { no, yes };
  Clock::time_point answer_due(Last last);

  const store::Journal& journal_;
  const std::size_t most_;
  std::int64_t looked_ = 0;  // the thread's: all that wait have seen the journal up to here
  mutable std::mutex mutex_;
  std::list<std::unique_ptr<Waiting>> waiting_;
  std::mutex poke_mutex_;  // of the next two; a hang-up pokes while `mutex_` is held
  bool poked_ = false;
  std::stop_source round_;  // ends the running wait
  std::jthread thread_;
};

}  // namespace kukeon::daemon

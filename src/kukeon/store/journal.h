// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <vector>

#include "kukeon/store/database.h"
#include "kukeon/store/event.h"

namespace kukeon::store {

// Which events a reader wants; what is left out narrows nothing.
struct EventFilter {
  model::Path path{};  // its non-empty names: a cell's events are also those of its containers
  std::vector<EventType> types{};
  Timestamp since{};

  bool admits(const Event& event) const;
};

struct EventPage {
  std::vector<Event> events;  // oldest first
  std::int64_t next = 0;      // the sequence to go on after
  std::int64_t lost = 0;      // trimmed before they could be read; a reboot may count some twice
};

// The newest events, in a table of the state database. Writers go through Store; readers have a
// connection of their own, so that a running fsync never makes them wait.
class Journal {
 public:
  static constexpr std::int64_t kept_by_default = 10000;

  // `database` is the writer's connection to the same `file`.
  Journal(Database& database, const std::filesystem::path& file, std::int64_t kept);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // At most `limit` events after a sequence (0: from the oldest one kept). A reader that is ahead
  // of the journal has read another one: it gets this one from its beginning.
  EventPage read(std::int64_t after, std::size_t limit, const EventFilter& filter = {}) const;

  // The sequence of the newest event, 0 where there was none ever.
  std::int64_t newest() const;

  // True as soon as something newer than `after` is there; false at the deadline, or when stopped.
  bool wait(std::int64_t after, std::chrono::steady_clock::time_point deadline,
            const std::stop_token& stop) const;

 private:
  friend class Store;
  friend class Changes;

  // How many events in a row may be written without an fsync. After a power cut as many sequences
  // are left out, so that none is given twice.
  static constexpr std::int64_t unsynced_limit = 1000;

  // The writer's, one transaction at a time: begin, append…, trim, and after the commit publish.
  void begin() { written_ = newest(); }
  void append(Event event);
  void trim();
  void publish();

  void skip_what_a_power_cut_took();

  Database& database_;
  const std::int64_t kept_;
  std::int64_t written_ = 0;  // newest of the running transaction
  std::int64_t unsynced_ = 0;

  mutable std::mutex reading_;  // of the connection
  mutable Database reader_;

  mutable std::mutex mutex_;  // of the next two
  mutable std::condition_variable_any news_;
  std::int64_t newest_ = 0;
  std::int64_t trimmed_ = 0;  // nothing up to here is kept
};

}  // namespace kukeon::store

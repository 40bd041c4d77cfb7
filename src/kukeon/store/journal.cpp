// SPDX-License-Identifier: Apache-2.0
#include "kukeon/store/journal.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "kukeon/base/error.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/json.h"

namespace kukeon::store {
namespace {

// `key` is a path's, from its realm down.
bool names_match(const model::Path& wanted, std::string_view key) {
  for (const model::Kind kind : model::all_kinds) {
    const auto end = std::min(key.find('/'), key.size());
    const std::string& name = wanted.part(kind);
    if (!name.empty() && name != key.substr(0, end)) return false;
    key.remove_prefix(std::min(end + 1, key.size()));
  }
  return true;
}

bool type_matches(const std::vector<EventType>& wanted, std::string_view type) {
  return wanted.empty() ||
         std::ranges::any_of(wanted, [&](EventType one) { return reflect::label(one) == type; });
}

}  // namespace

bool EventFilter::admits(const Event& event) const {
  return event.time >= since && type_matches(types, reflect::label(event.type)) &&
         names_match(path, event.path.key());
}

Journal::Journal(Database& database, const std::filesystem::path& file, std::int64_t kept)
    : database_{database}, kept_{kept}, reader_{file} {
  // Pages are read once: SQLite's usual 2 MB of cache would gain nothing.
  reader_.execute("PRAGMA query_only=ON; PRAGMA cache_size=-128");
  // A kukeond from before the journal does not look at this table, so the format keeps its number.
  database_.execute(
      "CREATE TABLE IF NOT EXISTS journal(sequence INTEGER PRIMARY KEY, unix_seconds INTEGER NOT"
      " NULL, type TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL) STRICT");
  auto range = database_.prepare(
      "SELECT coalesce(min(sequence), 1), coalesce(max(sequence), 0)"
      " FROM journal");
  range.step();
  trimmed_ = range.row().integer(0) - 1;
  newest_ = range.row().integer(1);
  skip_what_a_power_cut_took();
}

// In another boot than the last time, events may be gone that somebody has seen.
void Journal::skip_what_a_power_cut_took() {
  const std::string boot{
      kukeon::trim(read_file_if_exists("/proc/sys/kernel/random/boot_id").value_or("unknown"))};
  std::string last_boot;
  std::int64_t floor = 0;
  auto facts = database_.prepare(
      "SELECT key, value FROM facts WHERE key IN ('journal_boot', 'journal_floor')");
  while (facts.step()) {
    if (facts.row().text(0) == "journal_boot") {
      last_boot = facts.row().text(1);
    } else {
      floor = parse_integer(facts.row().text(1)).value_or(0);
    }
  }
  newest_ = std::max(newest_, floor);
  if (boot == last_boot) return;
  if (!last_boot.empty()) newest_ += unsynced_limit;
  Transaction transaction{database_};
  for (const auto& [key, value] :
       {std::pair{"journal_boot", boot}, std::pair{"journal_floor", std::to_string(newest_)}}) {
    database_.prepare("INSERT OR REPLACE INTO facts(key, value) VALUES (?, ?)")
        .bind(key)
        .bind(value)
        .run();
  }
  transaction.commit();
}

void Journal::append(Event event) {
  event.sequence = ++written_;
  if (event.time.is_zero()) event.time = Timestamp::now();
  database_
      .prepare(
          "INSERT INTO journal(sequence, unix_seconds, type, path, body)"
          " VALUES (?, ?, ?, ?, ?)")
      .bind(event.sequence)
      .bind(event.time.unix_seconds)
      .bind(reflect::label(event.type))
      .bind(event.path.key())
      .bind(reflect::to_json(event))
      .run();
}

// The sequence is the table's key: what goes stands together at its beginning.
void Journal::trim() {
  if (written_ == newest() || written_ <= kept_) return;
  database_.prepare("DELETE FROM journal WHERE sequence <= ?").bind(written_ - kept_).run();
}

void Journal::publish() {
  {
    const std::lock_guard lock{mutex_};
    if (written_ == newest_) return;
    newest_ = written_;
    trimmed_ = std::max(trimmed_, written_ - kept_);
  }
  news_.notify_all();
}

EventPage Journal::read(std::int64_t after, std::size_t limit, const EventFilter& filter) const {
  EventPage page;
  {
    const std::lock_guard lock{mutex_};
    if (after > newest_ || after < 0) after = 0;
    page.next = newest_;
    page.lost = std::max<std::int64_t>(trimmed_ - after, 0);
  }
  const std::lock_guard lock{reading_};
  auto query = reader_.prepare(
      "SELECT sequence, type, path, body FROM journal"
      " WHERE sequence > ? AND sequence <= ? AND unix_seconds >= ? ORDER BY sequence");
  query.bind(after).bind(page.next).bind(filter.since.unix_seconds);
  while (page.events.size() < limit && query.step()) {
    // Decoding is what costs: ten thousand rows are passed over in milliseconds.
    if (!type_matches(filter.types, query.row().text(1)) ||
        !names_match(filter.path, query.row().text(2))) {
      continue;
    }
    try {
      auto event = reflect::from_json<Event>(query.row().text(3));
      if (filter.admits(event)) page.events.push_back(std::move(event));
    } catch (const Error& error) {
      // Of a newer kukeond: the others are still worth reading.
      log::debug("event not understood",
                 {{"sequence", query.row().integer(0)}, {"cause", error.what()}});
    }
  }
  if (page.events.size() >= limit && limit > 0) page.next = page.events.back().sequence;
  return page;
}

std::int64_t Journal::newest() const {
  const std::lock_guard lock{mutex_};
  return newest_;
}

bool Journal::wait(std::int64_t after, std::chrono::steady_clock::time_point deadline,
                   const std::stop_token& stop) const {
  std::unique_lock lock{mutex_};
  return news_.wait_until(lock, stop, deadline, [&] { return newest_ > after; });
}

}  // namespace kukeon::store

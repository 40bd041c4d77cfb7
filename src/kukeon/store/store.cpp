// SPDX-License-Identifier: Apache-2.0
#include "kukeon/store/store.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/base/rollback.h"
#include "kukeon/base/step.h"
#include "kukeon/model/derive.h"
#include "kukeon/model/kinds.h"
#include "kukeon/reflect/json.h"

namespace kukeon::store {
namespace {

constexpr std::array<std::string_view, 3> intent_words{"running", "stopped", "deleted"};

std::string_view word_of(Intent intent) { return intent_words[static_cast<std::size_t>(intent)]; }

Intent intent_of(std::string_view word) {
  const auto at = std::ranges::find(intent_words, word);
  return at == intent_words.end() ? Intent::running
                                  : static_cast<Intent>(at - intent_words.begin());
}

template <class T>
constexpr model::Kind kind_of() {
  if constexpr (std::is_same_v<T, model::Realm>) return model::Kind::realm;
  if constexpr (std::is_same_v<T, model::Space>) return model::Kind::space;
  if constexpr (std::is_same_v<T, model::Stack>) return model::Kind::stack;
  if constexpr (std::is_same_v<T, model::Cell>) return model::Kind::cell;
}

bool below(const std::string& key, const std::string& prefix) {
  return prefix.empty() || key == prefix || key.starts_with(prefix + "/");
}

}  // namespace

template <>
Table<model::Realm>& Store::table() {
  return realms_;
}
template <>
Table<model::Space>& Store::table() {
  return spaces_;
}
template <>
Table<model::Stack>& Store::table() {
  return stacks_;
}
template <>
Table<model::Cell>& Store::table() {
  return cells_;
}
template <class T>
const Table<T>& Store::table() const {
  return const_cast<Store*>(this)->table<T>();
}

// --- Changes ---

template <class T>
Changes& Changes::put(T value, Intent intent, std::optional<std::int64_t> expected_generation) {
  const model::Path path = value.path();
  in_database_.push_back([this, value = std::move(value), intent, expected_generation,
                          path]() mutable {
    // The writer alone changes the tables, and it is us: reading without the lock is safe.
    auto& documents = store_.table<T>();
    const auto at = documents.find(path);
    const Stored<T>* stored = at == documents.end() ? nullptr : at->second.get();
    if (expected_generation &&
        *expected_generation != (stored != nullptr ? stored->generation : 0)) {
      throw Error{kinds::stale_resource,
                  fmt::format("{} changed meanwhile; read it again", path.key())};
    }
    const std::string parent = path.parent().key();
    if (stored == nullptr && !parent.empty()) {
      auto query = store_.database_.prepare("SELECT intent FROM documents WHERE path = ?");
      if (!query.bind(parent).step() || intent_of(query.row().text(0)) == Intent::deleted) {
        const ErrorKind& kind = model::not_found(path.parent().kind());
        throw Error{kind, fmt::format("{}: {}", kind.text, parent)};
      }
    }

    model::stamp_lifecycle(value.status, stored != nullptr ? &stored->value.status : nullptr,
                           Timestamp::now());
    auto next = std::make_shared<Stored<T>>();
    const bool spec_changed =
        stored == nullptr || reflect::to_json(stored->value.spec) != reflect::to_json(value.spec);
    next->generation = (stored != nullptr ? stored->generation : 0) + (spec_changed ? 1 : 0);
    next->revision = (stored != nullptr ? stored->revision : 0) + 1;
    next->intent = intent;
    next->value = std::move(value);
    store_.database_
        .prepare(
            "INSERT INTO documents(path, parent, kind, body, intent, generation, revision)"
            " VALUES (?, nullif(?, ''), ?, ?, ?, ?, ?)"
            " ON CONFLICT(path) DO UPDATE SET body = excluded.body, intent = excluded.intent,"
            " generation = excluded.generation, revision = excluded.revision")
        .bind(path.key())
        .bind(parent)
        .bind(model::word_of(kind_of<T>()))
        .bind(reflect::to_json(next->value))
        .bind(word_of(intent))
        .bind(next->generation)
        .bind(next->revision)
        .run();
    after_commit_.push_back([this, path, next] {
      {
        const std::unique_lock lock{store_.reading_};
        store_.table<T>()[path] = next;
      }
      store_.write_shadow(next->value);
    });
  });
  return *this;
}

template Changes& Changes::put(model::Realm, Intent, std::optional<std::int64_t>);
template Changes& Changes::put(model::Space, Intent, std::optional<std::int64_t>);
template Changes& Changes::put(model::Stack, Intent, std::optional<std::int64_t>);
template Changes& Changes::put(model::Cell, Intent, std::optional<std::int64_t>);

Changes& Changes::erase(const model::Path& path) {
  in_database_.push_back([this, path] {
    const std::string key = path.key();
    auto children = store_.database_.prepare("SELECT path FROM documents WHERE parent = ? LIMIT 1");
    if (children.bind(key).step()) {
      throw Error{kinds::resource_has_dependencies,
                  fmt::format("{}: {} still holds {}", kinds::resource_has_dependencies.text, key,
                              children.row().text(0))};
    }
    store_.database_.prepare("DELETE FROM subnets WHERE space = ?").bind(key).run();
    store_.database_.prepare("DELETE FROM addresses WHERE cell = ?").bind(key).run();
    store_.database_.prepare("DELETE FROM halted WHERE cell = ?").bind(key).run();
    store_.database_.prepare("DELETE FROM documents WHERE path = ?").bind(key).run();
    after_commit_.push_back([this, path, key] {
      {
        const std::unique_lock lock{store_.reading_};
        store_.realms_.erase(path);
        store_.spaces_.erase(path);
        store_.stacks_.erase(path);
        store_.cells_.erase(path);
        store_.subnets_.erase(key);
        store_.addresses_.erase(key);
        store_.halted_.erase(key);
      }
      store_.remove_shadow(path);
    });
  });
  return *this;
}

Changes& Changes::lease_subnet(const model::Path& space, std::string_view cidr) {
  in_database_.push_back([this, key = space.key(), cidr = std::string{cidr}] {
    auto taken = store_.database_.prepare("SELECT space FROM subnets WHERE cidr = ?");
    if (taken.bind(cidr).step() && taken.row().text(0) != key) {
      throw Error{kinds::already_exists,
                  fmt::format("subnet {} belongs to space {}", cidr, taken.row().text(0))};
    }
    store_.database_.prepare("INSERT OR REPLACE INTO subnets(space, cidr) VALUES (?, ?)")
        .bind(key)
        .bind(cidr)
        .run();
    after_commit_.push_back([this, key, cidr] {
      const std::unique_lock lock{store_.reading_};
      store_.subnets_[key] = cidr;
    });
  });
  return *this;
}

Changes& Changes::lease_address(const model::Path& cell, std::string_view address) {
  in_database_.push_back([this, key = cell.key(),
                          space = model::Path{.realm = cell.realm, .space = cell.space}.key(),
                          address = std::string{address}] {
    auto taken =
        store_.database_.prepare("SELECT cell FROM addresses WHERE space = ? AND address = ?");
    if (taken.bind(space).bind(address).step() && taken.row().text(0) != key) {
      throw Error{kinds::already_exists,
                  fmt::format("address {} belongs to cell {}", address, taken.row().text(0))};
    }
    store_.database_
        .prepare("INSERT OR REPLACE INTO addresses(cell, space, address) VALUES (?, ?, ?)")
        .bind(key)
        .bind(space)
        .bind(address)
        .run();
    after_commit_.push_back([this, key, address] {
      const std::unique_lock lock{store_.reading_};
      store_.addresses_[key] = address;
    });
  });
  return *this;
}

Changes& Changes::set_halted(const model::Path& container, bool halted) {
  const std::string cell = container.up_to(model::Kind::cell).key();
  in_database_.push_back([this, cell, id = container.container, halted] {
    const char* const statement =
        halted ? "INSERT OR REPLACE INTO halted(cell, container) VALUES (?, ?)"
               : "DELETE FROM halted WHERE cell = ? AND container = ?";
    store_.database_.prepare(statement).bind(cell).bind(id).run();
    after_commit_.push_back([this, cell, id, halted] {
      const std::unique_lock lock{store_.reading_};
      auto& ids = store_.halted_[cell];
      if (halted) {
        ids.insert(id);
      } else {
        ids.erase(id);
      }
      if (ids.empty()) store_.halted_.erase(cell);
    });
  });
  return *this;
}

Changes& Changes::set_fact(std::string_view key, std::string_view value) {
  in_database_.push_back([this, key = std::string{key}, value = std::string{value}] {
    store_.database_.prepare("INSERT OR REPLACE INTO facts(key, value) VALUES (?, ?)")
        .bind(key)
        .bind(value)
        .run();
    after_commit_.push_back([this, key, value] {
      const std::unique_lock lock{store_.reading_};
      store_.facts_[key] = value;
    });
  });
  return *this;
}

Changes& Changes::erase_fact(std::string_view key) {
  in_database_.push_back([this, key = std::string{key}] {
    store_.database_.prepare("DELETE FROM facts WHERE key = ?").bind(key).run();
    after_commit_.push_back([this, key] {
      const std::unique_lock lock{store_.reading_};
      store_.facts_.erase(key);
    });
  });
  return *this;
}

Changes& Changes::record(Event event) {
  in_database_.push_back(
      [this, event = std::move(event)]() mutable { store_.journal_->append(std::move(event)); });
  return *this;
}

// --- Store ---

Store::Store(fs::path run_path, std::unique_ptr<ShadowRenderer> renderer, std::int64_t events_kept)
    : run_path_{std::move(run_path)},
      renderer_{std::move(renderer)},
      database_{run_path_ / "state.db"} {
  migrate();
  journal_.emplace(database_, run_path_ / "state.db", events_kept);
  load<model::Realm>();
  load<model::Space>();
  load<model::Stack>();
  load<model::Cell>();
  auto subnets = database_.prepare("SELECT space, cidr FROM subnets");
  while (subnets.step()) subnets_[subnets.row().text(0)] = subnets.row().text(1);
  auto addresses = database_.prepare("SELECT cell, address FROM addresses");
  while (addresses.step()) addresses_[addresses.row().text(0)] = addresses.row().text(1);
  auto halted = database_.prepare("SELECT cell, container FROM halted");
  while (halted.step()) halted_[halted.row().text(0)].insert(halted.row().text(1));
  auto facts = database_.prepare("SELECT key, value FROM facts");
  while (facts.step()) facts_[facts.row().text(0)] = facts.row().text(1);
}

Store::~Store() = default;

// Each step raises user_version by one; a database of a newer kukeon is refused rather than
// misread.
void Store::migrate() {
  constexpr std::array steps{
      "CREATE TABLE documents(path TEXT PRIMARY KEY, parent TEXT REFERENCES documents(path),"
      " kind TEXT NOT NULL, body TEXT NOT NULL, intent TEXT NOT NULL,"
      " generation INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT;"
      "CREATE INDEX documents_by_parent ON documents(parent);"
      "CREATE TABLE subnets(space TEXT PRIMARY KEY, cidr TEXT NOT NULL UNIQUE) STRICT;"
      "CREATE TABLE addresses(cell TEXT PRIMARY KEY, space TEXT NOT NULL, address TEXT NOT NULL,"
      " UNIQUE(space, address)) STRICT;"
      "CREATE TABLE facts(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;",
      "CREATE TABLE halted(cell TEXT NOT NULL, container TEXT NOT NULL,"
      " PRIMARY KEY(cell, container)) STRICT;",
  };
  constexpr auto current = static_cast<std::int64_t>(steps.size());
  auto query = database_.prepare("PRAGMA user_version");
  query.step();
  const std::int64_t version = query.row().integer(0);
  if (version > current) {
    throw Error{kinds::failed_precondition,
                fmt::format("{} has format {} and this kukeond reads up to {}; use a newer one",
                            (run_path_ / "state.db").string(), version, current)};
  }
  if (version == current) return;
  Transaction transaction{database_};
  for (std::int64_t next = version; next < current; ++next) {
    database_.execute(steps[static_cast<std::size_t>(next)]);
  }
  database_.execute(fmt::format("PRAGMA user_version = {}", current));
  transaction.commit();
}

template <class T>
void Store::load() {
  auto query = database_.prepare(
      "SELECT path, body, intent, generation, revision FROM documents WHERE kind = ?");
  query.bind(model::word_of(kind_of<T>()));
  while (query.step()) {
    const Row row = query.row();
    auto stored = std::make_shared<Stored<T>>();
    stored->value = during(fmt::format("read {} from the state database", row.text(0)),
                           [&] { return reflect::from_json<T>(row.text(1)); });
    stored->intent = intent_of(row.text(2));
    stored->generation = row.integer(3);
    stored->revision = row.integer(4);
    write_shadow(stored->value);
    const model::Path path = stored->value.path();
    table<T>()[path] = std::move(stored);
  }
}

void Store::write(const std::function<void(Changes&)>& describe) {
  const std::lock_guard lock{writing_};
  Changes changes{*this};
  describe(changes);
  step("store.write", [&] {
    journal_->begin();
    Transaction transaction{database_};
    for (const auto& change : changes.in_database_) change();
    journal_->trim();
    transaction.commit();
    if (!changes.in_database_.empty()) journal_->unsynced_ = 0;
    for (const auto& change : changes.after_commit_) change();
    journal_->publish();
  });
}

void Store::record(Event event) {
  const std::lock_guard lock{writing_};
  journal_->begin();
  // In WAL mode a commit under NORMAL is written and not synced, and stands whole or not at all.
  const bool synced = ++journal_->unsynced_ >= Journal::unsynced_limit;
  if (!synced) database_.execute("PRAGMA synchronous=NORMAL");
  Rollback restore;
  restore.add([this] { database_.execute("PRAGMA synchronous=FULL"); });
  {
    Transaction transaction{database_};
    journal_->append(std::move(event));
    journal_->trim();
    transaction.commit();
  }
  if (synced) journal_->unsynced_ = 0;
  journal_->publish();
}

template <class T>
Snapshot<T> Store::find(const model::Path& path) const {
  const std::shared_lock lock{reading_};
  const auto at = table<T>().find(path);
  return at == table<T>().end() ? nullptr : at->second;
}

template Snapshot<model::Realm> Store::find(const model::Path&) const;
template Snapshot<model::Space> Store::find(const model::Path&) const;
template Snapshot<model::Stack> Store::find(const model::Path&) const;
template Snapshot<model::Cell> Store::find(const model::Path&) const;

template <class T>
std::vector<Snapshot<T>> Store::list(const model::Path& filter) const {
  std::vector<Snapshot<T>> out;
  const std::shared_lock lock{reading_};
  const auto wanted = [](const std::string& name, const std::string& filter_name) {
    return filter_name.empty() || name == filter_name;
  };
  for (const auto& [path, stored] : table<T>()) {
    if (wanted(path.realm, filter.realm) && wanted(path.space, filter.space) &&
        wanted(path.stack, filter.stack) && wanted(path.cell, filter.cell)) {
      out.push_back(stored);
    }
  }
  return out;
}

template std::vector<Snapshot<model::Realm>> Store::list(const model::Path&) const;
template std::vector<Snapshot<model::Space>> Store::list(const model::Path&) const;
template std::vector<Snapshot<model::Stack>> Store::list(const model::Path&) const;
template std::vector<Snapshot<model::Cell>> Store::list(const model::Path&) const;

std::optional<std::string> Store::subnet_of(const model::Path& space) const {
  const std::shared_lock lock{reading_};
  const auto at = subnets_.find(space.key());
  if (at == subnets_.end()) return std::nullopt;
  return at->second;
}

std::vector<std::string> Store::leased_subnets() const {
  const std::shared_lock lock{reading_};
  std::vector<std::string> out;
  for (const auto& [key, cidr] : subnets_) out.push_back(cidr);
  return out;
}

std::optional<std::string> Store::address_of(const model::Path& cell) const {
  const std::shared_lock lock{reading_};
  const auto at = addresses_.find(cell.key());
  if (at == addresses_.end()) return std::nullopt;
  return at->second;
}

std::vector<std::string> Store::leased_addresses(const model::Path& space) const {
  const std::shared_lock lock{reading_};
  std::vector<std::string> out;
  for (const auto& [key, address] : addresses_) {
    if (below(key, space.key())) out.push_back(address);
  }
  return out;
}

std::set<std::string, std::less<>> Store::halted_containers(const model::Path& cell) const {
  const std::shared_lock lock{reading_};
  const auto at = halted_.find(cell.up_to(model::Kind::cell).key());
  return at == halted_.end() ? std::set<std::string, std::less<>>{} : at->second;
}

std::optional<std::string> Store::fact(std::string_view key) const {
  const std::shared_lock lock{reading_};
  const auto at = facts_.find(key);
  if (at == facts_.end()) return std::nullopt;
  return at->second;
}

std::map<std::string, std::string, std::less<>> Store::facts(std::string_view prefix) const {
  const std::shared_lock lock{reading_};
  std::map<std::string, std::string, std::less<>> out;
  for (auto at = facts_.lower_bound(prefix); at != facts_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    out.insert(*at);
  }
  return out;
}

fs::path Store::directory_of(const model::Path& path) const {
  return run_path_ / "data" / path.key();
}

void Store::remove_shadow(const model::Path& path) const {
  const fs::path directory = directory_of(path);
  std::error_code error;
  fs::remove(directory / "metadata.json", error);
  // A daemon killed between the two steps of an atomic write leaves its temporary file.
  for (const auto& entry : fs::directory_iterator{directory, error}) {
    if (is_atomic_write_leftover(entry.path())) fs::remove(entry.path(), error);
  }
  fs::remove(directory, error);  // stays while something else lives in it
}

template <class T>
void Store::write_shadow(const T& value) const {
  if (!renderer_) return;
  const fs::path directory = directory_of(value.path());
  try {
    make_directories(directory, 02750);
    write_file_atomically(directory / "metadata.json", renderer_->render(value), 0640);
  } catch (const Error& error) {
    log::warn("shadow file not written", {{"path", directory.string()}, {"cause", error.what()}});
  }
}

}  // namespace kukeon::store

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/model/cell.h"
#include "kukeon/model/names.h"
#include "kukeon/model/realm.h"
#include "kukeon/model/space.h"
#include "kukeon/model/stack.h"
#include "kukeon/store/database.h"
#include "kukeon/store/journal.h"

// What the daemon knows: documents, leases, events, facts about the host. SQLite is the truth
// (design D3); a copy in memory answers reads; `metadata.json` files are a shadow for people, never
// read back.
namespace kukeon::store {

// What the user asked for, kept apart from what was observed. `deleted` is a tombstone: teardown
// has begun, no child may be created, and a restarted daemon finishes it.
enum class Intent { running, stopped, deleted };

// A document as it stands in the store.
template <class T>
struct Stored {
  T value;
  Intent intent = Intent::running;
  std::int64_t generation = 0;  // counts changes of the spec: the compare-and-swap token
  std::int64_t revision = 0;    // counts every write
};

template <class T>
using Snapshot = std::shared_ptr<const Stored<T>>;

// Turns documents into the external form of their shadow files; the daemon supplies it.
class ShadowRenderer {
 public:
  virtual ~ShadowRenderer() = default;
  virtual std::string render(const model::Realm& realm) const = 0;
  virtual std::string render(const model::Space& space) const = 0;
  virtual std::string render(const model::Stack& stack) const = 0;
  virtual std::string render(const model::Cell& cell) const = 0;
};

// The documents of one kind in memory, in the order of their names.
template <class T>
using Table = std::map<model::Path, Snapshot<T>>;

class Store;

// The changes of one transaction. All of them happen, or none.
class Changes {
 public:
  // Writes a document and stamps its lifecycle fields (model.md 3.7). `expected_generation`:
  // nullopt writes unconditionally, 0 demands that it is new; otherwise stale_resource when the
  // stored spec is another. A new document whose parent is missing or being deleted is refused: the
  // parent's not-found kind.
  template <class T>
  Changes& put(T value, Intent intent, std::optional<std::int64_t> expected_generation = {});
  // Removes a document, its leases and its shadow. Children still there: resource_has_dependencies.
  Changes& erase(const model::Path& path);

  // A space's subnet, a cell's address; a taken value is already_exists.
  Changes& lease_subnet(const model::Path& space, std::string_view cidr);
  Changes& lease_address(const model::Path& cell, std::string_view address);

  // Whether the user stopped one container of a cell; its cell's intent stays `running`.
  Changes& set_halted(const model::Path& container, bool halted);

  // Facts about the host that outlive a daemon, e.g. "ip_forward_before".
  Changes& set_fact(std::string_view key, std::string_view value);
  Changes& erase_fact(std::string_view key);

  // Tells of these changes in the journal: it happened exactly if they are committed.
  Changes& record(Event event);

 private:
  friend class Store;
  explicit Changes(Store& store) : store_{store} {}

  Store& store_;
  std::vector<std::function<void()>> in_database_;
  std::vector<std::function<void()>> after_commit_;  // memory, then shadow files
};

class Store {
 public:
  // Opens or creates `<run_path>/state.db` and rebuilds the shadow tree below `<run_path>/data`.
  Store(std::filesystem::path run_path, std::unique_ptr<ShadowRenderer> renderer,
        std::int64_t events_kept = Journal::kept_by_default);
  ~Store();

  // Runs `describe(changes)`, then commits: one transaction, one fsync.
  void write(const std::function<void(Changes&)>& describe);

  // An event that no document tells of, without an fsync: a killed daemon loses none, a power cut
  // may take the last ones.
  void record(Event event);
  const Journal& journal() const { return *journal_; }

  // Reads: from memory, never blocked by a running fsync. find answers null where there is none.
  template <class T>
  Snapshot<T> find(const model::Path& path) const;
  // All of a kind whose path starts with the filter's non-empty names, sorted by path.
  template <class T>
  std::vector<Snapshot<T>> list(const model::Path& filter = {}) const;

  std::optional<std::string> subnet_of(const model::Path& space) const;
  std::vector<std::string> leased_subnets() const;
  std::optional<std::string> address_of(const model::Path& cell) const;
  std::vector<std::string> leased_addresses(const model::Path& space) const;
  // Ids of the containers that the user stopped alone.
  std::set<std::string, std::less<>> halted_containers(const model::Path& cell) const;
  std::optional<std::string> fact(std::string_view key) const;
  // Those whose key starts with `prefix`, whole keys to values.
  std::map<std::string, std::string, std::less<>> facts(std::string_view prefix) const;

  // `<run_path>/data/<realm>/…` of a document; also where its cell's files live.
  std::filesystem::path directory_of(const model::Path& path) const;

 private:
  friend class Changes;

  template <class T>
  Table<T>& table();
  template <class T>
  const Table<T>& table() const;
  template <class T>
  void load();
  template <class T>
  void write_shadow(const T& value) const;
  void remove_shadow(const model::Path& path) const;
  void migrate();

  std::filesystem::path run_path_;
  std::unique_ptr<ShadowRenderer> renderer_;
  std::mutex writing_;
  Database database_;
  std::optional<Journal> journal_;  // from the constructor on

  mutable std::shared_mutex reading_;
  Table<model::Realm> realms_;
  Table<model::Space> spaces_;
  Table<model::Stack> stacks_;
  Table<model::Cell> cells_;
  std::map<std::string, std::string, std::less<>> subnets_;    // space key -> CIDR
  std::map<std::string, std::string, std::less<>> addresses_;  // cell key -> address
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> halted_;  // by cell key
  std::map<std::string, std::string, std::less<>> facts_;
};

}  // namespace kukeon::store

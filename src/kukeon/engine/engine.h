// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "kukeon/base/guarded.h"
#include "kukeon/base/keyed_mutex.h"
#include "kukeon/base/rollback.h"
#include "kukeon/engine/cell_layout.h"
#include "kukeon/engine/config.h"
#include "kukeon/engine/plan.h"
#include "kukeon/firewall/admission.h"
#include "kukeon/image/import.h"
#include "kukeon/image/pull.h"
#include "kukeon/kernel/cgroup.h"
#include "kukeon/model/derive.h"
#include "kukeon/network/network.h"
#include "kukeon/runtime/runtime.h"
#include "kukeon/store/store.h"

// Where store, runtime, images, network and cgroups meet: every lifecycle of every kind. All calls
// block, are safe from any thread, and take the locks they need; errors are Error with the
// contract's kinds.
namespace kukeon::engine {

// What "create" found and did. The document is the stored one afterwards; each flag is what was
// there before.
struct RealmOutcome {
  model::Realm realm;
  bool document_existed = false;
  bool cgroup_existed = false;
  bool namespace_existed = false;
};
struct SpaceOutcome {
  model::Space space;
  bool document_existed = false;
  bool cgroup_existed = false;
  bool network_existed = false;
};
struct StackOutcome {
  model::Stack stack;
  bool document_existed = false;
  bool cgroup_existed = false;
};
struct CellOutcome {
  model::Cell cell;
  bool document_existed = false;
  bool cgroup_existed = false;
  bool root_existed = false;
  std::set<std::string> containers_existed;  // ids in the stored spec before
};
struct ContainerOutcome {
  model::Container container;
  bool existed = false;
};

struct RealmView {
  model::Realm realm;
  bool cgroup_exists = false;
  bool namespace_exists = false;
};
struct SpaceView {
  model::Space space;
  bool cgroup_exists = false;
  bool network_exists = false;
};
struct StackView {
  model::Stack stack;
  bool cgroup_exists = false;
};
struct CellView {
  model::Cell cell;
  bool cgroup_exists = false;
  bool root_exists = false;
};

enum class Cascade { no, yes };
enum class Force { no, yes };
// Of a create that also repairs: skip leaves what is not stored alone.
enum class IfMissing { create, skip };
enum class Prune { by_digest_only, all_unused };
struct DeleteOptions {
  Cascade cascade = Cascade::no;
  Force force = Force::no;
};

// The document as it was, and `space:<n>`, …, `metadata`, `cgroup`, `namespace` (runtime.md 3.7).
template <class T>
struct Deletion {
  T value;
  std::vector<std::string> deleted;
};

// What a purge found and did. Without a document `value` is empty.
template <class T>
struct Purge {
  T value{};
  bool had_document = false;
  std::vector<std::string> deleted{};  // as in Deletion
  std::string error{};                 // what stays, and why; all else is done
};
struct ContainerPurge {
  std::optional<model::Container> container{};  // where its cell knew it
  bool cell_had_document = false;
  std::vector<std::string> deleted{};
  std::string error{};
};

// Names as wire.md §6 wants them: bare, containers as realm/space/stack/cell/container.
struct Refreshed {
  struct Names {
    std::vector<std::string> found;
    std::vector<std::string> updated;
  };
  Names realms, spaces, stacks, cells, containers;
  std::vector<std::string> errors;
};

struct ApplyResult {
  int index = 0;
  model::Kind kind = model::Kind::realm;
  std::string name;
  std::string action;  // created, updated, unchanged, deleted, failed
  std::string error;
  std::vector<std::string> changes;
  std::map<std::string, std::string> details;
};

// What became of one document of `kuke delete -f`.
struct DeleteResult {
  int index = 0;
  model::Kind kind = model::Kind::realm;
  std::string name;
  std::string action;  // deleted, not found, failed
  std::string error;
  std::vector<std::string> cascaded;  // "stack:front": direct children that went with it
  std::map<std::string, std::string> details;
};

struct LogPaths {
  std::filesystem::path capture;  // of an attachable container
  std::filesystem::path log;      // of any other
};

struct Census {
  std::size_t realms = 0, spaces = 0, stacks = 0, cells = 0, containers = 0;
};

struct TeardownRow {
  std::string realm;
  std::string ns;
  std::string error;  // empty: purged
};

struct PrunedImages {
  std::vector<std::string> names;
  std::int64_t freed_bytes =
      0;  // of the content store; the snapshots that went with it come on top
};

// Throws failed_precondition for an egress policy that says more than "allow": nothing here
// enforces one, and a document must not promise what the host does not keep.
void require_enforceable(const model::Space& space);

class Engine {
 public:
  // Everything is used, nothing kept beyond the engine's life. `users` reads passwd and group of an
  // image. `admission` may be null: then nothing is asked of foreign FORWARD chains.
  Engine(Config config, store::Store& store, runtime::Runtime& runtime, network::Network& network,
         firewall::ForwardAdmission* admission, kernel::Cgroups cgroups = kernel::Cgroups{});
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  // Finishes what a killed daemon began, then follows task events and reconciles every interval, in
  // threads of its own, until stop(). Answers at once; the first pass runs meanwhile.
  void start();
  void stop();

  RealmOutcome create_realm(const model::Realm& wanted, IfMissing if_missing = IfMissing::create);
  SpaceOutcome create_space(const model::Space& wanted, IfMissing if_missing = IfMissing::create);
  StackOutcome create_stack(const model::Stack& wanted, IfMissing if_missing = IfMissing::create);
  CellOutcome create_cell(const model::Cell& wanted);
  ContainerOutcome create_container(const model::Container& wanted);

  // nullopt: there is none. Reads come from the store and probe the host object, nothing is
  // written.
  std::optional<RealmView> get_realm(const std::string& name);
  std::optional<SpaceView> get_space(const model::Path& path);
  std::optional<StackView> get_stack(const model::Path& path);
  std::optional<CellView> get_cell(const model::Path& path);
  // Throws cell_not_found, container_not_found.
  model::Container get_container(const model::Path& path);

  std::vector<model::Realm> list_realms();
  std::vector<model::Space> list_spaces(const model::Path& filter);
  std::vector<model::Stack> list_stacks(const model::Path& filter);
  std::vector<model::Cell> list_cells(const model::Path& filter);
  std::vector<model::ContainerSpec> list_containers(const model::Path& filter);

  model::Cell start_cell(const model::Path& path);
  model::Cell stop_cell(const model::Path& path);
  model::Cell kill_cell(const model::Path& path);
  // Stops what runs and starts it again, under one lock; what has ended is just started. Refused
  // for what is Pending or Unknown.
  model::Cell restart_cell(const model::Path& path);
  model::Container start_container(const model::Path& path);
  model::Container stop_container(const model::Path& path);
  model::Container kill_container(const model::Path& path);
  model::Container restart_container(const model::Path& path);

  Deletion<model::Realm> delete_realm(const std::string& name, const DeleteOptions& options);
  Deletion<model::Space> delete_space(const model::Path& path, const DeleteOptions& options);
  Deletion<model::Stack> delete_stack(const model::Path& path, const DeleteOptions& options);
  Deletion<model::Cell> delete_cell(const model::Path& path);
  Deletion<model::Container> delete_container(const model::Path& path);

  // Deletes, goes on where that fails, and sweeps up what the names lead to on the host: also of an
  // object without a document. Throws the not-found kind where nothing at all is there.
  Purge<model::Realm> purge_realm(const std::string& name, const DeleteOptions& options);
  Purge<model::Space> purge_space(const model::Path& path, const DeleteOptions& options);
  Purge<model::Stack> purge_stack(const model::Path& path, const DeleteOptions& options);
  Purge<model::Cell> purge_cell(const model::Path& path);
  ContainerPurge purge_container(const model::Path& path);

  // Looks at everything and stores what state it is in; never throws for one object.
  Refreshed refresh_all();

  LogPaths log_paths(const model::Path& container);

  // What applying these documents would do; changes nothing. execute() does it, document by
  // document: a failure is that document's, the others still run, cells side by side. What another
  // has changed since the plan was made is stale_resource. Of what has not begun when `stop` is
  // requested nothing begins.
  Plan plan(std::vector<Desired> documents, PlanOptions options = {}) const;
  std::vector<ApplyResult> execute(const Plan& plan, const std::stop_token& stop = {});
  // Keeps what tells this plan from others, so that require_plan() can say what moved.
  void remember(const Plan& plan);
  // Throws failed_precondition unless the plan has this hash: "sha256:<64 hex>", or the first
  // twelve or more of its digits.
  void require_plan(const Plan& plan, std::string_view hash) const;

  // Deletes what documents name, children before parents; one that is not there is no failure.
  std::vector<DeleteResult> delete_documents(const std::vector<Desired>& documents,
                                             const DeleteOptions& options,
                                             const std::stop_token& stop = {});

  // The realm's containerd namespace; throws realm_name_required, realm_not_found (`realm not
  // found: <name>`).
  std::string namespace_of(const std::string& realm) const;
  image::ImageStore& images() { return images_; }

  // Pulls what the registry has under this name now, with the realm's credentials; answers the
  // normalised name. Errors are those of image::Puller.
  std::string pull_image(const std::string& realm, const std::string& reference);
  // Ends what is being pulled, and what would be: the daemon stops.
  void cancel_pulls() { pulls_end_.request_stop(); }
  // Removes images that no container of the realm uses, be it a record in the runtime or a stored
  // document: those whose only name is a digest, which nothing but that name keeps, or all.
  PrunedImages prune_images(const std::string& realm, Prune which);

  // What happened, for whoever follows it.
  const store::Journal& journal() const { return store_.journal(); }

  Census census() const;
  std::string_view cgroup_layout() const { return kernel::to_string(cgroups_.layout().kind()); }
  // Every host object of this engine that exists now: links, tables, pins, cgroups, containerd
  // namespaces.
  std::vector<std::string> inventory();
  // Deletes every realm with all in it, then what all of them share. Used by `kuke uninstall`.
  std::vector<TeardownRow> teardown();

  const Config& config() const { return config_; }

 private:
  enum class Signal { term, kill };
  enum class Keep { records, nothing };
  enum class Fresh { no, yes };
  using Names = std::set<std::string, std::less<>>;  // of containers
  struct Start {
    Fresh fresh = Fresh::no;    // yes: nothing of the cell can be on the host
    Names leave_out{};          // containers that are not started
    bool gently = false;        // what runs of it is asked to end first
    bool keep_pending = false;  // a failure leaves the cell Pending: it is tried again
  };

  static std::string_view first_signal(Signal signal) {
    return signal == Signal::term ? "SIGTERM" : "SIGKILL";
  }

  // Facts about parents, from the store; throw the parent's not-found kind.
  store::Snapshot<model::Realm> realm_of(const model::Path& path) const;
  store::Snapshot<model::Space> space_of(const model::Path& path) const;
  store::Snapshot<model::Stack> stack_of(const model::Path& path) const;
  // Throws cell_not_found with the contract's sentence.
  store::Snapshot<model::Cell> stored_cell(const model::Path& path) const;

  std::string cgroup_of(const model::Path& path) const;
  network::SpaceNetwork network_of(const model::Path& space) const;
  CellLayout layout_of(const model::Cell& cell) const;
  KeyedMutex::Lock lock(const model::Path& path) { return locks_.lock(path.key()); }

  template <class T>
  store::Snapshot<T> existing(const model::Path& path) const;
  template <class T>
  void settle(T& layer, std::string_view failed_reason, const std::string& missing,
              const std::function<void()>& make_host);

  template <class T>
  void update_layer(const T& desired, std::int64_t generation);

  // Limits of a layer: whether this host can hold them to it, and writing them.
  void require_limits(const model::Path& path,
                      const std::optional<model::CgroupResources>& wanted) const;
  void set_limits(const model::Path& path, const std::optional<model::CgroupResources>& wanted,
                  const std::optional<model::CgroupResources>& before = {});
  void change_limits(const model::Path& path, const std::optional<model::CgroupResources>& before,
                     const std::optional<model::CgroupResources>& wanted, Rollback& undo);

  // Host side of the layers; each repairs what is missing.
  void ensure_realm_host(const model::Realm& realm);
  void ensure_space_host(const model::Space& space);
  std::string pick_subnet() const;
  std::filesystem::path pins_of_realm(const std::string& ns) const;
  std::vector<kernel::PinnedNamespaces> pinned() const;  // of all cells, also of none
  void remove_space_host(const model::Path& path);

  // The cell's lock is held by the caller of everything below.
  void complete(model::Cell& cell) const;
  void run(model::Cell& cell, const Start& how);
  CellOutcome ensure_cell(model::Cell wanted);
  void start_the_rest(model::Cell& cell, const CellLayout& at);
  std::vector<std::string> make_cgroup(const model::Cell& cell, const CellLayout& at);
  void bring_up(model::Cell& cell, const CellLayout& at, const Start& how);
  void start_containers(model::Cell& cell, const CellLayout& at,
                        const std::vector<const model::ContainerSpec*>& which);
  runtime::ContainerRecord wanted_record(const model::ContainerSpec& spec, const model::Cell& cell,
                                         const CellLayout& at);
  bool runs_as_wanted(const model::ContainerSpec& spec, const model::Cell& cell,
                      const CellLayout& at);
  struct StartHooks {
    std::function<void()> before_start{};  // when all is prepared
    std::function<void()> on_created{};    // when the task is made
  };
  void start_one(const model::ContainerSpec& spec, const model::Cell& cell, const CellLayout& at,
                 const StartHooks& hooks);
  void start_one(const model::ContainerSpec& spec, const model::Cell& cell, const CellLayout& at) {
    start_one(spec, cell, at, StartHooks{});
  }
  void stop_one(const model::ContainerSpec& spec, const CellLayout& at, Signal signal,
                std::chrono::milliseconds grace);
  void remove_one(const std::string& container_id, const CellLayout& at);
  void bring_down(const model::Cell& cell, const CellLayout& at, Signal signal, Keep keep,
                  std::chrono::milliseconds grace);
  void lease_address(const model::Path& path, store::Changes& changes) const;
  void require_images(const model::Cell& cell, const CellLayout& at);
  static model::TaskObservation observation_of(const std::optional<runtime::Task>& task);
  model::CellObservation look(const model::Cell& cell, const CellLayout& at,
                              store::Intent intent) const;
  static void take(model::Cell& cell, const model::CellObservation& seen, store::Intent intent);
  void observe(model::Cell& cell, const CellLayout& at, store::Intent intent);
  void drop_container(model::Cell& cell, const CellLayout& at, const std::string& container);
  void mark_failed(const model::Path& path, std::string_view reason, const Error& error);
  model::Cell put_cell(const model::Cell& cell, store::Intent intent,
                       std::vector<store::Event> events = {});
  void finish_delete(const model::Cell& cell);
  model::Cell halt_cell(const model::Path& path, Signal signal);
  model::Container halt_container(const model::Path& path, Signal signal);
  void require_root(const CellLayout& at);
  model::Container start_in_cell(const model::Path& path);  // its cell's lock is held

  // purge and refresh
  class Sweep;
  std::string namespace_by_name(const std::string& realm) const;
  void sweep_container(const std::string& ns, const std::string& id, Sweep& sweep);
  void sweep_below(const model::Path& path, const std::string& ns, const std::string& prefix,
                   Sweep& sweep);
  void sweep_group(const std::string& group, Sweep& sweep);
  void forget(const model::Path& path, const Sweep& sweep);
  template <class T>
  void refresh_layer(const model::Path& path, Refreshed::Names& names,
                     std::vector<std::string>& errors, const std::function<void(T&)>& look_at);
  void refresh_cell(const model::Path& path, Refreshed& result);

  // plan execution
  struct CellProgress {
    std::optional<std::int64_t> generation;  // as this plan left the cell
  };
  static ApplyResult result_of(const Change& change);
  ApplyResult execute_one(const Change& change, const std::stop_token& stop,
                          CellProgress* progress);
  void execute_removals(const Plan& plan, const std::vector<std::size_t>& removals, bool all_done,
                        const std::stop_token& stop, std::vector<ApplyResult>& results);
  void create(const Change& change);
  void update(const Change& change, ApplyResult& result);
  void remove(const Change& change);
  template <class T, class Delete>
  void remove_layer(const Change& change, const Delete& remove);
  void update_cell(const model::Cell& desired, const Change& change, ApplyResult& result);
  void drop_outdated(const model::Cell& before, const CellLayout& had, const model::Cell& wanted,
                     const CellLayout& at);
  DeleteResult delete_document(const Desired& desired, const DeleteOptions& options);

  // reconcile
  void run_events(const std::stop_token& stop);
  void run_timer(const std::stop_token& stop);
  void tell_of_oom(const model::Path& cell, const std::string& container_id);
  void run_reconciler(const std::stop_token& stop);
  void mark_dirty(const model::Path& cell);
  void mark_all_dirty();
  void mark_later(const model::Path& cell, std::chrono::milliseconds pause);
  std::optional<model::Path> take_dirty(const std::stop_token& stop);
  bool reconcile_layers();
  void reconcile_cell(const model::Path& path);
  void finish_stop(model::Cell cell, const CellLayout& at);
  void keep_running(const store::Stored<model::Cell>& stored, const CellLayout& at);
  void revive(const store::Stored<model::Cell>& stored, const CellLayout& at,
              model::CellObservation seen);
  bool restart_workloads(model::Cell& cell, const CellLayout& at, model::CellObservation& seen,
                         std::vector<store::Event>& events);
  void bring_back(const model::Cell& cell, Names leave_out, std::vector<store::Event> events = {});
  void try_again(const model::Path& path, const Error& error);
  void settle_cell(const model::Cell& cell, const model::CellStatus& before,
                   std::vector<store::Event> events);
  bool finish_deletions();
  std::optional<model::Path> cell_of_container(const std::string& ns, const std::string& id) const;

  Config config_;
  store::Store& store_;
  runtime::Runtime& runtime_;
  network::Network& network_;
  firewall::ForwardAdmission* admission_;
  image::ImageStore images_;
  image::Puller puller_;
  std::stop_source pulls_end_;
  kernel::Cgroups cgroups_;
  KeyedMutex locks_;
  std::mutex leasing_;  // from choosing a subnet or address to its commit
  Guarded<std::deque<std::pair<std::string, Fingerprint>>> plans_;  // remembered ones, newest last

  // Cells to look at: now, and at a later time. Guarded by dirty_mutex_.
  std::mutex dirty_mutex_;
  std::condition_variable_any dirty_wakes_;
  std::set<model::Path> dirty_;
  std::map<model::Path, std::chrono::steady_clock::time_point> later_;
  std::uint64_t marks_ = 0;                  // counts what came into either
  std::map<model::Path, int> recoveries_;    // tries to bring a cell back that failed
  std::map<model::Path, int> failed_looks_;  // in a row
  bool layers_looked_at_ = false;            // cells come after what they stand on
  std::jthread events_;
  std::jthread timer_;
  std::vector<std::jthread> reconcilers_;
};

}  // namespace kukeon::engine

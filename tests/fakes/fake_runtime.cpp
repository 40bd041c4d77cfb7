// SPDX-License-Identifier: Apache-2.0
#include "fakes/fake_runtime.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "fakes/container_filter.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/runtime/exec.h"

namespace kukeon::fakes {

using runtime::ContainerRecord;
using runtime::Descriptor;
using runtime::Event;
using runtime::EventKind;
using runtime::ImageRecord;
using runtime::Labels;
using runtime::Mount;
using runtime::Task;
using runtime::TaskOptions;
using runtime::TaskState;

namespace {

constexpr const char* gc_root = "containerd.io/gc.root";
constexpr const char* snapshotter_name = "overlayfs";

// One above the kernel's PID_MAX_LIMIT.
constexpr std::uint32_t first_pid = (1U << 22) + 1;

constexpr std::array<std::string_view, 48> methods{
    "version",
    "oci_runtime",
    "create_namespace",
    "delete_namespace",
    "namespace_exists",
    "list_namespaces",
    "namespace_labels",
    "set_namespace_labels",
    "create_lease",
    "delete_lease",
    "list_leases",
    "has_blob",
    "write_blob",
    "read_blob",
    "set_blob_labels",
    "list_blobs",
    "delete_blob",
    "put_image",
    "find_image",
    "list_images",
    "delete_image",
    "snapshotter",
    "snapshot_exists",
    "prepare_snapshot",
    "view_snapshot",
    "snapshot_mounts",
    "commit_snapshot",
    "remove_snapshot",
    "list_snapshots",
    "apply_layer",
    "create_container",
    "find_container",
    "list_containers",
    "set_container_labels",
    "delete_container",
    "start_task",
    "find_task",
    "list_tasks",
    "kill_task",
    "wait_task",
    "kill_and_wait",
    "pause_task",
    "resume_task",
    "delete_task",
    "find_metrics",
    "list_metrics",
    "exec",
    "watch",
};
void check_method(std::string_view method) {
  if (std::ranges::find(methods, method) == methods.end()) {
    throw Error{kinds::invalid_argument, fmt::format("Runtime has no method {}", method)};
  }
}

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned length = 0;
  EVP_Digest(bytes.data(), bytes.size(), hash.data(), &length, EVP_sha256(), nullptr);
  std::string text = "sha256:";
  for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", hash[i]);
  return text;
}

struct Blob {
  std::string bytes;
  Labels labels;
};

struct Snapshot {
  std::string parent;
  Labels labels;
  bool committed = false;
  bool read_only = false;
};

struct RunningTask {
  Task task;
  TaskOptions options;
  std::set<int> ignored;
  std::deque<int> pending;  // signals to a paused task
  runtime::TaskMetrics metrics;
  std::map<std::string, std::shared_ptr<FakeProcess>> execs;
};

void apply(const Labels& changes, Labels& labels) {
  for (const auto& [key, value] : changes) {
    if (value.empty()) {
      labels.erase(key);
    } else {
      labels[key] = value;
    }
  }
}

void check_snapshotter(const std::string& name) {
  if (!name.empty() && name != snapshotter_name) {
    throw Error{kinds::invalid_argument, fmt::format("snapshotter not loaded: {}", name)};
  }
}

struct Lease {
  std::set<std::string> blobs;
  std::set<std::string> snapshots;
};

struct Namespace {
  Labels labels;
  std::map<std::string, Lease> leases;
  std::map<std::string, Blob> blobs;
  std::map<std::string, ImageRecord> images;
  std::map<std::string, Snapshot> snapshots;
  std::map<std::string, ContainerRecord> containers;
  std::map<std::string, RunningTask> tasks;

  bool empty() const {
    return leases.empty() && blobs.empty() && images.empty() && snapshots.empty() &&
           containers.empty();
  }
};

struct Watcher {
  std::deque<Event> events;
  int stream = 0;     // the generation of streams it has joined
  int connected = 0;  // the last one that its owner was told of
};

// What keeps objects: roots are images, containers, leases and gc.root labels; edges are gc.ref
// labels, a snapshot's parent and a container's snapshot.
void collect_garbage(Namespace& space) {
  std::set<std::string> blobs;
  std::set<std::string> snapshots;
  const auto keep_snapshot = [&](std::string key) {
    while (!key.empty() && space.snapshots.contains(key) && snapshots.insert(key).second) {
      key = space.snapshots.at(key).parent;
    }
  };
  const auto follow_snapshots = [&](const Labels& labels) {
    const std::string prefix = fmt::format("containerd.io/gc.ref.snapshot.{}", snapshotter_name);
    for (const auto& [key, value] : labels) {
      if (key.starts_with(prefix)) keep_snapshot(value);
    }
  };
  const auto keep_blob = [&](const auto& self, const std::string& digest) -> void {
    const auto found = space.blobs.find(digest);
    if (found == space.blobs.end() || !blobs.insert(digest).second) return;
    follow_snapshots(found->second.labels);
    for (const auto& [key, value] : found->second.labels) {
      if (key.starts_with("containerd.io/gc.ref.content")) self(self, value);
    }
  };
  for (const auto& [name, image] : space.images) keep_blob(keep_blob, image.target.digest);
  for (const auto& [id, container] : space.containers) {
    keep_snapshot(container.snapshot_key);
    follow_snapshots(container.labels);
  }
  for (const auto& [id, lease] : space.leases) {
    for (const std::string& digest : lease.blobs) keep_blob(keep_blob, digest);
    for (const std::string& key : lease.snapshots) keep_snapshot(key);
  }
  for (const auto& [digest, blob] : space.blobs) {
    if (blob.labels.contains(gc_root)) keep_blob(keep_blob, digest);
  }
  for (const auto& [key, snapshot] : space.snapshots) {
    if (snapshot.labels.contains(gc_root)) keep_snapshot(key);
  }
  std::erase_if(space.blobs, [&](const auto& entry) { return !blobs.contains(entry.first); });
  std::erase_if(space.snapshots,
                [&](const auto& entry) { return !snapshots.contains(entry.first); });
}

[[noreturn]] void not_running(const Task& task) {
  throw Error{kinds::failed_precondition,
              fmt::format("container {} is not running: it exited with code {}", task.container_id,
                          task.exit_code)};
}

[[noreturn]] void missing(std::string_view kind, std::string_view name) {
  throw Error{kinds::not_found, fmt::format("{} \"{}\": not found", kind, name)};
}

}  // namespace

struct FakeRuntime::State {
  mutable std::mutex mutex;
  std::condition_variable_any changed;
  std::map<std::string, Namespace> namespaces;
  std::map<std::string, std::deque<Error>, std::less<>> next_failures;
  std::set<std::pair<std::string, std::string>> blocked;
  int hanging = 0;
  std::condition_variable changed_blocks;
  std::map<std::pair<std::string, std::string>, Error> failures;
  std::map<std::string, int, std::less<>> calls;
  std::map<std::string, std::string> diff_ids;
  std::filesystem::path rootfs = "/nonexistent/kukeon-fake-rootfs";
  std::set<Watcher*> watchers;
  std::map<std::string, FakeProgram> programs = standard_programs();
  int stream = 1;  // break_streams() starts the next generation
  std::uint32_t next_pid = first_pid;

  // Counts the call, fails it if a test asked for that, and holds the lock for the rest of it.
  std::unique_lock<std::mutex> enter(std::string_view method, const std::string& object) {
    std::unique_lock lock{mutex};
    ++calls[std::string{method}];
    if (blocked.contains({std::string{method}, object})) {
      ++hanging;
      changed_blocks.notify_all();
      changed_blocks.wait(lock, [&] { return !blocked.contains({std::string{method}, object}); });
      --hanging;
    }
    if (const auto found = next_failures.find(method);
        found != next_failures.end() && !found->second.empty()) {
      const Error error = found->second.front();
      found->second.pop_front();
      throw error;
    }
    if (const auto found = failures.find({std::string{method}, object}); found != failures.end()) {
      throw found->second;
    }
    return lock;
  }

  Namespace& space(const std::string& ns) {
    if (ns.empty()) {
      throw Error{kinds::failed_precondition, "namespace is required: failed precondition"};
    }
    return namespaces[ns];  // containerd, too, makes a namespace of whatever is put into it
  }
  const Namespace* find_space(const std::string& ns) const {
    const auto found = namespaces.find(ns);
    return found == namespaces.end() ? nullptr : &found->second;
  }

  void publish(const Event& event) {
    for (Watcher* watcher : watchers) {
      if (watcher->stream == stream) watcher->events.push_back(event);
    }
    changed.notify_all();
  }

  RunningTask& task(const std::string& ns, const std::string& id) {
    auto& tasks = space(ns).tasks;
    const auto found = tasks.find(id);
    if (found == tasks.end()) missing("task", id);
    return found->second;
  }

  void exit(const std::string& ns, RunningTask& running, std::uint32_t code) {
    Task& task = running.task;
    if (task.state == TaskState::stopped) return;
    task.state = TaskState::stopped;
    task.exit_code = code;
    task.exited_at = Timestamp::now();
    for (const auto& [id, process] : running.execs) process->signal(SIGKILL);
    publish({.kind = EventKind::task_exited,
             .ns = ns,
             .container_id = task.container_id,
             .pid = task.pid,
             .exit_code = code,
             .at = task.exited_at});
  }

  void signal(const std::string& ns, RunningTask& running, int signal) {
    if (running.ignored.contains(signal)) return;
    if (running.task.state == TaskState::paused && signal != SIGKILL) {
      running.pending.push_back(signal);
      return;
    }
    exit(ns, running, 128 + static_cast<std::uint32_t>(signal));
  }

  // Waits with the lock for the exit of the task that is there now.
  std::optional<Task> wait(std::unique_lock<std::mutex>& lock, const std::string& ns,
                           const std::string& id, std::chrono::milliseconds timeout) {
    Task last = task(ns, id).task;
    const std::uint32_t pid = last.pid;
    // A task that is deleted while we wait had exited; its successor is another one.
    const bool exited = changed.wait_for(lock, timeout, [&] {
      const auto& tasks = space(ns).tasks;
      const auto found = tasks.find(id);
      if (found == tasks.end() || found->second.task.pid != pid) {
        last.state = TaskState::stopped;
        last.exit_code = 128 + SIGKILL;
        return true;
      }
      last = found->second.task;
      return last.state == TaskState::stopped;
    });
    return exited ? std::optional{last} : std::nullopt;
  }

  void publish_state(EventKind kind, const std::string& ns, const Task& task) {
    publish({.kind = kind,
             .ns = ns,
             .container_id = task.container_id,
             .pid = task.pid,
             .exit_code = 0,
             .at = Timestamp::now()});
  }

  Lease* lease(const std::string& ns, const std::string& id) {
    if (id.empty()) return nullptr;
    auto& leases = space(ns).leases;
    const auto found = leases.find(id);
    if (found == leases.end()) missing("lease", id);
    return &found->second;
  }

  std::vector<Mount> mounts(bool read_only) const {
    return {
        {.type = "bind", .source = rootfs.string(), .options = {"rbind", read_only ? "ro" : "rw"}}};
  }

  std::vector<Mount> make_snapshot(const std::string& ns, const std::string& key,
                                   const std::string& parent, const Labels& labels,
                                   const std::string& lease_id, bool read_only) {
    Namespace& in = space(ns);
    Lease* owner = lease(ns, lease_id);
    if (in.snapshots.contains(key)) {
      throw Error{kinds::already_exists, fmt::format("snapshot \"{}\": already exists", key)};
    }
    if (!parent.empty()) {
      const auto found = in.snapshots.find(parent);
      if (found == in.snapshots.end()) missing("parent snapshot", parent);
      if (!found->second.committed) {
        throw Error{kinds::invalid_argument,
                    fmt::format("parent \"{}\" is not committed snapshot", parent)};
      }
    }
    Snapshot snapshot{.parent = parent, .labels = labels, .read_only = read_only};
    if (owner != nullptr) {
      owner->snapshots.insert(key);
    } else {
      snapshot.labels[gc_root] = Timestamp::now().to_string();
    }
    in.snapshots.emplace(key, std::move(snapshot));
    return mounts(read_only);
  }
};

FakeRuntime::FakeRuntime() : state_{std::make_unique<State>()} {}
FakeRuntime::~FakeRuntime() = default;

void FakeRuntime::fail_next(std::string_view method, Error error) {
  check_method(method);
  const std::lock_guard lock{state_->mutex};
  state_->next_failures[std::string{method}].push_back(std::move(error));
}

void FakeRuntime::fail(std::string_view method, std::string_view object, Error error) {
  check_method(method);
  const std::lock_guard lock{state_->mutex};
  state_->failures.insert_or_assign({std::string{method}, std::string{object}}, std::move(error));
}

void FakeRuntime::clear_failures() {
  const std::lock_guard lock{state_->mutex};
  state_->next_failures.clear();
  state_->failures.clear();
}

void FakeRuntime::block(std::string_view method, std::string_view object) {
  check_method(method);
  const std::lock_guard lock{state_->mutex};
  state_->blocked.emplace(method, object);
}

void FakeRuntime::unblock() {
  const std::lock_guard lock{state_->mutex};
  state_->blocked.clear();
  state_->changed_blocks.notify_all();
}

bool FakeRuntime::wait_for_blocked(int count) {
  std::unique_lock lock{state_->mutex};
  return state_->changed_blocks.wait_for(lock, std::chrono::seconds{5},
                                         [&] { return state_->hanging >= count; });
}

void FakeRuntime::exit_task(const std::string& ns, const std::string& id, std::uint32_t code) {
  const std::lock_guard lock{state_->mutex};
  state_->exit(ns, state_->task(ns, id), code);
}

void FakeRuntime::set_program(const std::string& name, FakeProgram program) {
  const std::lock_guard lock{state_->mutex};
  state_->programs.insert_or_assign(name, std::move(program));
}

void FakeRuntime::set_metrics(const std::string& ns, const std::string& id,
                              runtime::TaskMetrics metrics) {
  const std::lock_guard lock{state_->mutex};
  state_->task(ns, id).metrics = std::move(metrics);
}

void FakeRuntime::oom_task(const std::string& ns, const std::string& id) {
  const std::lock_guard lock{state_->mutex};
  const Task& task = state_->task(ns, id).task;
  state_->publish({.kind = EventKind::task_oom,
                   .ns = ns,
                   .container_id = id,
                   .pid = task.pid,
                   .exit_code = 0,
                   .at = Timestamp::now()});
}

void FakeRuntime::ignore_signal(const std::string& ns, const std::string& id, int signal) {
  const std::lock_guard lock{state_->mutex};
  if (signal != SIGKILL) state_->task(ns, id).ignored.insert(signal);
}

void FakeRuntime::break_streams() {
  const std::lock_guard lock{state_->mutex};
  ++state_->stream;
  state_->changed.notify_all();
}

bool FakeRuntime::wait_for_watchers(int count) {
  std::unique_lock lock{state_->mutex};
  return state_->changed.wait_for(lock, std::chrono::seconds{5}, [&] {
    return std::ranges::count_if(state_->watchers, [&](const Watcher* watcher) {
             return watcher->connected == state_->stream;
           }) >= count;
  });
}

void FakeRuntime::set_rootfs(std::filesystem::path directory) {
  const std::lock_guard lock{state_->mutex};
  state_->rootfs = std::move(directory);
}

void FakeRuntime::set_diff_id(const std::string& layer_digest, const std::string& diff_id) {
  const std::lock_guard lock{state_->mutex};
  state_->diff_ids[layer_digest] = diff_id;
}

int FakeRuntime::calls(std::string_view method) const {
  check_method(method);
  const std::lock_guard lock{state_->mutex};
  const auto found = state_->calls.find(method);
  return found == state_->calls.end() ? 0 : found->second;
}

TaskOptions FakeRuntime::task_options(const std::string& ns, const std::string& id) const {
  const std::lock_guard lock{state_->mutex};
  return state_->task(ns, id).options;
}

Labels FakeRuntime::snapshot_labels(const std::string& ns, const std::string& key) const {
  const std::lock_guard lock{state_->mutex};
  const Namespace* space = state_->find_space(ns);
  if (space == nullptr || !space->snapshots.contains(key)) missing("snapshot", key);
  return space->snapshots.at(key).labels;
}

Labels FakeRuntime::blob_labels(const std::string& ns, const std::string& digest) const {
  const std::lock_guard lock{state_->mutex};
  const Namespace* space = state_->find_space(ns);
  if (space == nullptr || !space->blobs.contains(digest)) missing("content", digest);
  return space->blobs.at(digest).labels;
}

std::vector<std::string> FakeRuntime::objects() const {
  const std::lock_guard lock{state_->mutex};
  std::vector<std::string> list;
  for (const auto& [ns, space] : state_->namespaces) {
    list.push_back("namespace " + ns);
    const auto add = [&](std::string_view kind, const auto& entries) {
      for (const auto& [key, value] : entries)
        list.push_back(fmt::format("{} {}/{}", kind, ns, key));
    };
    add("lease", space.leases);
    add("blob", space.blobs);
    add("image", space.images);
    add("snapshot", space.snapshots);
    add("container", space.containers);
    add("task", space.tasks);
    for (const auto& [id, running] : space.tasks) {
      for (const auto& [exec, process] : running.execs) {
        list.push_back(fmt::format("exec {}/{}/{}", ns, id, exec));
      }
    }
  }
  std::ranges::sort(list);
  return list;
}

std::string FakeRuntime::version() {
  const auto lock = state_->enter("version", "");
  return "containerd 1.6.20~fake";
}

std::string FakeRuntime::oci_runtime() {
  const auto lock = state_->enter("oci_runtime", "");
  return "runc";
}

void FakeRuntime::create_namespace(const std::string& ns, const Labels& labels) {
  const auto lock = state_->enter("create_namespace", ns);
  const bool is_new = !state_->namespaces.contains(ns);
  Namespace& space = state_->space(ns);
  if (is_new) space.labels = labels;
}

void FakeRuntime::delete_namespace(const std::string& ns) {
  const auto lock = state_->enter("delete_namespace", ns);
  const Namespace* space = state_->find_space(ns);
  if (space == nullptr) return;
  if (!space->empty()) {
    throw Error{kinds::failed_precondition,
                fmt::format("namespace \"{}\" must be empty, but it still has objects", ns)};
  }
  state_->namespaces.erase(ns);
}

bool FakeRuntime::namespace_exists(const std::string& ns) {
  const auto lock = state_->enter("namespace_exists", ns);
  return state_->namespaces.contains(ns);
}

std::vector<std::string> FakeRuntime::list_namespaces() {
  const auto lock = state_->enter("list_namespaces", "");
  std::vector<std::string> names;
  for (const auto& [ns, space] : state_->namespaces) names.push_back(ns);
  return names;
}

Labels FakeRuntime::namespace_labels(const std::string& ns) {
  const auto lock = state_->enter("namespace_labels", ns);
  const Namespace* space = state_->find_space(ns);
  if (space == nullptr) missing("namespace", ns);
  return space->labels;
}

void FakeRuntime::set_namespace_labels(const std::string& ns, const Labels& labels) {
  const auto lock = state_->enter("set_namespace_labels", ns);
  if (state_->find_space(ns) == nullptr) missing("namespace", ns);
  apply(labels, state_->space(ns).labels);
}

void FakeRuntime::create_lease(const std::string& ns, const std::string& id) {
  const auto lock = state_->enter("create_lease", id);
  if (!state_->space(ns).leases.try_emplace(id).second) {
    throw Error{kinds::already_exists, fmt::format("lease \"{}\": already exists", id)};
  }
}

void FakeRuntime::delete_lease(const std::string& ns, const std::string& id) {
  const auto lock = state_->enter("delete_lease", id);
  Namespace& space = state_->space(ns);
  space.leases.erase(id);
  collect_garbage(space);
}

std::vector<std::string> FakeRuntime::list_leases(const std::string& ns) {
  const auto lock = state_->enter("list_leases", ns);
  std::vector<std::string> ids;
  if (const Namespace* space = state_->find_space(ns)) {
    for (const auto& [id, lease] : space->leases) ids.push_back(id);
  }
  return ids;
}

bool FakeRuntime::has_blob(const std::string& ns, const std::string& digest) {
  const auto lock = state_->enter("has_blob", digest);
  const Namespace* space = state_->find_space(ns);
  return space != nullptr && space->blobs.contains(digest);
}

void FakeRuntime::write_blob(const std::string& ns, const Descriptor& blob,
                             const runtime::Source& source, const Labels& labels,
                             const std::string& lease) {
  {
    const auto lock = state_->enter("write_blob", blob.digest);
    Lease* owner = state_->lease(ns, lease);
    if (state_->space(ns).blobs.contains(blob.digest)) {
      if (owner != nullptr) owner->blobs.insert(blob.digest);
      return;
    }
  }
  // Outside the lock: the source is the caller's code.
  std::string bytes;
  std::array<char, 65536> chunk{};
  while (const std::size_t size = source(chunk.data(), chunk.size())) {
    bytes.append(chunk.data(), size);
    if (bytes.size() > static_cast<std::size_t>(blob.size_bytes)) break;
  }
  if (bytes.size() != static_cast<std::size_t>(blob.size_bytes) || sha256(bytes) != blob.digest) {
    throw Error{
        kinds::invalid_argument,
        fmt::format("blob {} does not have the digest and size of its descriptor", blob.digest)};
  }
  const std::lock_guard lock{state_->mutex};
  if (Lease* owner = state_->lease(ns, lease)) owner->blobs.insert(blob.digest);
  state_->space(ns).blobs.try_emplace(blob.digest,
                                      Blob{.bytes = std::move(bytes), .labels = labels});
}

std::string FakeRuntime::read_blob(const std::string& ns, const std::string& digest,
                                   std::size_t limit) {
  const auto lock = state_->enter("read_blob", digest);
  const Namespace* space = state_->find_space(ns);
  if (space == nullptr || !space->blobs.contains(digest)) missing("content", digest);
  const std::string& bytes = space->blobs.at(digest).bytes;
  if (bytes.size() > limit) {
    throw Error{kinds::invalid_argument,
                fmt::format("blob {} is larger than the {} bytes expected of it", digest, limit)};
  }
  return bytes;
}

void FakeRuntime::set_blob_labels(const std::string& ns, const std::string& digest,
                                  const Labels& labels) {
  const auto lock = state_->enter("set_blob_labels", digest);
  auto& blobs = state_->space(ns).blobs;
  const auto found = blobs.find(digest);
  if (found == blobs.end()) missing("content", digest);
  apply(labels, found->second.labels);
}

std::vector<Descriptor> FakeRuntime::list_blobs(const std::string& ns) {
  const auto lock = state_->enter("list_blobs", ns);
  std::vector<Descriptor> list;
  if (const Namespace* space = state_->find_space(ns)) {
    for (const auto& [digest, blob] : space->blobs) {
      list.push_back({.media_type = {},
                      .digest = digest,
                      .size_bytes = static_cast<std::int64_t>(blob.bytes.size())});
    }
  }
  return list;
}

void FakeRuntime::delete_blob(const std::string& ns, const std::string& digest) {
  const auto lock = state_->enter("delete_blob", digest);
  state_->space(ns).blobs.erase(digest);
}

void FakeRuntime::put_image(const std::string& ns, const ImageRecord& image) {
  const auto lock = state_->enter("put_image", image.name);
  auto& images = state_->space(ns).images;
  const auto found = images.find(image.name);
  ImageRecord record = image;
  if (found != images.end()) {
    record.created_at = found->second.created_at;
  } else if (record.created_at.is_zero()) {
    record.created_at = Timestamp::now();
  }
  images.insert_or_assign(image.name, std::move(record));
}

std::optional<ImageRecord> FakeRuntime::find_image(const std::string& ns, const std::string& name) {
  const auto lock = state_->enter("find_image", name);
  const Namespace* space = state_->find_space(ns);
  if (space == nullptr || !space->images.contains(name)) return std::nullopt;
  return space->images.at(name);
}

std::vector<ImageRecord> FakeRuntime::list_images(const std::string& ns) {
  const auto lock = state_->enter("list_images", ns);
  std::vector<ImageRecord> list;
  if (const Namespace* space = state_->find_space(ns)) {
    for (const auto& [name, image] : space->images) list.push_back(image);
  }
  return list;
}

void FakeRuntime::delete_image(const std::string& ns, const std::string& name) {
  const auto lock = state_->enter("delete_image", name);
  Namespace& space = state_->space(ns);
  space.images.erase(name);
  collect_garbage(space);
}

std::string FakeRuntime::snapshotter() { return snapshotter_name; }

bool FakeRuntime::snapshot_exists(const std::string& ns, const std::string& key) {
  const auto lock = state_->enter("snapshot_exists", key);
  const Namespace* space = state_->find_space(ns);
  return space != nullptr && space->snapshots.contains(key);
}

std::vector<Mount> FakeRuntime::prepare_snapshot(const std::string& ns, const std::string& key,
                                                 const std::string& parent, const Labels& labels,
                                                 const std::string& lease) {
  const auto lock = state_->enter("prepare_snapshot", key);
  return state_->make_snapshot(ns, key, parent, labels, lease, false);
}

std::vector<Mount> FakeRuntime::view_snapshot(const std::string& ns, const std::string& key,
                                              const std::string& parent, const std::string& lease) {
  const auto lock = state_->enter("view_snapshot", key);
  return state_->make_snapshot(ns, key, parent, {}, lease, true);
}

std::vector<Mount> FakeRuntime::snapshot_mounts(const std::string& ns, const std::string& key) {
  const auto lock = state_->enter("snapshot_mounts", key);
  const Namespace* space = state_->find_space(ns);
  if (space == nullptr || !space->snapshots.contains(key)) missing("snapshot", key);
  const Snapshot& snapshot = space->snapshots.at(key);
  if (snapshot.committed) {
    throw Error{kinds::failed_precondition, fmt::format("snapshot {} is committed", key)};
  }
  return state_->mounts(snapshot.read_only);
}

void FakeRuntime::commit_snapshot(const std::string& ns, const std::string& name,
                                  const std::string& key, const Labels& labels,
                                  const std::string& lease) {
  const auto lock = state_->enter("commit_snapshot", name);
  auto& snapshots = state_->space(ns).snapshots;
  Lease* owner = state_->lease(ns, lease);
  if (snapshots.contains(name)) {
    throw Error{kinds::already_exists, fmt::format("snapshot \"{}\": already exists", name)};
  }
  const auto found = snapshots.find(key);
  if (found == snapshots.end()) missing("snapshot", key);
  Snapshot snapshot = found->second;
  if (snapshot.committed || snapshot.read_only) {
    throw Error{kinds::failed_precondition, fmt::format("snapshot {} is not active", key)};
  }
  snapshots.erase(found);
  snapshot.committed = true;
  snapshot.labels = labels;
  snapshots.emplace(name, std::move(snapshot));
  if (owner != nullptr) {
    owner->snapshots.erase(key);
    owner->snapshots.insert(name);
  }
}

void FakeRuntime::remove_snapshot(const std::string& ns, const std::string& key,
                                  const std::string& snapshotter) {
  const auto lock = state_->enter("remove_snapshot", key);
  check_snapshotter(snapshotter);
  auto& snapshots = state_->space(ns).snapshots;
  for (const auto& [name, snapshot] : snapshots) {
    if (snapshot.parent == key) {
      throw Error{kinds::failed_precondition, "cannot remove snapshot with child"};
    }
  }
  snapshots.erase(key);
}

std::vector<std::string> FakeRuntime::list_snapshots(const std::string& ns,
                                                     const std::string& snapshotter) {
  const auto lock = state_->enter("list_snapshots", ns);
  check_snapshotter(snapshotter);
  std::vector<std::string> keys;
  if (const Namespace* space = state_->find_space(ns)) {
    for (const auto& [key, snapshot] : space->snapshots) keys.push_back(key);
  }
  return keys;
}

std::string FakeRuntime::apply_layer(const std::string& ns, const Descriptor& layer,
                                     const std::vector<Mount>& mounts, const std::string& lease) {
  const auto lock = state_->enter("apply_layer", layer.digest);
  state_->lease(ns, lease);
  const Namespace* space = state_->find_space(ns);
  if (space == nullptr || !space->blobs.contains(layer.digest)) missing("content", layer.digest);
  if (mounts.empty()) throw Error{kinds::invalid_argument, "a layer needs mounts to go to"};
  if (const auto found = state_->diff_ids.find(layer.digest); found != state_->diff_ids.end()) {
    return found->second;
  }
  return layer.digest;
}

void FakeRuntime::create_container(const std::string& ns, const ContainerRecord& container) {
  const auto lock = state_->enter("create_container", container.id);
  if (!state_->space(ns).containers.try_emplace(container.id, container).second) {
    throw Error{kinds::already_exists,
                fmt::format("container \"{}\": already exists", container.id)};
  }
}

std::optional<ContainerRecord> FakeRuntime::find_container(const std::string& ns,
                                                           const std::string& id) {
  const auto lock = state_->enter("find_container", id);
  const Namespace* space = state_->find_space(ns);
  if (space == nullptr || !space->containers.contains(id)) return std::nullopt;
  return space->containers.at(id);
}

std::vector<ContainerRecord> FakeRuntime::list_containers(const std::string& ns,
                                                          const runtime::Filters& filters) {
  const auto lock = state_->enter("list_containers", ns);
  std::vector<ContainerFilter> parsed;
  for (const std::string& filter : filters) parsed.push_back(ContainerFilter::parse(filter));
  std::vector<ContainerRecord> list;
  if (const Namespace* space = state_->find_space(ns)) {
    for (const auto& [id, container] : space->containers) {
      const bool wanted = parsed.empty() || std::ranges::any_of(parsed, [&](const auto& filter) {
                            return filter.matches(container);
                          });
      if (wanted) list.push_back(container);
    }
  }
  return list;
}

void FakeRuntime::set_container_labels(const std::string& ns, const std::string& id,
                                       const Labels& labels) {
  const auto lock = state_->enter("set_container_labels", id);
  auto& containers = state_->space(ns).containers;
  const auto found = containers.find(id);
  if (found == containers.end()) missing("container", id);
  apply(labels, found->second.labels);
}

void FakeRuntime::delete_container(const std::string& ns, const std::string& id) {
  const auto lock = state_->enter("delete_container", id);
  Namespace& space = state_->space(ns);
  if (const auto task = space.tasks.find(id); task != space.tasks.end()) {
    throw Error{kinds::failed_precondition,
                fmt::format("container {} still has a task; delete that first", id)};
  }
  space.containers.erase(id);
}

Task FakeRuntime::start_task(const std::string& ns, const std::string& id,
                             const TaskOptions& options) {
  const auto lock = state_->enter("start_task", id);
  Namespace& space = state_->space(ns);
  if (!space.containers.contains(id)) missing("container", id);
  if (space.tasks.contains(id)) {
    throw Error{kinds::already_exists, fmt::format("task {}: already exists", id)};
  }
  RunningTask running{.task = {.container_id = id,
                               .pid = state_->next_pid++,
                               .state = TaskState::running,
                               .exit_code = 0,
                               .exited_at = {}},
                      .options = options,
                      .ignored = {},
                      .pending = {},
                      .metrics = {},
                      .execs = {}};
  const Task task = running.task;
  space.tasks.emplace(id, std::move(running));
  if (options.on_created) options.on_created();
  state_->publish({.kind = EventKind::task_started,
                   .ns = ns,
                   .container_id = id,
                   .pid = task.pid,
                   .exit_code = 0,
                   .at = Timestamp::now()});
  return task;
}

std::optional<Task> FakeRuntime::find_task(const std::string& ns, const std::string& id) {
  const auto lock = state_->enter("find_task", id);
  const Namespace* space = state_->find_space(ns);
  if (space == nullptr || !space->tasks.contains(id)) return std::nullopt;
  return space->tasks.at(id).task;
}

std::vector<Task> FakeRuntime::list_tasks(const std::string& ns) {
  const auto lock = state_->enter("list_tasks", ns);
  std::vector<Task> list;
  if (const Namespace* space = state_->find_space(ns)) {
    for (const auto& [id, running] : space->tasks) list.push_back(running.task);
  }
  return list;
}

void FakeRuntime::kill_task(const std::string& ns, const std::string& id, int signal) {
  const auto lock = state_->enter("kill_task", id);
  auto& tasks = state_->space(ns).tasks;
  const auto found = tasks.find(id);
  if (found != tasks.end()) state_->signal(ns, found->second, signal);
}

std::optional<Task> FakeRuntime::wait_task(const std::string& ns, const std::string& id,
                                           std::chrono::milliseconds timeout) {
  auto lock = state_->enter("wait_task", id);
  return state_->wait(lock, ns, id, timeout);
}

std::optional<Task> FakeRuntime::kill_and_wait(const std::string& ns, const std::string& id,
                                               int signal, std::chrono::milliseconds timeout) {
  auto lock = state_->enter("kill_and_wait", id);
  state_->signal(ns, state_->task(ns, id), signal);
  return state_->wait(lock, ns, id, timeout);
}

void FakeRuntime::pause_task(const std::string& ns, const std::string& id) {
  const auto lock = state_->enter("pause_task", id);
  Task& task = state_->task(ns, id).task;
  if (task.state == TaskState::paused) return;
  if (task.state != TaskState::running) not_running(task);
  task.state = TaskState::paused;
  state_->publish_state(EventKind::task_paused, ns, task);
}

void FakeRuntime::resume_task(const std::string& ns, const std::string& id) {
  const auto lock = state_->enter("resume_task", id);
  RunningTask& running = state_->task(ns, id);
  if (running.task.state == TaskState::running) return;
  if (running.task.state != TaskState::paused) not_running(running.task);
  running.task.state = TaskState::running;
  state_->publish_state(EventKind::task_resumed, ns, running.task);
  for (const int signal : std::exchange(running.pending, {})) state_->signal(ns, running, signal);
}

void FakeRuntime::delete_task(const std::string& ns, const std::string& id) {
  const auto lock = state_->enter("delete_task", id);
  auto& tasks = state_->space(ns).tasks;
  const auto found = tasks.find(id);
  if (found == tasks.end()) return;
  state_->exit(ns, found->second, 128 + SIGKILL);
  const Task task = found->second.task;
  tasks.erase(found);
  state_->publish({.kind = EventKind::task_deleted,
                   .ns = ns,
                   .container_id = id,
                   .pid = task.pid,
                   .exit_code = task.exit_code,
                   .at = Timestamp::now()});
}

std::optional<runtime::TaskMetrics> FakeRuntime::find_metrics(const std::string& ns,
                                                              const std::string& id) {
  const auto lock = state_->enter("find_metrics", id);
  const Namespace* space = state_->find_space(ns);
  if (space == nullptr || !space->tasks.contains(id)) return std::nullopt;
  runtime::TaskMetrics metrics = space->tasks.at(id).metrics;
  metrics.container_id = id;
  metrics.at = Timestamp::now();
  return metrics;
}

std::vector<runtime::TaskMetrics> FakeRuntime::list_metrics(const std::string& ns) {
  const auto lock = state_->enter("list_metrics", ns);
  std::vector<runtime::TaskMetrics> list;
  if (const Namespace* space = state_->find_space(ns)) {
    for (const auto& [id, running] : space->tasks) {
      list.push_back(running.metrics);
      list.back().container_id = id;
      list.back().at = Timestamp::now();
    }
  }
  return list;
}

std::unique_ptr<runtime::Exec> FakeRuntime::exec(const std::string& ns, const std::string& id,
                                                 const runtime::ExecOptions& options) {
  const auto lock = state_->enter("exec", id);
  if (options.process.args.empty()) {
    throw Error{kinds::invalid_argument, "a process needs a command"};
  }
  RunningTask& running = state_->task(ns, id);
  if (running.task.state == TaskState::paused) {
    throw Error{kinds::failed_precondition,
                fmt::format("container {} is paused: resume it first", id)};
  }
  if (running.task.state != TaskState::running) not_running(running.task);
  const std::string& command = options.process.args.front();
  const auto program = state_->programs.find(command);
  if (program == state_->programs.end()) {
    throw Error{kinds::invalid_argument,
                fmt::format("exec: {}: executable file not found in $PATH", quote(command))};
  }
  const std::uint32_t pid = state_->next_pid++;
  const std::string exec_id = fmt::format("exec-{}", pid);
  auto process = std::make_shared<FakeProcess>(options);
  running.execs.emplace(exec_id, process);
  return make_fake_exec(exec_id, pid, std::move(process), program->second, [this, ns, id, exec_id] {
    const std::lock_guard held{state_->mutex};
    auto& tasks = state_->space(ns).tasks;
    if (const auto found = tasks.find(id); found != tasks.end()) {
      found->second.execs.erase(exec_id);
    }
  });
}

void FakeRuntime::watch(const std::function<void(const Event&)>& on_event,
                        const std::function<void()>& on_connected, std::stop_token stop) {
  Watcher self;
  std::unique_lock lock = state_->enter("watch", "");
  struct Leave {
    State& state;
    Watcher& watcher;
    std::unique_lock<std::mutex>& lock;
    ~Leave() {
      if (!lock.owns_lock()) lock.lock();
      state.watchers.erase(&watcher);
    }
  } leave{*state_, self, lock};
  state_->watchers.insert(&self);
  while (!stop.stop_requested()) {
    if (self.stream != state_->stream) {
      self.stream = state_->stream;
      self.events.clear();
      lock.unlock();
      on_connected();
      lock.lock();
      self.connected = self.stream;
      state_->changed.notify_all();
      continue;
    }
    if (!self.events.empty()) {
      const Event event = self.events.front();
      self.events.pop_front();
      lock.unlock();
      on_event(event);
      lock.lock();
      continue;
    }
    state_->changed.wait(lock, stop,
                         [&] { return self.stream != state_->stream || !self.events.empty(); });
  }
}

}  // namespace kukeon::fakes

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/timestamp.h"

// The container runtime in our words: what the engine and the image importer ask of containerd. The
// implementation over gRPC is containerd::connect(); the in-memory one for tests is
// fakes::FakeRuntime. Every call is bounded in time and throws Error: not_found, already_exists,
// failed_precondition, deadline_exceeded, connect_containerd (nobody answers on the socket), or
// unknown with the runtime's text. Calls are safe from any thread. `ns` is always a containerd
// namespace; containerd makes one that does not exist of whatever is put into it. Every delete and
// remove succeeds where its object is gone.
namespace kukeon::runtime {

using Labels = std::map<std::string, std::string>;

// In containerd's syntax: `id==web,labels."kukeon.io/cell"~=^a`. A comma says "and".
using Filters = std::vector<std::string>;

// A blob in the content store: OCI's descriptor.
struct Descriptor {
  std::string media_type;
  std::string digest;  // "sha256:…"
  std::int64_t size_bytes = 0;

  bool operator==(const Descriptor&) const = default;
};

struct ImageRecord {
  std::string name;  // normalised reference
  Descriptor target;
  Labels labels;
  Timestamp created_at;
};

// What mount(2) gets; snapshots answer with these, tasks are created on them.
struct Mount {
  std::string type;
  std::string source;
  std::vector<std::string> options;

  bool operator==(const Mount&) const = default;
};

struct ContainerRecord {
  std::string id;
  std::string image;        // reference, or empty for a root file system of ours
  std::string snapshotter;  // empty: no snapshot
  std::string snapshot_key;
  std::string spec_json;  // the OCI runtime spec
  Labels labels;
};

enum class TaskState { unknown, created, running, stopped, paused, pausing };

struct Task {
  std::string container_id;
  std::uint32_t pid = 0;
  TaskState state = TaskState::unknown;
  std::uint32_t exit_code = 0;
  Timestamp exited_at;
};

struct TaskOptions {
  std::vector<Mount> rootfs;
  // A host file that the shim appends stdout and stderr to; empty: discarded.
  std::string log_path{};
  // Called when the task is made and its shim runs, before it is started.
  std::function<void()> on_created{};
};

// What a task's cgroup has counted. The numbers are those of its shim, decoded from containerd's
// answer rather than read from /sys/fs/cgroup: the shim knows where each hierarchy is mounted and
// which files of it exist, on cgroup v1, hybrid and v2 hosts alike.
struct TaskMetrics {
  std::string container_id;
  Timestamp at;

  std::uint64_t memory_bytes = 0;         // with the page cache of its files
  std::uint64_t inactive_file_bytes = 0;  // of these, cache that the kernel drops first
  std::optional<std::uint64_t> memory_limit_bytes;

  std::chrono::nanoseconds cpu_time{0};
  std::uint64_t throttled_periods = 0;
  std::chrono::nanoseconds throttled_time{0};

  std::uint64_t threads = 0;  // what the pids controller counts
  std::optional<std::uint64_t> threads_limit;

  std::uint64_t io_read_bytes = 0;  // of block devices; 0 where the kernel counts none
  std::uint64_t io_written_bytes = 0;
};

enum class EventKind {
  task_started,
  task_paused,
  task_resumed,
  task_exited,
  task_oom,
  task_deleted,
  other,
};

struct Event {
  EventKind kind = EventKind::other;
  std::string ns;
  std::string container_id;
  std::uint32_t pid = 0;
  std::uint32_t exit_code = 0;
  Timestamp at;
};

// Reads a source in pieces: fills `buffer`, returns the count, 0 at the end. Throws on failure.
using Source = std::function<std::size_t(char* buffer, std::size_t size)>;

class Exec;  // runtime/exec.h
struct ExecOptions;

class Runtime {
 public:
  virtual ~Runtime() = default;

  // "containerd 1.6.20~ds1"; doubles as the liveness check.
  virtual std::string version() = 0;
  // The OCI runtime that start_task uses, by its binary's name: "runc" or "crun".
  virtual std::string oci_runtime() = 0;

  // Namespaces. create succeeds where it exists; delete throws failed_precondition while it still
  // holds objects. Labels of one that does not exist: not_found.
  virtual void create_namespace(const std::string& ns, const Labels& labels) = 0;
  virtual void delete_namespace(const std::string& ns) = 0;
  virtual bool namespace_exists(const std::string& ns) = 0;
  virtual std::vector<std::string> list_namespaces() = 0;
  virtual Labels namespace_labels(const std::string& ns) = 0;
  // Adds or replaces these and keeps the others; an empty value removes its label.
  virtual void set_namespace_labels(const std::string& ns, const Labels& labels) = 0;

  // Leases keep what is made under them from the garbage collector. While `lease` is non-empty in
  // the calls below, what they make belongs to it. create throws already_exists; a lease that
  // nobody deletes expires after a day.
  virtual void create_lease(const std::string& ns, const std::string& id) = 0;
  virtual void delete_lease(const std::string& ns, const std::string& id) = 0;  // synchronous GC
  virtual std::vector<std::string> list_leases(const std::string& ns) = 0;

  // Content. write_blob reads nothing when the digest is there, in this namespace or in another; it
  // throws invalid_argument when the bytes do not hash to the digest or differ in size, and stores
  // nothing. Without a lease only a label (`containerd.io/gc.root`, or another blob's gc.ref) keeps
  // a blob.
  virtual bool has_blob(const std::string& ns, const std::string& digest) = 0;
  virtual void write_blob(const std::string& ns, const Descriptor& blob, const Source& source,
                          const Labels& labels, const std::string& lease) = 0;
  virtual std::string read_blob(const std::string& ns, const std::string& digest,
                                std::size_t limit = std::size_t{8} << 20) = 0;
  // Adds or replaces these and keeps the others; an empty value removes its label.
  virtual void set_blob_labels(const std::string& ns, const std::string& digest,
                               const Labels& labels) = 0;
  virtual std::vector<Descriptor> list_blobs(const std::string& ns) = 0;  // media_type is empty
  virtual void delete_blob(const std::string& ns, const std::string& digest) = 0;

  // Images. put creates or replaces; delete is synchronous: layers are freed when it returns.
  virtual void put_image(const std::string& ns, const ImageRecord& image) = 0;
  virtual std::optional<ImageRecord> find_image(const std::string& ns, const std::string& name) = 0;
  virtual std::vector<ImageRecord> list_images(const std::string& ns) = 0;
  virtual void delete_image(const std::string& ns, const std::string& name) = 0;

  // Snapshots. `parent` may be empty. prepare and view throw already_exists; remove throws
  // failed_precondition while another snapshot stands on it. commit keeps only the labels it is
  // given. What prepare and view make carries `containerd.io/gc.root` unless a lease holds it:
  // without either, a GC that any other deletion starts removes it before its container exists.
  // list and remove take another snapshotter's name than ours, for a clean-up after others; one
  // that containerd has not loaded is invalid_argument.
  virtual std::string snapshotter() = 0;
  virtual bool snapshot_exists(const std::string& ns, const std::string& key) = 0;
  virtual std::vector<Mount> prepare_snapshot(const std::string& ns, const std::string& key,
                                              const std::string& parent, const Labels& labels,
                                              const std::string& lease) = 0;
  virtual std::vector<Mount> view_snapshot(const std::string& ns, const std::string& key,
                                           const std::string& parent, const std::string& lease) = 0;
  virtual std::vector<Mount> snapshot_mounts(const std::string& ns, const std::string& key) = 0;
  virtual void commit_snapshot(const std::string& ns, const std::string& name,
                               const std::string& key, const Labels& labels,
                               const std::string& lease) = 0;
  virtual void remove_snapshot(const std::string& ns, const std::string& key,
                               const std::string& snapshotter = {}) = 0;
  virtual std::vector<std::string> list_snapshots(const std::string& ns,
                                                  const std::string& snapshotter = {}) = 0;

  // Extracts a layer blob onto mounts; answers the digest of the uncompressed tar (the diff id).
  virtual std::string apply_layer(const std::string& ns, const Descriptor& layer,
                                  const std::vector<Mount>& mounts, const std::string& lease) = 0;

  // Containers: records only, nothing runs. delete leaves the snapshot; delete the task first,
  // containerd does not look (remove_container() of runtime/containers.h does all three).
  virtual void create_container(const std::string& ns, const ContainerRecord& container) = 0;
  virtual std::optional<ContainerRecord> find_container(const std::string& ns,
                                                        const std::string& id) = 0;
  // Those that any of `filters` matches (runtime/filter.h), all without one.
  virtual std::vector<ContainerRecord> list_containers(const std::string& ns,
                                                       const Filters& filters = {}) = 0;
  // Adds or replaces these and keeps the others; an empty value removes its label.
  virtual void set_container_labels(const std::string& ns, const std::string& id,
                                    const Labels& labels) = 0;
  virtual void delete_container(const std::string& ns, const std::string& id) = 0;

  // Tasks: the running side. start_task creates and starts, and leaves nothing when either fails;
  // it throws already_exists where a task is, even one that has exited: delete that first. A
  // command that the image lacks is invalid_argument with the OCI runtime's own last line.
  // Containers whose specs name the same `io.containerd.runc.v2.group` annotation share one shim.
  // Only once the first of them is made may others be started beside it: two that find no shim each
  // begin one, and containerd forgets the loser, which then stays for ever.
  virtual Task start_task(const std::string& ns, const std::string& id,
                          const TaskOptions& options) = 0;
  virtual std::optional<Task> find_task(const std::string& ns, const std::string& id) = 0;
  // Asks every shim (0.16 ms each): for start-up and reconcile, never for reads.
  virtual std::vector<Task> list_tasks(const std::string& ns) = 0;
  // Success where the task is gone or has exited.
  virtual void kill_task(const std::string& ns, const std::string& id, int signal) = 0;
  // The exited task, or nothing when it still runs at the deadline. Throws not_found.
  virtual std::optional<Task> wait_task(const std::string& ns, const std::string& id,
                                        std::chrono::milliseconds timeout) = 0;
  // Sends `signal` while it already waits for the exit, so the exit code is not lost to whoever
  // deletes the task the moment it ends (runtime.md 2.7). Answers as wait_task does. A paused task
  // takes no signal until it is resumed: runtime/containers.h has stop_task().
  virtual std::optional<Task> kill_and_wait(const std::string& ns, const std::string& id,
                                            int signal, std::chrono::milliseconds timeout) = 0;
  // Freezes and thaws all its processes; success where that is its state already. Throws not_found,
  // and failed_precondition for a task that has exited.
  virtual void pause_task(const std::string& ns, const std::string& id) = 0;
  virtual void resume_task(const std::string& ns, const std::string& id) = 0;
  // Removes an exited task, or kills and removes a live one, paused or not. Its log file is
  // complete when this returns.
  virtual void delete_task(const std::string& ns, const std::string& id) = 0;

  // Nothing where the container has no task.
  virtual std::optional<TaskMetrics> find_metrics(const std::string& ns, const std::string& id) = 0;
  virtual std::vector<TaskMetrics> list_metrics(const std::string& ns) = 0;  // asks every shim

  // Starts a process in a running container. Throws not_found where the container has no task,
  // failed_precondition where its task is paused or has exited, invalid_argument for a command
  // that the container lacks. The Exec must not outlive this Runtime.
  virtual std::unique_ptr<Exec> exec(const std::string& ns, const std::string& id,
                                     const ExecOptions& options) = 0;

  // Calls `on_event` for task events of every namespace until stopped. `on_connected` is called
  // each time a stream stands (the first time too): events may have been missed before it, so list
  // then. Returns when stop is requested.
  virtual void watch(const std::function<void(const Event&)>& on_event,
                     const std::function<void()>& on_connected, std::stop_token stop) = 0;
};

}  // namespace kukeon::runtime

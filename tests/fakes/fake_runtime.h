// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fakes/fake_exec.h"
#include "kukeon/base/error.h"
#include "kukeon/runtime/runtime.h"

namespace kukeon::fakes {

// A Runtime in memory. It keeps containerd's rules that our code leans on: digests are checked, a
// namespace with objects cannot be deleted, and whatever neither an image, a container, a lease nor
// `containerd.io/gc.root` holds is gone after the next delete_image or delete_lease. Tasks "run"
// until a signal or exit_task() ends them; a paused one takes its signals when it is resumed, but
// SIGKILL at once. Their pids lie above the kernel's largest, so no call can reach a real process.
// Safe from any thread.
class FakeRuntime final : public runtime::Runtime {
 public:
  FakeRuntime();
  ~FakeRuntime() override;

  // Driving it. `method` is the name of a member below ("start_task"); `object` is what the call is
  // about: the container id, snapshot key, digest, image name, lease id, or the namespace for
  // namespace calls. Unknown method names throw invalid_argument, so that a typo cannot make a test
  // pass.
  void fail_next(std::string_view method, Error error);  // the next call only
  void fail(std::string_view method, std::string_view object,
            Error error);  // until clear_failures()
  void clear_failures();
  // From now on this call hangs until unblock(), as one to a shim that does not answer. Other calls
  // go on.
  void block(std::string_view method, std::string_view object);
  void unblock();
  // Returns once `count` calls hang; false after five seconds.
  bool wait_for_blocked(int count);

  void exit_task(const std::string& ns, const std::string& id, std::uint32_t code);
  // What an exec runs where the process's first argument is `name`: in every container. `true`,
  // `false`, `echo`, `cat` and `sleep` are there without it; any other command is missing.
  void set_program(const std::string& name, FakeProgram program);
  void set_metrics(const std::string& ns, const std::string& id, runtime::TaskMetrics metrics);
  void oom_task(const std::string& ns, const std::string& id);  // an OOM event; the task lives on
  void ignore_signal(const std::string& ns, const std::string& id, int signal);  // never SIGKILL
  // As when containerd restarts: tasks are untouched, every watch() loses its stream and connects
  // again.
  void break_streams();
  // Returns once `count` watch() calls have a stream; false after five seconds.
  bool wait_for_watchers(int count);

  // Snapshots answer with a bind mount of this directory; without it, of one that does not exist.
  void set_rootfs(std::filesystem::path directory);
  // What apply_layer answers for a compressed layer; for a plain tar it answers the blob's own
  // digest.
  void set_diff_id(const std::string& layer_digest, const std::string& diff_id);

  // Looking at it.
  int calls(std::string_view method) const;
  // The options of the last start_task.
  runtime::TaskOptions task_options(const std::string& ns, const std::string& id) const;
  runtime::Labels snapshot_labels(const std::string& ns, const std::string& key) const;
  runtime::Labels blob_labels(const std::string& ns, const std::string& digest) const;
  // Everything it holds, sorted, as "container default.kukeon.io/web": for leak checks.
  std::vector<std::string> objects() const;

  // Runtime.
  std::string version() override;
  std::string oci_runtime() override;

  void create_namespace(const std::string& ns, const runtime::Labels& labels) override;
  void delete_namespace(const std::string& ns) override;
  bool namespace_exists(const std::string& ns) override;
  std::vector<std::string> list_namespaces() override;
  runtime::Labels namespace_labels(const std::string& ns) override;
  void set_namespace_labels(const std::string& ns, const runtime::Labels& labels) override;

  void create_lease(const std::string& ns, const std::string& id) override;
  void delete_lease(const std::string& ns, const std::string& id) override;
  std::vector<std::string> list_leases(const std::string& ns) override;

  bool has_blob(const std::string& ns, const std::string& digest) override;
  void write_blob(const std::string& ns, const runtime::Descriptor& blob,
                  const runtime::Source& source, const runtime::Labels& labels,
                  const std::string& lease) override;
  std::string read_blob(const std::string& ns, const std::string& digest,
                        std::size_t limit = std::size_t{8} << 20) override;
  void set_blob_labels(const std::string& ns, const std::string& digest,
                       const runtime::Labels& labels) override;
  std::vector<runtime::Descriptor> list_blobs(const std::string& ns) override;
  void delete_blob(const std::string& ns, const std::string& digest) override;

  void put_image(const std::string& ns, const runtime::ImageRecord& image) override;
  std::optional<runtime::ImageRecord> find_image(const std::string& ns,
                                                 const std::string& name) override;
  std::vector<runtime::ImageRecord> list_images(const std::string& ns) override;
  void delete_image(const std::string& ns, const std::string& name) override;

  std::string snapshotter() override;
  bool snapshot_exists(const std::string& ns, const std::string& key) override;
  std::vector<runtime::Mount> prepare_snapshot(const std::string& ns, const std::string& key,
                                               const std::string& parent,
                                               const runtime::Labels& labels,
                                               const std::string& lease) override;
  std::vector<runtime::Mount> view_snapshot(const std::string& ns, const std::string& key,
                                            const std::string& parent,
                                            const std::string& lease) override;
  std::vector<runtime::Mount> snapshot_mounts(const std::string& ns,
                                              const std::string& key) override;
  void commit_snapshot(const std::string& ns, const std::string& name, const std::string& key,
                       const runtime::Labels& labels, const std::string& lease) override;
  void remove_snapshot(const std::string& ns, const std::string& key,
                       const std::string& snapshotter = {}) override;
  std::vector<std::string> list_snapshots(const std::string& ns,
                                          const std::string& snapshotter = {}) override;

  std::string apply_layer(const std::string& ns, const runtime::Descriptor& layer,
                          const std::vector<runtime::Mount>& mounts,
                          const std::string& lease) override;

  void create_container(const std::string& ns, const runtime::ContainerRecord& container) override;
  std::optional<runtime::ContainerRecord> find_container(const std::string& ns,
                                                         const std::string& id) override;
  std::vector<runtime::ContainerRecord> list_containers(
      const std::string& ns, const runtime::Filters& filters = {}) override;
  void set_container_labels(const std::string& ns, const std::string& id,
                            const runtime::Labels& labels) override;
  void delete_container(const std::string& ns, const std::string& id) override;

  runtime::Task start_task(const std::string& ns, const std::string& id,
                           const runtime::TaskOptions& options) override;
  std::optional<runtime::Task> find_task(const std::string& ns, const std::string& id) override;
  std::vector<runtime::Task> list_tasks(const std::string& ns) override;
  void kill_task(const std::string& ns, const std::string& id, int signal) override;
  std::optional<runtime::Task> wait_task(const std::string& ns, const std::string& id,
                                         std::chrono::milliseconds timeout) override;
  std::optional<runtime::Task> kill_and_wait(const std::string& ns, const std::string& id,
                                             int signal,
                                             std::chrono::milliseconds timeout) override;
  void pause_task(const std::string& ns, const std::string& id) override;
  void resume_task(const std::string& ns, const std::string& id) override;
  void delete_task(const std::string& ns, const std::string& id) override;

  std::optional<runtime::TaskMetrics> find_metrics(const std::string& ns,
                                                   const std::string& id) override;
  std::vector<runtime::TaskMetrics> list_metrics(const std::string& ns) override;
  std::unique_ptr<runtime::Exec> exec(const std::string& ns, const std::string& id,
                                      const runtime::ExecOptions& options) override;

  void watch(const std::function<void(const runtime::Event&)>& on_event,
             const std::function<void()>& on_connected, std::stop_token stop) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kukeon::fakes

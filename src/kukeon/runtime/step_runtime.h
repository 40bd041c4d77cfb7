// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kukeon/runtime/exec.h"
#include "kukeon/runtime/runtime.h"

namespace kukeon::runtime {

// Another Runtime whose effects are named steps (base/step.h): "runtime.create_container".
class StepRuntime final : public Runtime {
 public:
  explicit StepRuntime(std::shared_ptr<Runtime> inner) : inner_{std::move(inner)} {}

  std::string version() override;
  std::string oci_runtime() override;
  void create_namespace(const std::string& ns, const Labels& labels) override;
  void delete_namespace(const std::string& ns) override;
  bool namespace_exists(const std::string& ns) override;
  std::vector<std::string> list_namespaces() override;
  Labels namespace_labels(const std::string& ns) override;
  void set_namespace_labels(const std::string& ns, const Labels& labels) override;
  void create_lease(const std::string& ns, const std::string& id) override;
  void delete_lease(const std::string& ns, const std::string& id) override;
  std::vector<std::string> list_leases(const std::string& ns) override;
  bool has_blob(const std::string& ns, const std::string& digest) override;
  void write_blob(const std::string& ns, const Descriptor& blob, const Source& source,
                  const Labels& labels, const std::string& lease) override;
  std::string read_blob(const std::string& ns, const std::string& digest,
                        std::size_t limit) override;
  void set_blob_labels(const std::string& ns, const std::string& digest,
                       const Labels& labels) override;
  std::vector<Descriptor> list_blobs(const std::string& ns) override;
  void delete_blob(const std::string& ns, const std::string& digest) override;
  void put_image(const std::string& ns, const ImageRecord& image) override;
  std::optional<ImageRecord> find_image(const std::string& ns, const std::string& name) override;
  std::vector<ImageRecord> list_images(const std::string& ns) override;
  void delete_image(const std::string& ns, const std::string& name) override;
  std::string snapshotter() override;
  bool snapshot_exists(const std::string& ns, const std::string& key) override;
  std::vector<Mount> prepare_snapshot(const std::string& ns, const std::string& key,
                                      const std::string& parent, const Labels& labels,
                                      const std::string& lease) override;
  std::vector<Mount> view_snapshot(const std::string& ns, const std::string& key,
                                   const std::string& parent, const std::string& lease) override;
  std::vector<Mount> snapshot_mounts(const std::string& ns, const std::string& key) override;
  void commit_snapshot(const std::string& ns, const std::string& name, const std::string& key,
                       const Labels& labels, const std::string& lease) override;
  void remove_snapshot(const std::string& ns, const std::string& key,
                       const std::string& snapshotter) override;
  std::vector<std::string> list_snapshots(const std::string& ns,
                                          const std::string& snapshotter) override;
  std::string apply_layer(const std::string& ns, const Descriptor& layer,
                          const std::vector<Mount>& mounts, const std::string& lease) override;
  void create_container(const std::string& ns, const ContainerRecord& container) override;
  std::optional<ContainerRecord> find_container(const std::string& ns,
                                                const std::string& id) override;
  std::vector<ContainerRecord> list_containers(const std::string& ns,
                                               const Filters& filters) override;
  void set_container_labels(const std::string& ns, const std::string& id,
                            const Labels& labels) override;
  void delete_container(const std::string& ns, const std::string& id) override;
  Task start_task(const std::string& ns, const std::string& id,
                  const TaskOptions& options) override;
  std::optional<Task> find_task(const std::string& ns, const std::string& id) override;
  std::vector<Task> list_tasks(const std::string& ns) override;
  void kill_task(const std::string& ns, const std::string& id, int signal) override;
  std::optional<Task> wait_task(const std::string& ns, const std::string& id,
                                std::chrono::milliseconds timeout) override;
  std::optional<Task> kill_and_wait(const std::string& ns, const std::string& id, int signal,
                                    std::chrono::milliseconds timeout) override;
  void pause_task(const std::string& ns, const std::string& id) override;
  void resume_task(const std::string& ns, const std::string& id) override;
  void delete_task(const std::string& ns, const std::string& id) override;
  std::optional<TaskMetrics> find_metrics(const std::string& ns, const std::string& id) override;
  std::vector<TaskMetrics> list_metrics(const std::string& ns) override;
  std::unique_ptr<Exec> exec(const std::string& ns, const std::string& id,
                             const ExecOptions& options) override;
  void watch(const std::function<void(const Event&)>& on_event,
             const std::function<void()>& on_connected, std::stop_token stop) override;

 private:
  std::shared_ptr<Runtime> inner_;
};

}  // namespace kukeon::runtime

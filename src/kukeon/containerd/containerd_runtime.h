// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "github.com/containerd/containerd/api/services/containers/v1/containers.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/content/v1/content.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/diff/v1/diff.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/events/v1/events.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/images/v1/images.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/leases/v1/leases.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/namespaces/v1/namespace.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/snapshots/v1/snapshots.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/tasks/v1/tasks.grpc.pb.h"
#include "github.com/containerd/containerd/api/services/version/v1/version.grpc.pb.h"

#include "kukeon/base/keyed_mutex.h"
#include "kukeon/containerd/client.h"

// Internal to this folder. The members are defined by area: namespaces.cpp (with leases),
// content.cpp, images.cpp (with snapshots and layers), tasks.cpp (with containers), exec.cpp,
// metrics.cpp, events.cpp.
namespace kukeon::containerd {

namespace api = ::containerd::services;

using runtime::Labels;

class ContainerdRuntime final : public runtime::Runtime {
 public:
  explicit ContainerdRuntime(const Options& options);

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
  void write_blob(const std::string& ns, const runtime::Descriptor& blob,
                  const runtime::Source& source, const Labels& labels,
                  const std::string& lease) override;
  std::string read_blob(const std::string& ns, const std::string& digest,
                        std::size_t limit) override;
  void set_blob_labels(const std::string& ns, const std::string& digest,
                       const Labels& labels) override;
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
                                               const std::string& parent, const Labels& labels,
                                               const std::string& lease) override;
  std::vector<runtime::Mount> view_snapshot(const std::string& ns, const std::string& key,
                                            const std::string& parent,
                                            const std::string& lease) override;
  std::vector<runtime::Mount> snapshot_mounts(const std::string& ns,
                                              const std::string& key) override;
  void commit_snapshot(const std::string& ns, const std::string& name, const std::string& key,
                       const Labels& labels, const std::string& lease) override;
  void remove_snapshot(const std::string& ns, const std::string& key,
                       const std::string& snapshotter) override;
  std::vector<std::string> list_snapshots(const std::string& ns,
                                          const std::string& snapshotter) override;

  std::string apply_layer(const std::string& ns, const runtime::Descriptor& layer,
                          const std::vector<runtime::Mount>& mounts,
                          const std::string& lease) override;

  void create_container(const std::string& ns, const runtime::ContainerRecord& container) override;
  std::optional<runtime::ContainerRecord> find_container(const std::string& ns,
                                                         const std::string& id) override;
  std::vector<runtime::ContainerRecord> list_containers(const std::string& ns,
                                                        const runtime::Filters& filters) override;
  void set_container_labels(const std::string& ns, const std::string& id,
                            const Labels& labels) override;
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
  void upload(const std::string& ns, const runtime::Descriptor& blob, const runtime::Source& source,
              const Labels& labels, const std::string& lease, const std::string& ref);
  void abort_upload(const std::string& ns, const std::string& ref);
  google::protobuf::Any runc_options() const;
  void create_task_when_free(const std::string& ns, const std::string& id,
                             const runtime::TaskOptions& options);
  void create_task(const std::string& ns, const std::string& id,
                   const runtime::TaskOptions& options);
  void discard_task(const std::string& ns, const std::string& id);
  void change_task(const std::string& ns, const std::string& id, runtime::TaskState wanted,
                   const std::function<void()>& change);
  void signal_task(const std::string& ns, const std::string& id, int signal, bool all);
  std::vector<runtime::TaskMetrics> metrics(const std::string& ns, const std::string& doing,
                                            const std::string& filter);
  Error exec_error(const std::string& ns, const std::string& id, const Error& error);
  void watch_once(const std::function<void(const runtime::Event&)>& on_event,
                  const std::function<void()>& on_connected, bool wait_for_containerd,
                  const std::stop_token& stop);

  Options options_;
  Client client_;
  KeyedMutex uploads_;  // one writer a blob: containerd refuses the second

  std::unique_ptr<api::version::v1::Version::Stub> version_;
  std::unique_ptr<api::namespaces::v1::Namespaces::Stub> namespaces_;
  std::unique_ptr<api::leases::v1::Leases::Stub> leases_;
  std::unique_ptr<api::content::v1::Content::Stub> content_;
  std::unique_ptr<api::images::v1::Images::Stub> images_;
  std::unique_ptr<api::snapshots::v1::Snapshots::Stub> snapshots_;
  std::unique_ptr<api::diff::v1::Diff::Stub> diff_;
  std::unique_ptr<api::containers::v1::Containers::Stub> containers_;
  std::unique_ptr<api::tasks::v1::Tasks::Stub> tasks_;
  std::unique_ptr<api::events::v1::Events::Stub> events_;
};

// Between protobuf's maps and ours.
template <class Map>
void set_labels(const Labels& from, Map* to) {
  for (const auto& [key, value] : from) (*to)[key] = value;
}
template <class Map>
Labels get_labels(const Map& from) {
  return Labels{from.begin(), from.end()};
}

// containerd collects what neither a lease nor this label holds.
inline constexpr const char* gc_root_label = "containerd.io/gc.root";

}  // namespace kukeon::containerd

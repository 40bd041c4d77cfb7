// SPDX-License-Identifier: Apache-2.0
#include "kukeon/runtime/step_runtime.h"

#include <utility>

#include "kukeon/base/step.h"

namespace kukeon::runtime {

std::string StepRuntime::version() { return inner_->version(); }

std::string StepRuntime::oci_runtime() { return inner_->oci_runtime(); }

void StepRuntime::create_namespace(const std::string& ns, const Labels& labels) {
  step("runtime.create_namespace", [&] { inner_->create_namespace(ns, labels); });
}

void StepRuntime::delete_namespace(const std::string& ns) {
  step("runtime.delete_namespace", [&] { inner_->delete_namespace(ns); });
}

bool StepRuntime::namespace_exists(const std::string& ns) { return inner_->namespace_exists(ns); }

std::vector<std::string> StepRuntime::list_namespaces() { return inner_->list_namespaces(); }

Labels StepRuntime::namespace_labels(const std::string& ns) { return inner_->namespace_labels(ns); }

void StepRuntime::set_namespace_labels(const std::string& ns, const Labels& labels) {
  step("runtime.set_namespace_labels", [&] { inner_->set_namespace_labels(ns, labels); });
}

void StepRuntime::create_lease(const std::string& ns, const std::string& id) {
  step("runtime.create_lease", [&] { inner_->create_lease(ns, id); });
}

void StepRuntime::delete_lease(const std::string& ns, const std::string& id) {
  step("runtime.delete_lease", [&] { inner_->delete_lease(ns, id); });
}

std::vector<std::string> StepRuntime::list_leases(const std::string& ns) {
  return inner_->list_leases(ns);
}

bool StepRuntime::has_blob(const std::string& ns, const std::string& digest) {
  return inner_->has_blob(ns, digest);
}

void StepRuntime::write_blob(const std::string& ns, const Descriptor& blob, const Source& source,
                             const Labels& labels, const std::string& lease) {
  step("runtime.write_blob", [&] { inner_->write_blob(ns, blob, source, labels, lease); });
}

std::string StepRuntime::read_blob(const std::string& ns, const std::string& digest,
                                   std::size_t limit) {
  return inner_->read_blob(ns, digest, limit);
}

void StepRuntime::set_blob_labels(const std::string& ns, const std::string& digest,
                                  const Labels& labels) {
  step("runtime.set_blob_labels", [&] { inner_->set_blob_labels(ns, digest, labels); });
}

std::vector<Descriptor> StepRuntime::list_blobs(const std::string& ns) {
  return inner_->list_blobs(ns);
}

void StepRuntime::delete_blob(const std::string& ns, const std::string& digest) {
  step("runtime.delete_blob", [&] { inner_->delete_blob(ns, digest); });
}

void StepRuntime::put_image(const std::string& ns, const ImageRecord& image) {
  step("runtime.put_image", [&] { inner_->put_image(ns, image); });
}

std::optional<ImageRecord> StepRuntime::find_image(const std::string& ns, const std::string& name) {
  return inner_->find_image(ns, name);
}

std::vector<ImageRecord> StepRuntime::list_images(const std::string& ns) {
  return inner_->list_images(ns);
}

void StepRuntime::delete_image(const std::string& ns, const std::string& name) {
  step("runtime.delete_image", [&] { inner_->delete_image(ns, name); });
}

std::string StepRuntime::snapshotter() { return inner_->snapshotter(); }

bool StepRuntime::snapshot_exists(const std::string& ns, const std::string& key) {
  return inner_->snapshot_exists(ns, key);
}

std::vector<Mount> StepRuntime::prepare_snapshot(const std::string& ns, const std::string& key,
                                                 const std::string& parent, const Labels& labels,
                                                 const std::string& lease) {
  return step("runtime.prepare_snapshot",
              [&] { return inner_->prepare_snapshot(ns, key, parent, labels, lease); });
}

std::vector<Mount> StepRuntime::view_snapshot(const std::string& ns, const std::string& key,
                                              const std::string& parent, const std::string& lease) {
  return step("runtime.view_snapshot",
              [&] { return inner_->view_snapshot(ns, key, parent, lease); });
}

std::vector<Mount> StepRuntime::snapshot_mounts(const std::string& ns, const std::string& key) {
  return inner_->snapshot_mounts(ns, key);
}

void StepRuntime::commit_snapshot(const std::string& ns, const std::string& name,
                                  const std::string& key, const Labels& labels,
                                  const std::string& lease) {
  step("runtime.commit_snapshot", [&] { inner_->commit_snapshot(ns, name, key, labels, lease); });
}

void StepRuntime::remove_snapshot(const std::string& ns, const std::string& key,
                                  const std::string& snapshotter) {
  step("runtime.remove_snapshot", [&] { inner_->remove_snapshot(ns, key, snapshotter); });
}

std::vector<std::string> StepRuntime::list_snapshots(const std::string& ns,
                                                     const std::string& snapshotter) {
  return inner_->list_snapshots(ns, snapshotter);
}

std::string StepRuntime::apply_layer(const std::string& ns, const Descriptor& layer,
                                     const std::vector<Mount>& mounts, const std::string& lease) {
  return step("runtime.apply_layer", [&] { return inner_->apply_layer(ns, layer, mounts, lease); });
}

void StepRuntime::create_container(const std::string& ns, const ContainerRecord& container) {
  step("runtime.create_container", [&] { inner_->create_container(ns, container); });
}

std::optional<ContainerRecord> StepRuntime::find_container(const std::string& ns,
                                                           const std::string& id) {
  return inner_->find_container(ns, id);
}

std::vector<ContainerRecord> StepRuntime::list_containers(const std::string& ns,
                                                          const Filters& filters) {
  return inner_->list_containers(ns, filters);
}

void StepRuntime::set_container_labels(const std::string& ns, const std::string& id,
                                       const Labels& labels) {
  step("runtime.set_container_labels", [&] { inner_->set_container_labels(ns, id, labels); });
}

void StepRuntime::delete_container(const std::string& ns, const std::string& id) {
  step("runtime.delete_container", [&] { inner_->delete_container(ns, id); });
}

Task StepRuntime::start_task(const std::string& ns, const std::string& id,
                             const TaskOptions& options) {
  return step("runtime.start_task", [&] { return inner_->start_task(ns, id, options); });
}

std::optional<Task> StepRuntime::find_task(const std::string& ns, const std::string& id) {
  return inner_->find_task(ns, id);
}

std::vector<Task> StepRuntime::list_tasks(const std::string& ns) { return inner_->list_tasks(ns); }

void StepRuntime::kill_task(const std::string& ns, const std::string& id, int signal) {
  step("runtime.kill_task", [&] { inner_->kill_task(ns, id, signal); });
}

std::optional<Task> StepRuntime::wait_task(const std::string& ns, const std::string& id,
                                           std::chrono::milliseconds timeout) {
  return inner_->wait_task(ns, id, timeout);
}

std::optional<Task> StepRuntime::kill_and_wait(const std::string& ns, const std::string& id,
                                               int signal, std::chrono::milliseconds timeout) {
  return step("runtime.kill_and_wait",
              [&] { return inner_->kill_and_wait(ns, id, signal, timeout); });
}

void StepRuntime::pause_task(const std::string& ns, const std::string& id) {
  step("runtime.pause_task", [&] { inner_->pause_task(ns, id); });
}

void StepRuntime::resume_task(const std::string& ns, const std::string& id) {
  step("runtime.resume_task", [&] { inner_->resume_task(ns, id); });
}

void StepRuntime::delete_task(const std::string& ns, const std::string& id) {
  step("runtime.delete_task", [&] { inner_->delete_task(ns, id); });
}

std::optional<TaskMetrics> StepRuntime::find_metrics(const std::string& ns, const std::string& id) {
  return inner_->find_metrics(ns, id);
}

std::vector<TaskMetrics> StepRuntime::list_metrics(const std::string& ns) {
  return inner_->list_metrics(ns);
}

std::unique_ptr<Exec> StepRuntime::exec(const std::string& ns, const std::string& id,
                                        const ExecOptions& options) {
  return step("runtime.exec", [&] { return inner_->exec(ns, id, options); });
}

void StepRuntime::watch(const std::function<void(const Event&)>& on_event,
                        const std::function<void()>& on_connected, std::stop_token stop) {
  inner_->watch(on_event, on_connected, std::move(stop));
}

}  // namespace kukeon::runtime

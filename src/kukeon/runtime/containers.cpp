// SPDX-License-Identifier: Apache-2.0
#include "kukeon/runtime/containers.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/base/strings.h"
#include "kukeon/runtime/signals.h"

namespace kukeon::runtime {
namespace {

// Runs every step and keeps the first failure.
class Attempts {
 public:
  void run(const std::function<void()>& step) {
    try {
      step();
    } catch (const Error& error) {
      // Without containerd every further step would only wait for it once more.
      if (error.is(kinds::connect_containerd)) throw;
      if (first_) {
        log::warn("namespace not emptied", {{"error", error.what()}});
      } else {
        first_ = error;
      }
    }
  }
  void finish() const {
    if (first_) throw Error{*first_};
  }

 private:
  std::optional<Error> first_;
};

// A snapshot goes only after its children: walks from the youngest until a walk removes nothing.
void remove_snapshots(Runtime& runtime, const std::string& ns, const std::string& snapshotter) {
  std::vector<std::string> left;
  try {
    left = runtime.list_snapshots(ns, snapshotter);
  } catch (const Error& error) {
    // Only a snapshotter that is not there cannot be asked; connections have their own kind.
    if (error.is(kinds::connect_containerd) || error.is(kinds::deadline_exceeded)) throw;
    log::debug("snapshotter skipped", {{"snapshotter", snapshotter}, {"cause", error.what()}});
    return;
  }
  constexpr int passes = 32;
  std::optional<Error> last;
  for (int pass = 0; pass < passes && !left.empty(); ++pass) {
    std::ranges::reverse(left);
    bool removed = false;
    for (const std::string& key : left) {
      try {
        runtime.remove_snapshot(ns, key, snapshotter);
        removed = true;
      } catch (const Error& error) {
        last = error;
      }
    }
    if (!removed) break;
    left = runtime.list_snapshots(ns, snapshotter);
  }
  if (!left.empty() && last) throw Error{*last};
}

// The lease is for nothing but its deletion, which runs a collection before it answers.
void collect_garbage(Runtime& runtime, const std::string& ns) {
  constexpr const char* lease = "kukeon-collect";
  try {
    runtime.create_lease(ns, lease);
  } catch (const Error& error) {
    if (!error.is(kinds::already_exists)) throw;
  }
  runtime.delete_lease(ns, lease);
}

}  // namespace

const std::vector<std::string> known_snapshotters{"overlayfs", "native",    "btrfs",
                                                  "zfs",       "devmapper", "blockfile"};

bool container_exists(Runtime& runtime, const std::string& ns, const std::string& id) {
  return runtime.find_container(ns, id).has_value();
}

void remove_container(Runtime& runtime, const std::string& ns, const std::string& id,
                      Snapshot snapshot) {
  const auto record = runtime.find_container(ns, id);
  runtime.delete_task(ns, id);
  if (!record) return;
  runtime.delete_container(ns, id);
  if (snapshot == Snapshot::remove && !record->snapshot_key.empty()) {
    runtime.remove_snapshot(ns, record->snapshot_key, record->snapshotter);
  }
}

std::optional<Task> stop_task(Runtime& runtime, const std::string& ns, const std::string& id,
                              const StopOptions& options) {
  const auto task = runtime.find_task(ns, id);
  if (!task || task->state == TaskState::stopped) return task;
  try {
    if (task->state == TaskState::paused || task->state == TaskState::pausing) {
      runtime.resume_task(ns, id);
    }
    if (options.signal != SIGKILL) {
      if (auto exited = runtime.kill_and_wait(ns, id, options.signal, options.grace)) return exited;
      if (options.force == Force::no) {
        throw Error{kinds::deadline_exceeded,
                    fmt::format("container {} still runs {} ms after {}", quote(id),
                                options.grace.count(), signal_name(options.signal))};
      }
    }
    if (auto exited = runtime.kill_and_wait(ns, id, SIGKILL, options.kill_wait)) return exited;
  } catch (const Error& error) {
    // Somebody else ended and deleted it in between.
    if (error.is(kinds::not_found)) return std::nullopt;
    throw;
  }
  throw Error{kinds::deadline_exceeded,
              fmt::format("container {} is still alive {} ms after SIGKILL", quote(id),
                          options.kill_wait.count())};
}

void empty_namespace(Runtime& runtime, const std::string& ns,
                     const std::vector<std::string>& snapshotters) {
  if (!runtime.namespace_exists(ns)) return;
  Attempts attempts;
  const auto for_each = [&](const auto& list, const auto& remove) {
    attempts.run([&] {
      for (const auto& each : list()) attempts.run([&] { remove(each); });
    });
  };
  for_each([&] { return runtime.list_containers(ns); },
           [&](const ContainerRecord& container) {
             remove_container(runtime, ns, container.id, Snapshot::remove);
           });
  // Tasks outlive their records: containerd does not look when a record is deleted. After that it
  // finds the task in its lists alone, until there is a record again.
  for_each([&] { return runtime.list_tasks(ns); },
           [&](const Task& task) {
             runtime.create_container(ns, {.id = task.container_id,
                                           .image = {},
                                           .snapshotter = {},
                                           .snapshot_key = {},
                                           .spec_json = "{}",
                                           .labels = {}});
             remove_container(runtime, ns, task.container_id, Snapshot::keep);
           });
  for_each([&] { return runtime.list_leases(ns); },
           [&](const std::string& lease) { runtime.delete_lease(ns, lease); });
  for_each([&] { return runtime.list_images(ns); },
           [&](const ImageRecord& image) { runtime.delete_image(ns, image.name); });
  std::vector<std::string> all = snapshotters;
  if (std::ranges::find(all, runtime.snapshotter()) == all.end()) {
    all.push_back(runtime.snapshotter());
  }
  for (const std::string& snapshotter : all) {
    attempts.run([&] { remove_snapshots(runtime, ns, snapshotter); });
  }
  for_each([&] { return runtime.list_blobs(ns); },
           [&](const Descriptor& blob) { runtime.delete_blob(ns, blob.digest); });
  attempts.run([&] { collect_garbage(runtime, ns); });
  attempts.finish();
}

}  // namespace kukeon::runtime

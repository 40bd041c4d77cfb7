// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "kukeon/runtime/runtime.h"

// What is more than one call to a Runtime, and the same for each.
namespace kukeon::runtime {

bool container_exists(Runtime& runtime, const std::string& ns, const std::string& id);

// Deletes the container with its task, killed if it runs, and its record; with Snapshot::remove
// also its writable layer. Success where it is gone.
enum class Snapshot { keep, remove };
void remove_container(Runtime& runtime, const std::string& ns, const std::string& id,
                      Snapshot snapshot);

enum class Force { no, yes };

struct StopOptions {
  int signal = SIGTERM;                        // find_signal() makes it of a name
  std::chrono::milliseconds grace{10'000};     // from the signal to SIGKILL
  Force force = Force::yes;                    // no: gives up where grace ends
  std::chrono::milliseconds kill_wait{5'000};  // from SIGKILL to "still alive"
};

// Ends a task and answers it as it ended, or nothing where there is none; the task stays to be
// deleted. A paused one is resumed, or it could not take the signal. Throws deadline_exceeded.
std::optional<Task> stop_task(Runtime& runtime, const std::string& ns, const std::string& id,
                              const StopOptions& options = {});

// Those that containerd has or had; a namespace that others used may hold snapshots of any.
extern const std::vector<std::string> known_snapshotters;

// Takes everything out of a namespace, so that it can be deleted: containers with their tasks, then
// leases, images, snapshots and blobs, and at the end a garbage collection, without which
// containerd goes on to say that the namespace is not empty (runtime.md 2.8). Snapshotters that
// are not loaded are skipped. Goes on after a failure, and throws the first one at the end.
void empty_namespace(Runtime& runtime, const std::string& ns,
                     const std::vector<std::string>& snapshotters = known_snapshotters);

}  // namespace kukeon::runtime

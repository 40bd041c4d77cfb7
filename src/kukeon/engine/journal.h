// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/model/names.h"
#include "kukeon/store/event.h"

// The events that the engine tells of, one function a type: the sentence for people and the same
// facts for programs stand together here. Whoever changes a document records its event in the same
// transaction: changes.put(cell, intent).record(journal::stopped(path)).
namespace kukeon::engine::journal {

store::Event created(const model::Path& path);
// `changes` as an apply reports them; nothing but names of fields.
store::Event updated(const model::Path& path, const std::vector<std::string>& changes);
store::Event deleted(const model::Path& path);

store::Event started(const model::Path& path);
// `signal` is the one that was sent first: "SIGTERM".
store::Event stopped(const model::Path& path, std::string_view signal);
// An operation gave up on the object; `reason` is its status reason.
store::Event failed(const model::Path& path, std::string_view reason, std::string_view message);

// A container's process ended. The signal follows from the code; `pid` 0 is unknown.
store::Event exited(const model::Path& container, std::int64_t exit_code, std::int64_t pid = 0);
// The restart policy started a container again: its `attempt`-th time since it was last stable.
store::Event restarted(const model::Path& container, std::int64_t attempt);
// The kernel killed a process of the container for want of memory.
store::Event oom(const model::Path& container);
// What somebody removed from the host is there again; `what` is a noun: "cgroup", "bridge".
store::Event repaired(const model::Path& path, std::string_view what);

store::Event pulled(const model::Path& realm, std::string_view image);

}  // namespace kukeon::engine::journal

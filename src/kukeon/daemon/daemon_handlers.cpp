// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <utility>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/daemon/handlers.h"

namespace kukeon::daemon {
void add_daemon_handlers(Router& router, engine::Engine& engine, runtime::Runtime& runtime,
                         DaemonFacts facts) {
  router.on<api::Ping>([](const api::Ping::Request&) {
    return api::Ping::Reply{.ok = true, .version = KUKEON_VERSION, .err = {}};
  });
  add_document_handlers(router, engine, facts.manifest_validation);
  router.on<api::Status>(
      [&engine, &runtime, facts = std::move(facts)](const api::Status::Request&) {
        const auto census = engine.census();
        api::Status::Result result;
        result.version = KUKEON_VERSION;
        result.pid = ::getpid();
        result.run_path = engine.config().run_path.string();
        result.socket = facts.socket;
        result.containerd_socket = facts.containerd_socket;
        try {
          result.containerd_version = runtime.version();
        } catch (const Error&) {
          result.containerd_version.clear();  // `kuke status` shows it as down
        }
        result.containerd_supervised = facts.containerd_supervised;
        result.oci_runtime = facts.oci_runtime;
        result.cgroup_layout = engine.cgroup_layout();
        result.realms = static_cast<std::int64_t>(census.realms);
        result.spaces = static_cast<std::int64_t>(census.spaces);
        result.stacks = static_cast<std::int64_t>(census.stacks);
        result.cells = static_cast<std::int64_t>(census.cells);
        result.containers = static_cast<std::int64_t>(census.containers);
        result.started_at = facts.started_at;
        return result;
      });
  router.on<api::Inventory>([&engine](const api::Inventory::Request&) {
    api::Inventory::Result result;
    result.objects = engine.inventory();
    result.objects.set_null(false);
    return result;
  });
  router.on<api::Teardown>([&engine](const api::Teardown::Request&) {
    api::Teardown::Result result;
    result.realms = decltype(result.realms)::empty_list();
    for (const auto& row : engine.teardown())
      result.realms.push_back({row.realm, row.ns, row.error});
    result.objects = engine.inventory();
    result.objects.set_null(false);
    return result;
  });
}

}  // namespace kukeon::daemon
